// SPDX-License-Identifier: Apache-2.0
/* What a peer says, in its turn: the order of checks, then the machine. */
#include "federation/links_inbound.h"

#include <openssl/sha.h>

/* ---- the order of checks: epoch, incarnations, number */

static bool check_epoch(struct inbound *inbound, struct side *side)
{
    return inbound->is.kind == WIRE_END ||
           inbound_put_machine(inbound, side, link_admit(&side->link, inbound->is.is.epoch));
}

static bool check_party(struct inbound *inbound, const struct side *side, struct sequence_pair pair)
{
    const struct link_record *record = &side->link.record;

    if (inbound->is.kind == WIRE_HEARTBEAT ||
        sequence_party(pair, record->incarnation_here, record->incarnation_there) == SEQUENCE_KNOWN)
        return true;
    inbound_refuse(inbound, WIRE_PROBLEM_WRONG_PARTY,
                   "the message is from or for an incarnation that is not the present one; send a "
                   "heartbeat first");
    return false;
}

static void take_number(struct side *side, uint64_t number, enum sequence_verdict *verdict)
{
    bool must_keep = false;

    *verdict = sequence_take(&side->receiver, number, &must_keep);
    side->is_taken_changed = side->is_taken_changed || must_keep;
}

/* A heartbeat of an incarnation that we have not heard of has a number of its own; one for us as
 * we were before a restore is answered and not taken. */
static bool check_number(struct inbound *inbound, struct side *side, struct sequence_pair pair)
{
    const struct link_record *record = &side->link.record;
    enum sequence_verdict verdict;

    if (inbound->is.kind == WIRE_HEARTBEAT &&
        (pair.from != record->incarnation_there || pair.to != record->incarnation_here))
        return true;
    take_number(side, inbound->is.is.sequence, &verdict);
    if (verdict == SEQUENCE_TAKEN)
        return true;
    inbound_refuse_number(inbound, side);
    return false;
}

static bool parse(struct inbound *inbound, void *message, unsigned *unknown)
{
    struct error err = {0};

    if (wire_parse(inbound->is.kind, inbound->is.body, message, unknown, &err))
        return true;
    inbound_refuse(inbound,
                   err.code == ERROR_UNSUPPORTED ? WIRE_PROBLEM_VERSION : WIRE_PROBLEM_MALFORMED,
                   "%s", err.text);
    return false;
}

/* ---- heartbeats */

/* They reach us, though it was said that they cannot. */
static void learn_dials(struct side *side)
{
    struct link_event event = {.kind = LINK_DIALS,
                               .no_way_there = side->link.record.only_they_dial};
    struct link_actions actions;

    if (side->link.record.only_we_dial)
        side_step(side, &event, &actions);
}

static void answer_heartbeat(struct inbound *inbound, struct side *side, unsigned unknown)
{
    struct wire_heartbeat answer;

    side_put_heartbeat(side, &answer);
    answer.sequence = side_draw_number(side);
    answer.ignored = unknown;
    inbound_put(inbound, WIRE_HEARTBEAT, &answer);
}

static void hear(struct inbound *inbound, struct side *side, const struct wire_heartbeat *heartbeat,
                 unsigned unknown)
{
    struct link_event event = {.kind = LINK_HEARD,
                               .epoch = inbound->is.is.epoch,
                               .incarnation = heartbeat->from,
                               .levels = side_levels_of(heartbeat, inbound->is.is.sequence)};
    enum sequence_verdict verdict;
    struct link_actions actions;

    side_step(side, &event, &actions);
    if (!inbound_put_machine(inbound, side, actions.answer))
        return;
    if (actions.new_window)
        take_number(side, inbound->is.is.sequence, &verdict);
    learn_dials(side);
    levels_hear(side, heartbeat, inbound->is.is.sequence);
    if (side->joined_ms != 0) { /* they know us by now: see is_early */
        side->joined_ms = 0;
        side_send(side, CALL_HEARTBEAT);
    }
    credit_set(&side->credit, (uint32_t)heartbeat->credit.items, heartbeat->credit.bytes);
    if (heartbeat->roots_known > side->link.record.roots_here)
        side_send(side, CALL_OWN_ROOTS);
    answer_heartbeat(inbound, side, unknown);
}

static void take_heartbeat(struct inbound *inbound, struct side *side)
{
    struct wire_heartbeat heartbeat = {0};
    struct sequence_pair pair;
    unsigned unknown = 0;

    if (parse(inbound, &heartbeat, &unknown)) {
        pair = (struct sequence_pair){heartbeat.from, heartbeat.to};
        side_breaker(side, BREAKER_INBOUND, 0);
        if (check_number(inbound, side, pair))
            hear(inbound, side, &heartbeat, unknown);
    }
    wire_free(WIRE_HEARTBEAT, &heartbeat);
}

/* ---- roots: the document proves itself, whoever brought it */

static bool step_roots(struct inbound *inbound, struct side *side, const struct roots *roots)
{
    struct link_event event = {.kind = LINK_ROOTS_TAKEN, .sequence = roots->sequence};
    struct link_actions actions;

    SHA256((const unsigned char *)roots->bytes.data, roots->bytes.size, event.document);
    side_step(side, &event, &actions);
    if (!inbound_put_machine(inbound, side, actions.answer))
        return false;
    inbound_put_empty(inbound);
    return true;
}

/* Its certificate is of no root that we know, and only the document could have spoken for it. */
static bool is_stranger(const struct inbound *inbound)
{
    static const uint8_t none[KEY_HASH_SIZE];

    return memcmp(inbound->is.who.root, none, sizeof(none)) == 0;
}

static void follow_roots(struct inbound *inbound, struct side *side, struct slice bytes)
{
    struct error err = {0};
    struct roots roots = {0};
    enum roots_news news = ROOTS_REFUSED;

    if (roots_read(&roots, bytes, &err))
        news = roots_accept(&side->roots, &roots, &err);
    if (news == ROOTS_SAME && is_stranger(inbound)) { /* anybody may have a copy of it */
        inbound_refuse(inbound, WIRE_PROBLEM_STRANGER,
                       "this roots document is known here, and the certificate that came with it "
                       "leads to none of its roots");
    } else if (news == ROOTS_REFUSED) {
        inbound_refuse(inbound,
                       is_stranger(inbound) ? WIRE_PROBLEM_STRANGER : WIRE_PROBLEM_OLD_ROOTS, "%s",
                       err.text);
    } else if (step_roots(inbound, side, &roots) && news == ROOTS_NEWER &&
               side_set_roots(side, bytes, NULL)) {
        side->is_changed = side->is_view_changed = true;
    }
    roots_dispose(&roots);
}

static void take_roots(struct inbound *inbound, struct side *side)
{
    struct wire_roots message = {0};
    unsigned unknown = 0;
    bool is_genuine = inbound->is.has_signed;

    if (parse(inbound, &message, &unknown)) {
        struct sequence_pair pair = {message.from, message.to};

        if (is_genuine)
            side_breaker(side, BREAKER_INBOUND, 0);
        if (!is_genuine || (check_party(inbound, side, pair) && check_number(inbound, side, pair)))
            follow_roots(inbound, side, text_slice(&message.roots));
    }
    wire_free(WIRE_ROOTS, &message);
}

/* The newest of theirs that we know: they may have lost it. */
static void give_roots(struct inbound *inbound, struct side *side)
{
    struct wire_roots message = {.version = WIRE_VERSION_MAX,
                                 .from = side->link.record.incarnation_here,
                                 .to = side->link.record.incarnation_there,
                                 .sequence = side->roots.sequence,
                                 .roots = side->roots.bytes};

    if (message.to == 0)
        inbound_refuse(inbound, WIRE_PROBLEM_LATER, "a heartbeat first");
    else
        inbound_put(inbound, WIRE_ROOTS, &message);
}

/* ---- ends */

static void take_end(struct inbound *inbound, struct side *side)
{
    struct wire_end end = {0};
    struct link_event event = {.kind = LINK_END_HEARD};
    struct link_actions actions;
    unsigned unknown = 0;

    if (parse(inbound, &end, &unknown)) {
        event.epoch = end.epoch;
        side_step(side, &event, &actions);
        if (inbound_put_machine(inbound, side, actions.answer))
            inbound_put_empty(inbound);
    }
    wire_free(WIRE_END, &end);
}

/* ---- what takes effect */

static bool check_state(struct inbound *inbound, const struct side *side, enum link_traffic traffic)
{
    if (link_may_take(&side->link, traffic))
        return true;
    inbound_refuse(inbound, WIRE_PROBLEM_STATE,
                   "the link is %s here: nothing of this kind is taken",
                   link_state_name(side->link.record.state));
    return false;
}

static bool check_rest(struct inbound *inbound, struct side *side, struct sequence_pair pair,
                       enum link_traffic traffic)
{
    if (!check_party(inbound, side, pair))
        return false;
    side_breaker(side, BREAKER_INBOUND, 0);
    return check_number(inbound, side, pair) && check_state(inbound, side, traffic);
}

static void take_batch(struct inbound *inbound, struct side *side)
{
    struct wire_batch batch = {0};
    unsigned unknown = 0;

    if (parse(inbound, &batch, &unknown) &&
        check_rest(inbound, side, (struct sequence_pair){batch.from, batch.to},
                   LINK_TRAFFIC_CHANGE)) {
        batch_take(inbound, &batch, unknown);
        return;
    }
    wire_free(WIRE_BATCH, &batch);
    side_save(side, inbound_finish);
}

static void take_statement(struct inbound *inbound, struct side *side)
{
    struct wire_statement statement = {0};
    unsigned unknown = 0;

    if (parse(inbound, &statement, &unknown) &&
        check_rest(inbound, side, (struct sequence_pair){statement.from, statement.to},
                   LINK_TRAFFIC_STATEMENT)) {
        statement_take(inbound, &statement, unknown);
        return;
    }
    wire_free(WIRE_STATEMENT, &statement);
    side_save(side, inbound_finish);
}

void inbound_hear(struct work *work)
{
    struct inbound *inbound = CONTAINER_OF(work, struct inbound, work);
    struct side *side = work->side;

    if (inbound->is.kind == WIRE_ROOTS && strcmp(inbound->is.method, "GET") == 0) {
        give_roots(inbound, side);
    } else if (check_epoch(inbound, side)) {
        switch (inbound->is.kind) {
        case WIRE_HEARTBEAT:
            take_heartbeat(inbound, side);
            break;
        case WIRE_ROOTS:
            take_roots(inbound, side);
            break;
        case WIRE_END:
            take_end(inbound, side);
            break;
        case WIRE_BATCH:
            take_batch(inbound, side);
            return;
        case WIRE_STATEMENT:
            take_statement(inbound, side);
            return;
        default:
            inbound_refuse(inbound, WIRE_PROBLEM_MALFORMED, "no such request");
            break;
        }
    }
    side_save(side, inbound_finish);
}
