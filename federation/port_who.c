// SPDX-License-Identifier: Apache-2.0
/* Who is at the other end of a connection to the partner port. */
#include "federation/port_private.h"

#include "conf/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define TICKET_S INT64_C(86400)

/* In a session's ticket, which only this process can read: its layout is nobody else's concern. */
struct ticket {
    char link[ULID_SIZE];
    char node[ID_SIZE];
    char serial[CA_SERIAL_TEXT_SIZE];
    uint8_t root[KEY_HASH_SIZE], leaf[KEY_HASH_SIZE];
    uint64_t epoch, generation;
    int64_t until_s;
};
static_assert(sizeof(struct ticket) <= TLS_BLOB_MAX, "a ticket holds its blob");

static int64_t now_s(const struct port *port)
{
    return (int64_t)(port->settings.now_ms() / 1000);
}

/* Ended, or never confirmed in time: it is told so, and nothing is kept for it. */
static bool is_over(const struct peer *peer)
{
    return peer->state >= LINK_REVOKING;
}

/* ---- accepted connections */

bool port_is_busy(const struct port *port, const char *link)
{
    size_t count = 0;

    for (const struct caller *caller = port->callers; caller != NULL; caller = caller->next)
        count += strcmp(caller->link, link) == 0;
    return count > PORT_SESSIONS_MAX;
}

static struct caller *caller_create(struct port *port, const struct peer *peer,
                                    const struct peer_identity *who)
{
    struct caller *caller = memory_alloc(sizeof(*caller));

    *caller = (struct caller){.port = port,
                              .next = port->callers,
                              .epoch = peer->epoch,
                              .generation = peer->generation,
                              .who = *who};
    memcpy(caller->link, peer->link, sizeof(caller->link));
    if (port->callers != NULL)
        port->callers->previous = caller;
    port->callers = caller;
    return caller;
}

void port_forget_caller(void *caller_)
{
    struct caller *caller = caller_;

    if (caller->previous != NULL)
        caller->previous->next = caller->next;
    else
        caller->port->callers = caller->next;
    if (caller->next != NULL)
        caller->next->previous = caller->previous;
    free(caller);
}

bool port_must_go(void *port_, void *caller_)
{
    const struct port *port = port_;
    const struct caller *caller = caller_;
    const struct peer *peer = peers_of_link(port->newest, caller->link);

    return peer == NULL || peer->generation != caller->generation;
}

/* ---- tickets */

static void offer_ticket(const struct request *request, const struct caller *caller)
{
    struct ticket ticket;
    int64_t left_s = caller->who.until_s - now_s(caller->port);

    memset(&ticket, 0, sizeof(ticket)); /* no byte of our memory goes with it */
    memcpy(ticket.link, caller->link, sizeof(ticket.link));
    memcpy(ticket.node, caller->who.id.node, sizeof(ticket.node));
    memcpy(ticket.serial, caller->who.serial, sizeof(ticket.serial));
    memcpy(ticket.root, caller->who.root, sizeof(ticket.root));
    memcpy(ticket.leaf, caller->who.leaf, sizeof(ticket.leaf));
    ticket.epoch = caller->epoch;
    ticket.generation = caller->generation;
    ticket.until_s = caller->who.until_s;
    if (left_s > 0)
        exchange_offer_ticket(request->exchange,
                              (struct slice){(const char *)&ticket, sizeof(ticket)},
                              (uint32_t)(left_s < TICKET_S ? left_s : TICKET_S));
}

/* The link that it was given for, if nothing has changed since; NULL otherwise. */
static const struct peer *read_ticket(const struct port_site *site, struct slice blob,
                                      struct ticket *ticket)
{
    const struct peer *peer;

    if (blob.size != sizeof(*ticket))
        return NULL;
    memcpy(ticket, blob.data, sizeof(*ticket));
    peer = peers_of_link(site->peers, ticket->link);
    return peer != NULL && peer->generation == ticket->generation && !is_over(peer) &&
                   ticket->until_s > now_s(site->port)
               ? peer
               : NULL;
}

bool port_is_ticket_good(void *app, struct slice blob)
{
    struct ticket ticket;

    return read_ticket(app, blob, &ticket) != NULL;
}

/* ---- who it is */

static enum peer_verdict admit(struct request *request, const struct peer *peer,
                               const struct peer_identity *who)
{
    struct caller *caller;

    request->peer = peer;
    if (request->route->kind == WIRE_JOIN) { /* of no link, which it may begin anew */
        request->who = *who;
        request->is_known = true;
        return PEER_ACCEPTED;
    }
    caller = caller_create(request->site->port, peer, who);
    *exchange_session_context(request->exchange) = caller;
    request->caller = caller;
    request->is_new = true;
    if (is_over(peer))
        return PEER_ACCEPTED;
    exchange_vouch(request->exchange);
    offer_ticket(request, caller);
    return PEER_ACCEPTED;
}

static enum peer_verdict resume(struct request *request, struct slice blob, struct error *err)
{
    struct peer_identity who = {0};
    struct ticket ticket;
    const struct peer *peer = read_ticket(request->site, blob, &ticket);

    if (peer == NULL) {
        error_set(err, ERROR_REFUSED, "the link changed since the session began: connect anew");
        return PEER_DENIED;
    }
    server_count(&request->site->port->counters.resumed, 1);
    memcpy(who.id.org, peer->org, sizeof(who.id.org));
    memcpy(who.id.node, ticket.node, sizeof(who.id.node));
    memcpy(who.serial, ticket.serial, sizeof(who.serial));
    memcpy(who.root, ticket.root, sizeof(who.root));
    memcpy(who.leaf, ticket.leaf, sizeof(who.leaf));
    who.until_s = ticket.until_s;
    return admit(request, peer, &who);
}

/* An accepted connection goes on, until its end comes. */
static enum peer_verdict go_on(struct request *request, const struct caller *caller,
                               struct error *err)
{
    const struct peer *peer = peers_of_link(request->site->peers, caller->link);

    if (caller->who.until_s <= now_s(caller->port)) {
        error_set(err, ERROR_REFUSED, "the certificate has expired: connect anew with another");
        return PEER_EXPIRED;
    }
    /* another state, or other roots: control decides on that, and the connection is cut soon */
    if (peer == NULL || peer->epoch != caller->epoch) {
        error_set(err, ERROR_REFUSED, "the link changed: connect anew");
        return PEER_DENIED;
    }
    request->caller = caller;
    request->peer = peer;
    return PEER_ACCEPTED;
}

/* Which of the links with one organization comes first: the one that is named, then what is not
 * over. An old one may be known by the same root as the one in force. */
static unsigned rank(const struct peer *peer, const char *named)
{
    if (strcmp(peer->link, named) == 0)
        return 0;
    return is_over(peer) ? 2 : 1;
}

static enum peer_verdict verify_one(struct request *request, const struct peer_question *question,
                                    const struct peer *peer, struct error *err)
{
    struct peer_identity who;
    enum peer_verdict verdict = peer_verify(peer->trust, question, &who, err);

    if (verdict != PEER_ACCEPTED)
        return verdict;
    server_count(&request->site->port->counters.accepted, 1);
    return admit(request, peer, &who);
}

/* With the trust of each link with an organization of this name; almost always there is one. What
 * the first says is what is wrong. */
static enum peer_verdict verify(struct request *request, X509 *leaf, struct error *err)
{
    const struct peer_question question = {.leaf = leaf,
                                           .others = exchange_peer_chain(request->exchange),
                                           .side = PEER_IS_CLIENT,
                                           .now_s = now_s(request->site->port)};
    struct wire_signed is = {0};
    /* before anything of it was checked: which link it is about */
    const char *named = port_find_signed(request, &is, NULL) ? is.link : "";
    const struct peer *const *all;
    size_t count = peers_of_org(request->site->peers, request->who.id.org, &all);
    enum peer_verdict verdict = PEER_ACCEPTED;

    for (unsigned wanted = 0; wanted <= 2; wanted++)
        for (size_t i = 0; i < count; i++) {
            struct error why = {0};
            enum peer_verdict found;

            if (rank(all[i], named) != wanted)
                continue;
            found = verify_one(request, &question, all[i], &why);
            if (found == PEER_ACCEPTED)
                return found;
            if (request->peer != NULL)
                continue;
            error_copy(err, &why);
            request->peer = all[i];
            verdict = found;
        }
    if (count == 0)
        error_set(err, ERROR_NOT_FOUND, "there is no link with '%s' here", request->who.id.org);
    return verdict;
}

enum peer_verdict port_identify(struct request *request, struct error *err)
{
    const struct caller *caller = *exchange_session_context(request->exchange);
    struct slice blob = exchange_ticket_blob(request->exchange);
    X509 *leaf = exchange_peer_certificate(request->exchange);

    if (caller != NULL)
        return go_on(request, caller, err);
    if (blob.size > 0)
        return resume(request, blob, err);
    if (leaf == NULL) {
        error_set(err, ERROR_REFUSED, "a gateway shows a certificate, and none was shown");
        return PEER_MALFORMED;
    }
    if (!peer_claim(leaf, &request->who.id, err))
        return PEER_MALFORMED;
    return verify(request, leaf, err);
}
