// SPDX-License-Identifier: Apache-2.0
/* Two sides that were isolated from one another compare what each holds, page by page, in both
 * directions at once, and go on when the other has it right.
 *
 * A page that asks and the one that answers cover the same ids; either side may be the one that
 * asks. Without anybody who holds anything both pages are empty, and agree. */
#include "federation/links_call.h"
#include "federation/links_inbound.h"

#include "conf/memory.h"

#include <stdio.h>
#include <stdlib.h>

/* One page of theirs on its way into what we hold to be true. */
struct compared {
    struct side *side;
    struct inbound *inbound; /* they asked; else call: we did */
    struct call *call;
    struct wire_statement message;
    unsigned unknown;
};

static void put_page(const struct side *side, const char *after, link_made_cb on_done, void *arg)
{
    const struct link_holdings *holdings = side->links->holdings;
    struct slice nothing = {NULL, 0};

    if (holdings == NULL)
        on_done(arg, &nothing);
    else
        holdings->put_page(holdings->arg, side->link.record.peer, after, on_done, arg);
}

/* ---- the end of a comparison */

static void conclude(struct compared *compared, uint64_t differing)
{
    struct side *side = compared->side;
    struct link_event event = {
        .kind = differing == 0 ? LINK_AGREED : LINK_DIFFERED,
        .count = differing,
        .incarnation = compared->message.to,
        .incarnation_there = compared->message.from,
    };
    struct link_actions actions;

    if (side->link.record.isolation != LINK_NOT_ISOLATED)
        side_step(side, &event, &actions);
}

/* The pages of one comparison come in a row; one that does not begins it anew. */
static void count_page(struct compared *compared, enum link_page_verdict verdict, uint64_t count,
                       const char *next)
{
    struct side *side = compared->side;
    const char *after = compared->message.after;
    bool is_ours = compared->call != NULL;
    char *expected = is_ours ? side->said.after : side->heard.after;
    uint64_t *differing = is_ours ? &side->said.differing : &side->heard.differing;
    bool is_expected = after[0] == '\0' || strcmp(after, expected) == 0;
    bool is_good = verdict != LINK_PAGE_FAILED && is_expected;

    if (after[0] == '\0')
        *differing = 0;
    *differing += verdict == LINK_PAGE_DIFFERS ? count : 0;
    snprintf(expected, ULID_SIZE, "%s", is_good ? next : "");
    if (is_good && next[0] == '\0')
        conclude(compared, *differing);
}

/* The next page at once. */
static void statement_finish(struct work *work)
{
    struct side *side = work->side;

    call_finish(work);
    if (side->said.after[0] != '\0')
        side_send(side, CALL_STATEMENT);
}

static void compared_end(struct compared *compared)
{
    struct side *side = compared->side;
    bool is_ours = compared->call != NULL;

    wire_free(WIRE_STATEMENT, &compared->message);
    free(compared);
    side_save(side, is_ours ? statement_finish : inbound_finish);
}

static void answer_page(void *compared_, const struct slice *page)
{
    struct compared *compared = compared_;
    struct side *side = compared->side;
    struct wire_statement answer = {.version = WIRE_VERSION_MAX,
                                    .from = side->link.record.incarnation_here,
                                    .to = compared->message.from,
                                    .ignored = compared->unknown};

    if (page == NULL) {
        inbound_refuse(compared->inbound, WIRE_PROBLEM_LATER,
                       "what we hold cannot be read now; ask again");
    } else {
        memcpy(answer.after, compared->message.after, sizeof(answer.after));
        text_put_slice(&answer.page, *page);
        answer.sequence = side_draw_number(side);
        inbound_put(compared->inbound, WIRE_STATEMENT, &answer);
        text_dispose(&answer.page);
    }
    compared_end(compared);
}

static void compared_over(void *compared_, enum link_page_verdict verdict, uint64_t count,
                          const char *next)
{
    struct compared *compared = compared_;

    count_page(compared, verdict, count, next);
    if (compared->inbound != NULL)
        put_page(compared->side, compared->message.after, answer_page, compared);
    else
        compared_end(compared);
}

static bool is_compared(const struct side *side)
{
    return side->link.record.isolation != LINK_NOT_ISOLATED || side->link.isolated_there;
}

/* An old one that was overtaken says nothing. */
static void compare(struct compared *compared, uint64_t sequence)
{
    struct side *side = compared->side;
    const struct link_holdings *holdings = side->links->holdings;
    struct slice page = text_slice(&compared->message.page);

    if (!is_compared(side) || sequence <= side->statement_sequence) {
        compared_over(compared, LINK_PAGE_FAILED, 0, "");
        return;
    }
    side->statement_sequence = sequence;
    if (holdings != NULL)
        holdings->take_page(holdings->arg, side->link.record.peer, compared->message.after, page,
                            compared_over, compared);
    else
        compared_over(compared, page.size == 0 ? LINK_PAGE_AGREES : LINK_PAGE_DIFFERS, 1, "");
}

/* ---- both ways */

void statement_take(struct inbound *inbound, struct wire_statement *message, unsigned unknown)
{
    struct compared *compared;

    if (message->settled[0] != '\0') {
        cut_take(inbound, message, unknown);
        return;
    }
    compared = memory_alloc(sizeof(*compared));
    compared->side = inbound->work.side;
    compared->inbound = inbound;
    compared->message = *message;
    compared->unknown = unknown;
    compare(compared, inbound->is.is.sequence);
}

static void send_page(void *call_, const struct slice *page)
{
    struct call *call = call_;
    struct side *side = call->side;
    struct wire_statement message = {.version = WIRE_VERSION_MAX,
                                     .from = side->link.record.incarnation_here,
                                     .to = side->link.record.incarnation_there};

    if (page == NULL) { /* the next tick asks again */
        side_breaker(side, BREAKER_CANCELED, 0);
        call_drop(call);
        return;
    }
    memcpy(message.after, side->said.after, sizeof(message.after));
    text_put_slice(&message.page, *page);
    wire_print(WIRE_STATEMENT, &message, &call->body);
    text_dispose(&message.page);
    call->sequence = side_draw_number(side);
    call_go(call);
}

void statement_begin_call(struct call *call)
{
    put_page(call->side, call->side->said.after, send_page, call);
}

void statement_heard(struct call *call)
{
    struct side *side = call->side;
    struct compared *compared = memory_alloc(sizeof(*compared));
    const struct link_record *record = &side->link.record;

    compared->side = side;
    compared->call = call;
    if (wire_parse(WIRE_STATEMENT, text_slice(&call->answer), &compared->message,
                   &compared->unknown, NULL) &&
        sequence_party((struct sequence_pair){compared->message.from, compared->message.to},
                       record->incarnation_here, record->incarnation_there) == SEQUENCE_KNOWN) {
        compare(compared, compared->message.sequence);
        return;
    }
    wire_free(WIRE_STATEMENT, &compared->message);
    free(compared);
    side_save(side, call_finish);
}
