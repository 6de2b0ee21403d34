// SPDX-License-Identifier: Apache-2.0
/* Two sides that were isolated from one another compare what each holds, page by page, in both
 * directions at once, and go on when the other has it right.
 *
 * A page that asks and the one that answers cover the same ids; either side may be the one that
 * asks. Without anybody who holds anything both pages are empty, and agree. */
#include "federation/links_call.h"
#include "federation/links_inbound.h"

#include "conf/memory.h"

#include <stdlib.h>

/* One page of theirs on its way into what we hold to be true. */
struct compared {
    struct side *side;
    struct inbound *inbound; /* they asked; else call: we did */
    struct call *call;
    struct wire_statement message;
    unsigned unknown;
};

static bool put_page(const struct side *side, const char *after, struct text *page,
                     char next[ULID_SIZE])
{
    const struct link_holdings *holdings = side->links->holdings;

    next[0] = '\0';
    return holdings == NULL ||
           holdings->put_page(holdings->arg, side->link.record.peer, after, page, next);
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

static void answer_page(struct compared *compared)
{
    struct side *side = compared->side;
    struct wire_statement answer = {.version = WIRE_VERSION_MAX,
                                    .from = side->link.record.incarnation_here,
                                    .to = compared->message.from,
                                    .ignored = compared->unknown};
    char next[ULID_SIZE];

    memcpy(answer.after, compared->message.after, sizeof(answer.after));
    put_page(side, answer.after, &answer.page, next);
    answer.sequence = side_draw_number(side);
    inbound_put(compared->inbound, WIRE_STATEMENT, &answer);
    text_dispose(&answer.page);
}

/* The pages of one comparison come in a row; one that does not begins it anew. */
static void count_page(struct compared *compared, enum link_page_verdict verdict, uint64_t count)
{
    struct side *side = compared->side;
    const char *after = compared->message.after;
    bool is_ours = compared->call != NULL;
    char next[ULID_SIZE];
    struct text page = {0};
    bool is_last = put_page(side, after, &page, next);
    char *expected = is_ours ? side->said.after : side->heard.after;
    uint64_t *differing = is_ours ? &side->said.differing : &side->heard.differing;
    bool is_expected = after[0] == '\0' || strcmp(after, expected) == 0;

    text_dispose(&page);
    if (after[0] == '\0')
        *differing = 0;
    *differing += verdict == LINK_PAGE_DIFFERS ? count : 0;
    memcpy(expected, is_last ? "" : next, is_last ? 1 : ULID_SIZE);
    if (verdict == LINK_PAGE_FAILED || !is_expected)
        expected[0] = '\0';
    else if (is_last)
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

static void compared_over(void *compared_, enum link_page_verdict verdict, uint64_t count)
{
    struct compared *compared = compared_;
    struct side *side = compared->side;
    struct call *call = compared->call;

    count_page(compared, verdict, count);
    if (compared->inbound != NULL)
        answer_page(compared);
    wire_free(WIRE_STATEMENT, &compared->message);
    free(compared);
    side_save(side, call != NULL ? statement_finish : inbound_finish);
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
        compared_over(compared, LINK_PAGE_FAILED, 0);
        return;
    }
    side->statement_sequence = sequence;
    if (holdings != NULL)
        holdings->take_page(holdings->arg, side->link.record.peer, compared->message.after, page,
                            compared_over, compared);
    else
        compared_over(compared, page.size == 0 ? LINK_PAGE_AGREES : LINK_PAGE_DIFFERS, 1);
}

/* ---- both ways */

void statement_take(struct inbound *inbound, struct wire_statement *message, unsigned unknown)
{
    struct compared *compared = memory_alloc(sizeof(*compared));

    compared->side = inbound->work.side;
    compared->inbound = inbound;
    compared->message = *message;
    compared->unknown = unknown;
    compare(compared, inbound->is.is.sequence);
}

bool statement_compose(struct call *call)
{
    struct side *side = call->side;
    struct wire_statement message = {.version = WIRE_VERSION_MAX,
                                     .from = side->link.record.incarnation_here,
                                     .to = side->link.record.incarnation_there};
    char next[ULID_SIZE];

    memcpy(message.after, side->said.after, sizeof(message.after));
    put_page(side, message.after, &message.page, next);
    wire_print(WIRE_STATEMENT, &message, &call->body);
    text_dispose(&message.page);
    return true;
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
