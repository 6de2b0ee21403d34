// SPDX-License-Identifier: Apache-2.0
/* Pages of statements at a cut, asked of a peer and by one. They change nothing: a link that is
 * isolated says none, for its sides do not agree yet on what either holds. */
#include "federation/links_call.h"
#include "federation/links_inbound.h"

#include "conf/memory.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- ours */

bool links_ask_cut(struct links *links, const char *partner, const struct link_cut *cut,
                   link_cut_cb on_done, void *arg, struct error *err)
{
    struct side *side = links_by_partner(links, partner);

    if (side == NULL || !link_may_send(&side->link, LINK_TRAFFIC_STATEMENT) ||
        side->link.record.incarnation_there == 0)
        return error_set(err, ERROR_NOT_FOUND, "there is no link in force with '%s'", partner);
    if (side->cutting.on_done != NULL || side->calls[CALL_CUT] != NULL || side_is_full(side))
        return error_set(err, ERROR_LIMIT, "'%s' is being asked for a statement already", partner);
    side->cutting.cut = *cut;
    side->cutting.on_done = on_done;
    side->cutting.arg = arg;
    side_send(side, CALL_CUT);
    return true;
}

void cut_compose(struct call *call)
{
    const struct side *side = call->side;
    const struct link_cut *cut = &side->cutting.cut;
    struct wire_statement message = {.version = WIRE_VERSION_MAX,
                                     .from = side->link.record.incarnation_here,
                                     .to = side->link.record.incarnation_there};

    memcpy(message.after, cut->after, ULID_SIZE);
    memcpy(message.settled, cut->ours, ULID_SIZE);
    memcpy(message.settled_there, cut->theirs, ULID_SIZE);
    wire_print(WIRE_STATEMENT, &message, &call->body);
}

static void tell(struct side *side, const struct link_cut_page *page, const struct error *err)
{
    link_cut_cb on_done = side->cutting.on_done;
    void *arg = side->cutting.arg;

    side->cutting.on_done = NULL;
    on_done(arg, page, err);
}

void cut_over(struct side *side, const char *why)
{
    struct error err = {0};

    if (side->cutting.on_done == NULL)
        return;
    error_set(&err, ERROR_IO, "%s was not reached%s%s", side->link.record.peer,
              why[0] != '\0' ? ": " : "", why);
    tell(side, NULL, &err);
}

/* It is of our cut, and if that was open, of theirs. */
static bool fits(const struct link_cut *cut, const struct wire_statement *message)
{
    return message->settled[0] != '\0' && strcmp(message->settled_there, cut->ours) == 0 &&
           strcmp(message->after, cut->after) == 0 &&
           (cut->theirs[0] == '\0' || strcmp(message->settled, cut->theirs) == 0);
}

void cut_heard(struct call *call)
{
    struct side *side = call->side;
    struct wire_statement message = {0};
    struct link_cut cut = side->cutting.cut;
    struct error err = {0};
    unsigned unknown = 0;

    if (wire_parse(WIRE_STATEMENT, text_slice(&call->answer), &message, &unknown, &err) &&
        fits(&cut, &message)) {
        struct link_cut_page page = {.cut = &cut,
                                     .page = text_slice(&message.page),
                                     .signature = text_slice(&message.signature)};

        memcpy(cut.theirs, message.settled, ULID_SIZE);
        tell(side, &page, NULL);
    } else {
        error_set(&err, ERROR_SYNTAX, "%s answered with no statement at this cut",
                  side->link.record.peer);
        tell(side, NULL, &err);
    }
    wire_free(WIRE_STATEMENT, &message);
}

/* ---- theirs */

struct cut_inbound {
    struct side *side;
    struct inbound *inbound;
    struct link_cut cut; /* as we see it */
    unsigned unknown;
};

static void answer_cut(void *cut_, const struct link_cut_page *page, const struct error *err)
{
    struct cut_inbound *cut = cut_;
    struct side *side = cut->side;
    struct wire_statement answer = {.version = WIRE_VERSION_MAX,
                                    .from = side->link.record.incarnation_here,
                                    .to = side->link.record.incarnation_there,
                                    .ignored = cut->unknown};

    side->cut_inbound = NULL;
    if (page == NULL) {
        inbound_refuse(cut->inbound,
                       err->code == ERROR_LIMIT ? WIRE_PROBLEM_BUSY : WIRE_PROBLEM_LATER, "%s",
                       err->text);
    } else {
        memcpy(answer.after, page->cut->after, ULID_SIZE);
        memcpy(answer.settled, page->cut->ours, ULID_SIZE);
        memcpy(answer.settled_there, page->cut->theirs, ULID_SIZE);
        text_put_slice(&answer.page, page->page);
        text_put_slice(&answer.signature, page->signature);
        inbound_put(cut->inbound, WIRE_STATEMENT, &answer);
        wire_free(WIRE_STATEMENT, &answer);
    }
    inbound_send(cut->inbound);
    free(cut);
}

/* The number is durable; what is read of the ledger now holds up nothing else of the link. */
static void begin_cut(struct work *work)
{
    struct inbound *inbound = CONTAINER_OF(work, struct inbound, work);
    struct cut_inbound *cut = inbound->joining;
    struct side *side = cut->side;
    const struct link_cutter *cutter = side->links->cutter;

    side_done(side);
    cutter->make(cutter->arg, side->link.record.peer, &cut->cut, answer_cut, cut);
}

static void drop_cut(struct work *work)
{
    struct inbound *inbound = CONTAINER_OF(work, struct inbound, work);
    struct cut_inbound *cut = inbound->joining;
    struct error err = {0};

    error_set(&err, ERROR_CANCELED, "this gateway is stopping");
    answer_cut(cut, NULL, &err);
}

static bool may_cut(struct inbound *inbound, const struct side *side)
{
    if (side->links->cutter == NULL || side->link.record.isolation != LINK_NOT_ISOLATED)
        inbound_refuse(inbound, WIRE_PROBLEM_STATE,
                       "no statement at a cut is made here while the link is isolated");
    else if (side->cut_inbound != NULL)
        inbound_refuse(inbound, WIRE_PROBLEM_BUSY, "a statement is being made for you");
    else
        return true;
    return false;
}

void cut_take(struct inbound *inbound, struct wire_statement *message, unsigned unknown)
{
    struct side *side = inbound->work.side;
    struct cut_inbound *cut;

    if (!may_cut(inbound, side)) {
        wire_free(WIRE_STATEMENT, message);
        side_save(side, inbound_finish);
        return;
    }
    cut = memory_alloc(sizeof(*cut));
    cut->side = side;
    cut->inbound = inbound;
    cut->unknown = unknown;
    memcpy(cut->cut.ours, message->settled_there, ULID_SIZE);
    memcpy(cut->cut.theirs, message->settled, ULID_SIZE);
    memcpy(cut->cut.after, message->after, ULID_SIZE);
    wire_free(WIRE_STATEMENT, message);
    side->cut_inbound = cut;
    inbound->joining = cut;
    inbound->work.drop = drop_cut;
    side_save(side, begin_cut);
}

void links_set_cutter(struct links *links, const struct link_cutter *cutter)
{
    links->cutter = cutter;
}
