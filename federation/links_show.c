// SPDX-License-Identifier: Apache-2.0
/* The truth about a link, for people: one object that HTTP, --json and tables are made of. */
#include "federation/links_private.h"

#include "conf/units.h"

#include <inttypes.h>
#include <stdio.h>

static void put_text(json_t *object, const char *name, const char *text)
{
    if (text[0] != '\0')
        json_object_set_new(object, name, json_string(text));
}

static void put_time(json_t *object, const char *name, uint64_t wall_ms)
{
    char text[UNITS_TIMESTAMP_SIZE];

    if (wall_ms > 0)
        json_object_set_new(object, name, json_string(units_print_timestamp(text, wall_ms)));
}

static void put_hex(json_t *object, const char *name, const uint8_t *bytes, size_t size)
{
    char text[2 * LINK_DIGEST_SIZE + 1];

    for (size_t i = 0; i < size; i++)
        snprintf(&text[2 * i], 3, "%02x", bytes[i]);
    json_object_set_new(object, name, json_string(text));
}

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *both(bool here, bool there)
{
    return json_pack("{s:b, s:b}", "here", here, "there", there);
}

static json_t *age(bool has, uint64_t at_ms, uint64_t now_ms)
{
    return has ? number(now_ms - at_ms) : json_null();
}

static json_t *incarnation(uint64_t value)
{
    char text[17];

    snprintf(text, sizeof(text), "%016" PRIx64, value);
    return json_string(text);
}

static bool is_pending(const struct side *side)
{
    return side->link.record.state == LINK_PENDING;
}

/* ---- parts */

static json_t *describe_evidence(const struct side *side, struct link_now now)
{
    const struct link *link = &side->link;

    return json_pack("{s:o, s:o, s:b, s:b, s:b}", "heard_ms",
                     age(link->has_heard, link->heard_ms, now.ms), "acked_ms",
                     age(link->has_acked, link->acked_ms, now.ms), "isolated_there",
                     link->isolated_there, "unknown_there", link->is_unknown_there, "untrusted",
                     link->is_untrusted);
}

static json_t *describe_addresses(const struct side *side)
{
    const struct link_record *record = &side->link.record;
    json_t *theirs = json_array();

    for (size_t i = 0; i < side->address_count; i++)
        json_array_append_new(theirs, json_string(side->addresses[i]));
    return json_pack("{s:s, s:o, s:b, s:b}", "ours", side_our_address(side), "theirs", theirs,
                     "can_dial_there", !record->only_they_dial && side->address_count > 0,
                     "can_dial_here", !record->only_we_dial && side_our_address(side)[0] != '\0');
}

static json_t *describe_dials(const struct side *side)
{
    const struct link_record *record = &side->link.record;
    json_t *dials;

    if (!record->has_peer || record->is_joining)
        return json_pack("{s:n, s:n}", "here", "there");
    dials = json_pack("{s:b, s:b}", "here", !record->only_we_dial, "there",
                      !record->only_they_dial && side->address_count > 0);
    if (record->only_they_dial)
        put_text(dials, "why",
                 side->last_failure[0] != '\0' ? side->last_failure : "they told no address");
    return dials;
}

static json_t *describe_numbers(const struct side *side)
{
    const struct link_record *record = &side->link.record;

    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "sent",
                     number(side->sender.next > 0 ? side->sender.next - 1 : 0), "taken",
                     number(side->receiver.highest), "taken_there", number(record->taken_there),
                     "incarnation_here", incarnation(record->incarnation_here), "incarnation_there",
                     incarnation(record->incarnation_there));
}

static json_t *describe_breaker(const struct side *side, struct link_now now)
{
    static const char *const names[] = {[BREAKER_CLOSED] = "closed",
                                        [BREAKER_OPEN] = "open",
                                        [BREAKER_PROBING] = "probing",
                                        [BREAKER_MENDING] = "mending"};
    const struct breaker *breaker = &side->breaker;
    uint64_t wait_ms = breaker->state == BREAKER_OPEN && breaker->retry_ms > now.ms
                           ? breaker->retry_ms - now.ms
                           : 0;

    return json_pack("{s:s, s:i, s:o}", "state", names[breaker->state], "failures",
                     (int)(breaker->row + breaker->attempt), "retry_in_ms", number(wait_ms));
}

static json_t *describe_limits(const struct side *side)
{
    struct text hours = {0};
    json_t *limits;

    link_limits_put_hours(side->limits.hours, &hours);
    limits =
        json_pack("{s:o, s:s}", "bandwidth", number(side->limits.bandwidth), "hours", hours.data);
    text_dispose(&hours);
    return limits;
}

static json_t *describe_short(const struct side *side, struct link_now now)
{
    const struct link_record *record = &side->link.record;
    char why[LINK_TEXT_SIZE];
    json_t *out =
        json_pack("{s:s, s:s, s:s, s:o}", "id", record->id, "partner", record->peer, "state",
                  link_state_name(record->state), "epoch", number(record->epoch));

    put_text(out, "org", side->org);
    put_time(out, "since", record->since_wall_ms);
    put_text(out, "why", link_why(&side->link, now, why));
    json_object_set_new(out, "evidence", describe_evidence(side, now));
    return out;
}

static void describe_more(const struct side *side, struct link_now now, json_t *out)
{
    const struct link_record *record = &side->link.record;

    if (is_pending(side) && side->words[0] != '\0')
        put_text(out, "words", side->words);
    if (record->state == LINK_INVITED || is_pending(side))
        put_time(out, "expires", record->expires_wall_ms);
    json_object_set_new(out, "confirmed", both(record->confirmed_here, record->confirmed_there));
    json_object_set_new(out, "suspended", both(record->suspended_here, record->suspended_there));
    json_object_set_new(out, "addresses", describe_addresses(side));
    json_object_set_new(out, "dials", describe_dials(side));
    if (record->has_peer)
        put_hex(out, "root", record->peer_root, LINK_DIGEST_SIZE);
    json_object_set_new(out, "roots",
                        json_pack("{s:o, s:o, s:o}", "ours", number(record->roots_here),
                                  "known_there", number(record->roots_known_there), "theirs",
                                  number(record->roots_there)));
    json_object_set_new(out, "numbers", describe_numbers(side));
    json_object_set_new(out, "breaker", describe_breaker(side, now));
    put_text(out, "last_failure", side->last_failure);
    json_object_set_new(out, "skew_ms", json_integer((json_int_t)side->link.skew_ms));
    json_object_set_new(out, "limits", describe_limits(side));
    if (side_is_draining(side)) {
        json_t *drain = json_object();

        put_time(drain, "since", side->drain_since_ms);
        json_object_set_new(out, "drain", drain);
    }
    if (side->is_draining_there && record->end == LINK_NOT_ENDED)
        json_object_set_new(out, "draining_there", json_true());
}

static int compare(const void *a, const void *b)
{
    const struct side *const *left = a, *const *right = b;

    return strcmp((*left)->link.record.peer, (*right)->link.record.peer);
}

static json_t *describe_all(const struct links *links)
{
    struct link_now now = links_now(links);
    json_t *all = json_array();

    if (links->count > 0) /* no order is kept */
        qsort(links->sides, links->count, sizeof(struct side *), compare);
    for (size_t i = 0; i < links->count; i++)
        if (links->sides[i]->link.record.state != LINK_NONE)
            json_array_append_new(all, describe_short(links->sides[i], now));
    return all;
}

json_t *links_describe(const struct links *links, const char *partner)
{
    struct link_now now = links_now(links);
    const struct side *side;
    json_t *out;

    if (partner == NULL)
        return describe_all(links);
    side = links_by_partner(links, partner);
    if (side == NULL || side->link.record.state == LINK_NONE)
        return NULL;
    out = describe_short(side, now);
    describe_more(side, now, out);
    return out;
}
