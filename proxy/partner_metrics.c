// SPDX-License-Identifier: Apache-2.0
/* Of /metrics, what is about partners. */
#include "federation/retrieval.h"
#include "proxy/gateway.h"
#include "proxy/partners.h"

static void put_head(struct text *out, const char *name, const char *type, const char *help)
{
    text_put_format(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_line(struct text *out, const char *name, const char *label, const char *value,
                     uint64_t number)
{
    text_put_format(out, "%s{%s=\"%s\"} %llu\n", name, label, value, (unsigned long long)number);
}

static void put_links(struct text *out, const struct links_counters *counters)
{
    static const char messages[] = "causeway_link_messages_total";
    static const char items[] = "causeway_link_items_total";

    put_head(out, "causeway_links", "gauge", "Links to partners, by state.");
    for (enum link_state state = LINK_NONE + 1; state < LINK_STATES; state++)
        put_line(out, "causeway_links", "state", link_state_name(state), counters->states[state]);
    put_head(out, messages, "counter", "Requests over links, and what became of them.");
    put_line(out, messages, "what", "sent", counters->sent);
    put_line(out, messages, "what", "answered", counters->answered);
    put_line(out, messages, "what", "failed", counters->failed);
    put_line(out, messages, "what", "untrusted", counters->untrusted);
    put_line(out, messages, "what", "taken", counters->taken);
    put_line(out, messages, "what", "refused", counters->refused);
    put_head(out, items, "counter", "Items of batches.");
    put_line(out, items, "what", "sent", counters->items_sent);
    put_line(out, items, "what", "taken", counters->items_taken);
    put_line(out, items, "what", "repeated", counters->items_repeated);
    put_line(out, items, "what", "refused", counters->items_refused);
}

static void put_port(struct text *out, const struct port_counters *counters)
{
    static const char refused[] = "causeway_partner_requests_refused_total";
    static const char strangers[] = "causeway_partner_strangers_total";

    put_head(out, refused, "counter", "Requests that the partner port refused, by why.");
    for (enum wire_problem problem = 0; problem < WIRE_PROBLEMS; problem++)
        put_line(out, refused, "problem", wire_problem_name(problem),
                 server_counter(&counters->problems[problem]));
    put_head(out, strangers, "counter", "Of these, of who is not accepted, by why not.");
    put_line(out, strangers, "why", "unknown", server_counter(&counters->unknown));
    for (enum peer_verdict verdict = PEER_ACCEPTED + 1; verdict < PEER_VERDICTS; verdict++)
        put_line(out, strangers, "why", peer_verdict_name(verdict),
                 server_counter(&counters->verdicts[verdict]));
}

static void put_connections(struct text *out, const struct partners *partners)
{
    static const char name[] = "causeway_partner_connections_total";
    const struct port_counters *port = port_counters(partners->port);
    const struct server_counters *server = worker_counters(partners->worker);

    put_head(out, name, "counter", "Connections to the partner port, by what became of them.");
    put_line(out, name, "what", "accepted", server_counter(&server->connections_accepted));
    put_line(out, name, "what", "handshake_failed", server_counter(&server->handshakes_failed));
    put_line(out, name, "what", "handshake_late", server_counter(&server->handshakes_late));
    put_line(out, name, "what", "too_many", server_counter(&server->strangers_refused));
    put_line(out, name, "what", "evicted", server_counter(&server->strangers_evicted));
    put_line(out, name, "what", "verified", server_counter(&port->accepted));
    put_line(out, name, "what", "resumed", server_counter(&port->resumed));
    put_line(out, name, "what", "cut", server_counter(&port->cut));
}

static void put_ends(struct text *out, const char *what, const uint64_t ends[TRANSFERS_ENDS])
{
    for (enum transfers_end end = 0; end < TRANSFERS_ENDS; end++)
        text_put_format(out, "causeway_link_transfers_total{what=\"%s\",end=\"%s\"} %llu\n", what,
                        transfers_end_name(end), (unsigned long long)ends[end]);
}

static void put_transfers(struct text *out, const struct transfers *transfers)
{
    static const char bytes[] = "causeway_link_bytes_total";
    static const char spools[] = "causeway_link_spools_total";
    struct transfers_counters counters = transfers_counters(transfers);

    put_head(out, "causeway_link_transfers_total", "counter",
             "Transfers of blocks over links, and how they ended.");
    put_ends(out, "received", counters.received);
    put_ends(out, "given", counters.given);
    put_ends(out, "sent", counters.sent);
    put_ends(out, "fetched", counters.fetched);
    put_head(out, bytes, "counter", "Bytes of blocks over links.");
    put_line(out, bytes, "direction", "in", counters.bytes_in);
    put_line(out, bytes, "direction", "out", counters.bytes_out);
    put_head(out, spools, "counter", "What came from partners: taken into the storage, removed.");
    put_line(out, spools, "what", "imported", counters.imported);
    put_line(out, spools, "what", "removed", counters.removed);
}

/* A gauge that is read while it changes. */
static uint64_t count(int64_t number)
{
    return number > 0 ? (uint64_t)number : 0;
}

static void put_allocations(struct text *out, const struct allocations *allocations)
{
    static const char states[] = "causeway_allocations";
    static const char stuck[] = "causeway_allocations_stuck";
    struct allocations_counters counters = allocations_counters(allocations);

    put_head(out, states, "gauge",
             "Objects of ours at partners, and of partners here, by how far they are.");
    for (enum allocation_state state = ALLOCATION_NONE + 1; state < ALLOCATION_STATES; state++)
        text_put_format(out, "%s{role=\"%s\",state=\"%s\"} %llu\n", states,
                        state < ALLOCATION_RESERVED ? "owner" : "holder",
                        allocation_state_name(state),
                        (unsigned long long)count(counters.states[state]));
    put_head(out, stuck, "gauge", "Of these, those that wait, by why.");
    for (enum allocation_reason reason = ALLOCATION_NO_REASON + 1; reason < ALLOCATION_REASONS;
         reason++)
        put_line(out, stuck, "reason", allocation_reason_name(reason),
                 count(counters.stuck[reason]));
}

static void put_retrievals(struct text *out, const struct retrievals *retrievals)
{
    static const char total[] = "causeway_retrievals_total";
    static const char now[] = "causeway_retrievals";
    struct retrieval_counters counters = retrieval_counters(retrievals);

    put_head(out, total, "counter", "Objects that are lost here and read back from partners.");
    put_line(out, total, "what", "begun", counters.begun);
    put_line(out, total, "what", "done", counters.done);
    put_line(out, total, "what", "failed", counters.failed);
    put_head(out, now, "gauge", "Of these, those that are under way.");
    text_put_format(out, "%s %llu\n", now, (unsigned long long)counters.under_way);
}

void partners_put_metrics(const struct gateway *gateway, struct text *out)
{
    const struct partners *partners = &gateway->partners;
    struct links_counters counters;

    if (partners->links == NULL || partners->worker == NULL)
        return;
    counters = links_counters(partners->links);
    put_links(out, &counters);
    put_port(out, port_counters(partners->port));
    put_connections(out, partners);
    put_transfers(out, partners->transfers);
    put_allocations(out, partners->allocations);
    put_retrievals(out, gateway->context.retrievals);
}
