// SPDX-License-Identifier: Apache-2.0
/* What a side has beside its machine: numbers, breaker, addresses, their document, what its
 * heartbeats say, and whom it dials. */
#include "federation/links_private.h"

#include "conf/memory.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define CREDIT_BYTES (UINT64_C(1) << 20)

uint64_t side_draw_number(struct side *side)
{
    bool must_keep = false;
    uint64_t number = sequence_draw(&side->sender, &must_keep);

    side->is_sent_changed = side->is_sent_changed || must_keep;
    return number;
}

struct breaker_verdict side_breaker(struct side *side, enum breaker_event event, uint64_t pause_ms)
{
    uint64_t now_ms = loop_now_ms(side->links->settings.loop);
    struct breaker_verdict verdict =
        breaker_step(&side->breaker, event, now_ms, (uint16_t)links_random(), pause_ms);

    side->is_changed = side->is_changed || verdict.must_keep;
    if (verdict.opened)
        log_message(side->links->settings.messages, LOG_LEVEL_WARNING,
                    "link %s: requests fail, and fewer are made from now on: %s",
                    side->link.record.peer, side->last_failure);
    if (verdict.closed && event != BREAKER_RESET)
        log_message(side->links->settings.messages, LOG_LEVEL_INFO,
                    "link %s: requests are answered again", side->link.record.peer);
    return verdict;
}

/* ---- who and where */

void side_set_address(struct side *side, const char *text)
{
    struct address address;

    side->address_count = 0;
    if (text[0] == '\0' || strlen(text) >= LINKS_ADDRESS_SIZE)
        return;
    if (!address_parse(&address, slice_of(text), NULL) || address.kind == ADDRESS_UNIX)
        return;
    snprintf(side->addresses[0], LINKS_ADDRESS_SIZE, "%s", text);
    side->address_count = 1;
}

bool side_set_roots(struct side *side, struct slice bytes, struct error *err)
{
    struct roots roots = {0};

    if (!roots_read(&roots, bytes, err))
        return false;
    roots_dispose(&side->roots);
    side->roots = roots;
    return true;
}

const char *side_our_address(const struct side *side)
{
    if (strcmp(side->our_address, "none") == 0)
        return "";
    return side->our_address[0] != '\0' ? side->our_address : side->links->advertise;
}

/* Dialled only as who it is known to be; a join has a client of its own. */
void side_renew_client(struct side *side)
{
    const struct links_settings *settings = &side->links->settings;
    struct peer_client_settings of = {.loop = settings->loop,
                                      .blocks = settings->blocks,
                                      .pipes = settings->pipes,
                                      .jobs = settings->jobs,
                                      .now_ms = settings->now_ms};
    const char *addresses[LINKS_ADDRESSES];

    if (side->roots.sequence == 0)
        return;
    memcpy(of.org, side->org, sizeof(of.org));
    if (side->client == NULL)
        side->client = peer_client_create(&of);
    for (size_t i = 0; i < side->address_count; i++)
        addresses[i] = side->addresses[i];
    peer_client_renew(side->client, side->links->client_tls, &side->roots);
    peer_client_set_addresses(side->client, addresses, side->address_count);
}

/* ---- heartbeats */

struct wire_credit side_credit(const struct side *side)
{
    return (struct wire_credit){.items = replies_room(&side->replies), .bytes = CREDIT_BYTES};
}

static enum wire_state shown_state(enum link_state state)
{
    switch (state) {
    case LINK_ACTIVE:
        return WIRE_STATE_ACTIVE;
    case LINK_DEGRADED:
        return WIRE_STATE_DEGRADED;
    case LINK_ISOLATED:
        return WIRE_STATE_ISOLATED;
    case LINK_SUSPENDED:
        return WIRE_STATE_SUSPENDED;
    default:
        return WIRE_STATE_PENDING;
    }
}

void side_put_heartbeat(struct side *side, struct wire_heartbeat *heartbeat)
{
    struct link_levels levels = link_levels(&side->link);

    *heartbeat = (struct wire_heartbeat){
        .version = WIRE_VERSION_MAX,
        .from = levels.incarnation,
        .to = levels.to,
        .state = shown_state(side->link.record.state),
        .confirmed = levels.confirmed,
        .suspended = levels.suspended,
        .isolated = levels.isolated,
        .taken = side->receiver.highest,
        .roots = levels.roots,
        .roots_known = levels.roots_known,
        .credit = side_credit(side),
    };
    levels_put(side, heartbeat);
}

struct link_levels side_levels_of(const struct wire_heartbeat *heartbeat, uint64_t sequence)
{
    return (struct link_levels){
        .sequence = sequence,
        .incarnation = heartbeat->from,
        .to = heartbeat->to,
        .confirmed = heartbeat->confirmed,
        .suspended = heartbeat->suspended,
        .isolated = heartbeat->isolated,
        .taken = heartbeat->taken,
        .roots = heartbeat->roots,
        .roots_known = heartbeat->roots_known,
    };
}
