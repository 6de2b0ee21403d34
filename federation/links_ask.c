// SPDX-License-Identifier: Apache-2.0
/* Items that we ask of a peer: in the order of their keys, in batches, until each is answered. */
#include "federation/links_call.h"

#include "conf/memory.h"

#include <assert.h>
#include <stdlib.h>

#define AGAIN_MS UINT64_C(1000)

enum { BATCH_BYTES = 512 * 1024, DELAYS_MAX = 4 };

enum asked_state { ASKED_WAITING, ASKED_SENT, ASKED_ANSWERED, ASKED_SETTLED };

struct asked {
    struct side *side;
    enum asked_state state;
    char key[ULID_SIZE];
    char action[ID_SIZE];
    struct text with;
    link_ask_cb on_done; /* NULL: canceled */
    void *arg;
    uint64_t again_ms; /* not before then; loop's time */
    unsigned delays;   /* in a row: answered that another time would do */
    struct asked *next;
};

struct link_ask {
    struct asked asked;
};

static void asked_free(struct asked *asked)
{
    text_dispose(&asked->with);
    free(CONTAINER_OF(asked, struct link_ask, asked));
}

static struct asked **find(struct side *side, const char *key)
{
    struct asked **at = &side->asked;

    while (*at != NULL && strcmp((*at)->key, key) < 0)
        at = &(*at)->next;
    return at;
}

/* ---- asking */

bool links_ask(struct links *links, struct link_ask **result, const char *partner, const char *key,
               const char *action, struct slice with_json, link_ask_cb on_done, void *arg,
               struct error *err)
{
    struct side *side = links_by_partner(links, partner);
    struct link_ask *ask;
    struct asked **at;

    if (side == NULL || !link_may_send(&side->link, LINK_TRAFFIC_STATEMENT))
        return error_set(err, ERROR_NOT_FOUND, "there is no link in force with '%s'", partner);
    assert(with_json.size <= WIRE_WITH_MAX && strlen(key) == ULID_SIZE - 1);
    at = find(side, key);
    assert(*at == NULL || strcmp((*at)->key, key) != 0);
    ask = memory_alloc(sizeof(*ask));
    ask->asked.side = side;
    memcpy(ask->asked.key, key, sizeof(ask->asked.key));
    memcpy(ask->asked.action, action, strlen(action) + 1);
    text_put_slice(&ask->asked.with, with_json);
    ask->asked.on_done = on_done;
    ask->asked.arg = arg;
    ask->asked.next = *at;
    *at = &ask->asked;
    *result = ask;
    timer_arm(links->settings.loop, &side->pump, 0); /* what is asked in one turn goes together */
    return true;
}

/* What went out may take effect; its answer is nobody's. */
void links_ask_cancel(struct link_ask **ask_ptr)
{
    struct link_ask *ask = *ask_ptr;
    struct asked *asked;

    if (ask == NULL)
        return;
    *ask_ptr = NULL;
    asked = &ask->asked;
    asked->on_done = NULL;
    if (asked->state == ASKED_SENT)
        return;
    *find(asked->side, asked->key) = asked->next;
    asked_free(asked);
}

void links_settle(struct links *links, const char *partner, const char *key)
{
    struct side *side = links_by_partner(links, partner);
    struct asked *asked = side != NULL ? *find(side, key) : NULL;

    if (asked == NULL || strcmp(asked->key, key) != 0)
        return;
    asked->state = ASKED_SETTLED;
    while (side->asked != NULL && side->asked->state == ASKED_SETTLED) {
        asked = side->asked;
        side->asked = asked->next;
        memcpy(side->settled, asked->key, sizeof(side->settled));
        asked_free(asked);
    }
}

/* ---- sending */

static bool is_due(const struct asked *asked, uint64_t now_ms)
{
    return asked->state == ASKED_WAITING && asked->again_ms <= now_ms;
}

/* When the first of those is due that were put off; UINT64_MAX: none was. */
static uint64_t next_due(const struct side *side)
{
    uint64_t next_ms = UINT64_MAX;

    for (const struct asked *asked = side->asked; asked != NULL; asked = asked->next)
        if (asked->state == ASKED_WAITING && asked->again_ms < next_ms)
            next_ms = asked->again_ms;
    return next_ms;
}

void side_pump(struct side *side)
{
    struct loop *loop = side->links->settings.loop;
    uint64_t now_ms = loop_now_ms(loop), next_ms = next_due(side);

    if (next_ms == UINT64_MAX || !link_may_send(&side->link, LINK_TRAFFIC_CHANGE))
        return;
    if (next_ms <= now_ms)
        side_send(side, CALL_BATCH);
    else
        timer_arm(loop, &side->pump, next_ms - now_ms);
}

static uint64_t size_of(const struct asked *asked)
{
    return asked->with.size + sizeof(asked->key) + sizeof(asked->action);
}

static void gather(struct call *call)
{
    struct side *side = call->side;
    uint64_t bytes = 0, now_ms = loop_now_ms(side->links->settings.loop);

    for (struct asked *asked = side->asked; asked != NULL; asked = asked->next) {
        if (!is_due(asked, now_ms))
            continue;
        if (call->item_count == WIRE_ITEMS_MAX || bytes + size_of(asked) > BATCH_BYTES ||
            !credit_take(&side->credit, size_of(asked)))
            return;
        bytes += size_of(asked);
        asked->state = ASKED_SENT;
        call->items[call->item_count++] = asked;
    }
}

bool batch_compose(struct call *call)
{
    struct side *side = call->side;
    struct wire_item items[WIRE_ITEMS_MAX] = {0};
    struct wire_batch batch = {.version = WIRE_VERSION_MAX,
                               .from = side->link.record.incarnation_here,
                               .to = side->link.record.incarnation_there};

    gather(call);
    if (call->item_count == 0)
        return false;
    for (size_t i = 0; i < call->item_count; i++) {
        memcpy(items[i].key, call->items[i]->key, sizeof(items[i].key));
        memcpy(items[i].action, call->items[i]->action, sizeof(items[i].action));
        items[i].with = call->items[i]->with;
    }
    memcpy(batch.settled, side->settled, sizeof(batch.settled));
    batch.items = (struct wire_list){items, call->item_count};
    wire_print(WIRE_BATCH, &batch, &call->body);
    for (size_t i = 0; i < call->item_count; i++)
        links_count(&side->links->items_sent);
    return true;
}

/* ---- hearing */

static void give_back(struct call *call)
{
    struct side *side = call->side;

    for (size_t i = 0; i < call->item_count; i++)
        credit_give(&side->credit, size_of(call->items[i]));
}

/* Nobody waits for it, and nothing more is sent for it. */
static void forget(struct asked *asked)
{
    *find(asked->side, asked->key) = asked->next;
    asked_free(asked);
}

static void put_back(struct asked *asked)
{
    if (asked->on_done == NULL)
        forget(asked);
    else
        asked->state = ASKED_WAITING;
}

/* Whoever answers that another time would do is not asked all the time; and who asked is to know
 * why it takes so long. */
static void put_off(struct asked *asked, const struct wire_result *result)
{
    link_ask_cb on_done = asked->on_done;
    void *arg = asked->arg;
    struct error err = {0};

    if (asked->delays < DELAYS_MAX) {
        asked->again_ms =
            loop_now_ms(asked->side->links->settings.loop) + (AGAIN_MS << asked->delays++);
        put_back(asked);
        return;
    }
    error_set(&err, ERROR_TIMEOUT, "%s answers %u each time: %s", asked->side->link.record.peer,
              (unsigned)result->status,
              result->message[0] != '\0' ? result->message : "without a reason");
    forget(asked);
    on_done(arg, NULL, &err);
}

static void hear_one(struct asked *asked, const struct wire_result *result)
{
    link_ask_cb on_done = asked->on_done;
    void *arg = asked->arg;

    if (on_done == NULL) {
        put_back(asked);
        return;
    }
    if (!links_is_answer((unsigned)result->status)) {
        put_off(asked, result);
        return;
    }
    asked->state = ASKED_ANSWERED;
    asked->on_done = NULL;
    on_done(arg, result, NULL);
}

static bool fits(const struct call *call, const struct wire_results *results)
{
    const struct wire_result *list = results->results.items;

    if (results->results.count != call->item_count)
        return false;
    for (size_t i = 0; i < call->item_count; i++)
        if (strcmp(list[i].key, call->items[i]->key) != 0)
            return false;
    return true;
}

void batch_heard(struct call *call, bool is_answered)
{
    struct side *side = call->side;
    struct wire_results results = {0};
    const struct wire_result *list;
    unsigned unknown = 0;
    bool is_good = is_answered &&
                   wire_parse(WIRE_RESULTS, text_slice(&call->answer), &results, &unknown, NULL) &&
                   fits(call, &results);

    give_back(call);
    if (is_good)
        credit_set(&side->credit, (uint32_t)results.credit.items, results.credit.bytes);
    list = results.results.items;
    for (size_t i = 0; i < call->item_count; i++) {
        if (is_good)
            hear_one(call->items[i], &list[i]);
        else
            put_back(call->items[i]);
    }
    call->item_count = 0;
    wire_free(WIRE_RESULTS, &results);
    if (!side->links->is_closing)
        timer_arm(side->links->settings.loop, &side->pump, is_good ? 1 : AGAIN_MS);
}

/* ---- ends */

void side_fail_asked(struct side *side)
{
    struct error err = {0};
    struct asked *asked;

    error_set(&err, ERROR_CANCELED, "the link with %s is over", side->link.record.peer);
    while ((asked = side->asked) != NULL) { /* who is told may cancel others */
        side->asked = asked->next;
        if (asked->on_done != NULL)
            asked->on_done(asked->arg, NULL, &err);
        asked_free(asked);
    }
}

void side_drop_items(struct side *side)
{
    struct asked *asked, *next;

    for (asked = side->asked; asked != NULL; asked = next) {
        next = asked->next;
        asked_free(asked);
    }
    side->asked = NULL;
    side_drop_batches(side);
}
