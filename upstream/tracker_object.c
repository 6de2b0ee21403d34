// SPDX-License-Identifier: Apache-2.0
/* One object: its events take their turn, each is one step of its ownership, and what the step says
 * is written, then done. */
#include "conf/memory.h"
#include "upstream/tracker_private.h"

#include <assert.h>
#include <openssl/rand.h>
#include <stdlib.h>

/* ---- the table */

static size_t row_of(const struct cid *key)
{
    size_t hash = 5381;

    for (size_t i = 0; i < key->size; i++)
        hash = hash * 33 + key->bytes[i];
    return hash % TRACKER_TABLE_SIZE;
}

struct tracked *tracked_find(const struct tracker *tracker, const struct cid *key)
{
    struct tracked *object = tracker->table[row_of(key)];

    while (object != NULL && !cid_equal(&object->key, key))
        object = object->next;
    return object;
}

struct tracked *tracked_need(struct tracker *tracker, const struct cid *key)
{
    struct tracked *object = tracked_find(tracker, key);
    struct tracked **row = &tracker->table[row_of(key)];

    if (object != NULL)
        return object;
    object = memory_alloc(sizeof(*object));
    object->tracker = tracker;
    object->key = *key;
    object->end = &object->first;
    object->next = *row;
    *row = object;
    tracker->object_count++;
    tracked_load(object);
    return object;
}

void tracked_destroy(struct tracked *object)
{
    struct tracked **at = &object->tracker->table[row_of(&object->key)];

    while (*at != object)
        at = &(*at)->next;
    *at = object->next;
    object->tracker->object_count--;
    if (object->reading != NULL)
        store_cancel(object->reading);
    upstream_cancel(&object->operation);
    timer_disarm(&object->late);
    while (object->first != NULL) {
        struct tracked_event *event = object->first;

        object->first = event->next;
        free(event);
    }
    ownership_dispose(&object->state);
    ownership_dispose(&object->before);
    ownership_actions_dispose(&object->actions);
    free(object->unsent);
    free(object->changed);
    free(object);
}

/* ---- events */

static void draw_id(struct tracker *tracker, char id[ULID_SIZE])
{
    uint8_t random[ULID_RANDOM_SIZE];
    int drawn = RAND_bytes(random, sizeof(random));

    assert(drawn == 1);
    (void)drawn;
    ulid_draw(&tracker->ulids, tracker->settings.now_ms(), random, id);
}

void tracked_queue(struct tracked *object, const struct ownership_event *event,
                   struct tracker_call *call)
{
    struct tracked_event *item = memory_alloc(sizeof(*item));

    item->event = *event;
    item->call = call;
    if (event->kind == OWNERSHIP_CLAIM || event->kind == OWNERSHIP_ADOPT) {
        draw_id(object->tracker, item->event.id);
        if (call != NULL)
            memcpy(call->event_id, item->event.id, sizeof(call->event_id));
    }
    *object->end = item;
    object->end = &item->next;
}

/* Nobody waits for this pin any more. Before all that waits its turn, the report of an operation
 * too: what is confirmed with nobody waiting would be half of what was asked for, without the name.
 */
void tracked_queue_cancel(struct tracked *object, const char *pin)
{
    struct tracked_event *item = memory_alloc(sizeof(*item));

    item->event.kind = OWNERSHIP_CANCEL;
    memcpy(item->event.id, pin, sizeof(item->event.id));
    item->next = object->first;
    object->first = item;
    if (item->next == NULL)
        object->end = &item->next;
}

static struct tracked_event pop(struct tracked *object)
{
    struct tracked_event *item = object->first;
    struct tracked_event copy = *item;

    object->first = item->next;
    if (object->first == NULL)
        object->end = &object->first;
    free(item);
    return copy;
}

/* ---- one step */

bool tracked_next_pair(const struct tracked *object, struct tracked_pair *pair)
{
    const struct ownership *before = &object->before, *now = &object->state;
    bool has_before = pair->before_count < before->count, has_now = pair->now_count < now->count;

    pair->before = has_before ? &before->pins[pair->before_count] : NULL;
    pair->now = has_now ? &now->pins[pair->now_count] : NULL;
    if (has_before && (!has_now || strcmp(pair->before->id, pair->now->id) != 0))
        pair->now = NULL; /* what is new comes last */
    pair->before_count += pair->before != NULL;
    pair->now_count += pair->now != NULL;
    return has_before || has_now;
}

void tracked_copy(struct ownership *to, const struct ownership *from)
{
    struct ownership_pin *pins = to->pins;
    size_t capacity = to->capacity;

    if (capacity < from->count) {
        capacity = from->count;
        pins = memory_resize_array(pins, capacity, sizeof(*pins));
    }
    *to = *from;
    to->pins = pins;
    to->capacity = capacity;
    if (from->count > 0 && from->pins != NULL)
        memcpy(to->pins, from->pins, from->count * sizeof(*pins));
}

/* Claims of an owner for which there is no room come to nothing. False: it has none. */
static bool refuse_claims(struct tracked *object, const struct owner *owner,
                          const struct error *why)
{
    struct ownership_actions ignored = {0};
    bool has_refused = false;

    for (size_t i = object->state.count; i > 0; i--) {
        const struct ownership_pin *pin = &object->state.pins[i - 1];
        struct ownership_event cancel = {.kind = OWNERSHIP_CANCEL};

        if (pin->wanted == PIN_NONE || (owner != NULL && !owner_equal(&pin->owner, owner)))
            continue;
        memcpy(cancel.id, pin->id, sizeof(cancel.id));
        tracked_refuse(object, cancel.id, TRACKER_QUOTA, why);
        ownership_step(&object->state, &cancel, &ignored);
        has_refused = true;
    }
    ownership_actions_dispose(&ignored);
    return has_refused;
}

static bool is_report(const struct ownership_event *event)
{
    return event->kind == OWNERSHIP_DONE || event->kind == OWNERSHIP_FAILED;
}

/* What an operator does is charged whatever the quotas say. */
static bool is_forced(const struct ownership_event *event)
{
    return event->kind == OWNERSHIP_TRANSFER || event->kind == OWNERSHIP_OWNER_BACK ||
           event->kind == OWNERSHIP_OWNER_GONE;
}

/* The step, charged. False: there was no room for the call's claim, which was answered; nothing
 * changed. A report cannot be refused: claims that do not fit are, one owner's after the other's.
 */
static bool step(struct tracked *object, const struct ownership_event *event,
                 struct tracker_call *call)
{
    struct ownership now = {0};
    struct error why = {0};
    struct owner owner;

    tracked_copy(&object->before, &object->state);
    for (;;) {
        bool is_charged;

        tracked_copy(&now, &object->state);
        ownership_step(&object->state, event, &object->actions);
        is_charged = tracked_charge(object, is_forced(event), &owner, &why);
        if (is_charged)
            break;
        tracked_copy(&object->state, &now);
        if (!is_report(event)) {
            if (call != NULL)
                call_answer(call, TRACKER_QUOTA, &why, 0);
            break;
        }
        if (!refuse_claims(object, owner.kind == 0 ? NULL : &owner, &why)) {
            ownership_step(&object->state, event, &object->actions);
            tracked_charge(object, true, &owner, &why);
            why = (struct error){0};
            break;
        }
        why = (struct error){0};
    }
    ownership_dispose(&now);
    return why.code == ERROR_NONE;
}

/* A claim is refused before anything is begun if it cannot end well. */
static bool may_begin(struct tracked *object, const struct ownership_event *event,
                      struct tracker_call *call)
{
    struct error why = {0};

    if (event->kind != OWNERSHIP_CLAIM || call == NULL)
        return true;
    if (ownership_slot(&object->state, &event->owner, SLOT_KUBO) != NULL ||
        tracked_may_claim(object, &event->owner, &why))
        return true;
    call_answer(call, TRACKER_QUOTA, &why, 0);
    return false;
}

/* RELEASE by owner: the pin that Kubo's API shows. */
static void find_pin(const struct tracked *object, struct ownership_event *event)
{
    const struct ownership_pin *pin;

    if (event->kind != OWNERSHIP_RELEASE || event->id[0] != '\0')
        return;
    pin = ownership_slot(&object->state, &event->owner, SLOT_KUBO);
    if (pin != NULL)
        memcpy(event->id, pin->id, sizeof(event->id));
}

static void take_place(struct tracked *object, struct tracker_call *call,
                       const struct ownership_event *event)
{
    const char *pin = object->actions.claim[0] != '\0' ? object->actions.claim : event->id;

    memcpy(call->pin, pin, sizeof(call->pin));
    call->next = object->waiters;
    object->waiters = call;
    object->current = call;
}

/* ---- after the step */

static void act(struct tracked *object)
{
    struct error cut = {0};

    object->phase = TRACKED_READY;
    tracked_discharge(object);
    for (size_t i = 0; i < object->actions.answer_count; i++)
        tracked_tell(object, &object->actions.answers[i]);
    tracked_tell_plain(object);
    if (object->actions.cancel) {
        error_set(&cut, ERROR_CANCELED, "nobody waits for it any more");
        tracked_cut(object, &cut);
    }
    if (object->actions.operation != OPERATION_NONE)
        tracked_operate(object);
}

/* Every call, waiting or not begun, ends with this. */
static void fail_all(struct tracked *object, const struct error *why)
{
    tracked_fail_waiters(object, why);
    while (object->first != NULL) {
        struct tracked_event item = pop(object);

        if (item.call != NULL)
            call_answer(item.call, TRACKER_FAILED, why, 0);
    }
}

/* What the ledger says now is what holds; recovery ends what was begun. */
static void give_up(struct tracked *object)
{
    struct error why = {0};

    error_set(&why, object->write_fault.code, "pin: the gateway's ledger: %s",
              object->write_fault.text);
    if (object->phase == TRACKED_WRITING)
        tracked_uncharge(object);
    fail_all(object, &why);
    recovery_again(object->tracker);
    tracked_destroy(object);
}

static void advance(struct tracked *object, struct tracked_event *item)
{
    struct tracker_call *call = item->call;

    find_pin(object, &item->event);
    if (!may_begin(object, &item->event, call) || !step(object, &item->event, call))
        return;
    if (call != NULL)
        take_place(object, call, &item->event);
    if (tracked_write(object, call))
        object->phase = TRACKED_WRITING;
    else
        act(object);
}

/* Nothing is under way, and nobody waits. */
static bool is_at_rest(const struct tracked *object)
{
    return object->phase == TRACKED_READY && object->operation == NULL &&
           !tracked_has_waiters(object) && object->state.under_way == OPERATION_NONE;
}

/* Something was begun, and upstream did not let it come to an end. Where nothing was begun (the
 * first look failed), nothing is left open: calls to a node that is down would leave one entry
 * each. What upstream has for a claim that was given up is still to be removed, though. */
static bool is_unfinished(const struct tracked *object)
{
    enum pin_mode held = PIN_NONE;

    for (size_t i = 0; i < object->state.count; i++) {
        if (object->state.pins[i].is_removing)
            return true;
        if (object->state.pins[i].held > held)
            held = object->state.pins[i].held;
    }
    return object->state.is_suspect && (object->has_begun || object->is_recovering ||
                                        object->is_doubtful || object->state.upstream > held);
}

static void on_late(struct timer *timer)
{
    static const struct ownership_event again = {.kind = OWNERSHIP_DOUBT};
    struct tracked *object = CONTAINER_OF(timer, struct tracked, late);

    object->may_come_late = false;
    tracked_queue(object, &again, NULL);
    tracked_run(object);
}

static void rest(struct tracked *object)
{
    const struct tracker_settings *settings = &object->tracker->settings;

    if (object->may_come_late) {
        object->late.fire = on_late;
        if (!timer_is_armed(&object->late))
            timer_arm(settings->loop, &object->late, settings->late_ms);
        return;
    }
    if (!is_unfinished(object) && object->is_doubtful) {
        tracked_clear_doubt(object);
        tracked_run(object);
        return;
    }
    tracked_tell_repairs(object);
    if (is_unfinished(object))
        recovery_again(object->tracker);
    else
        tracked_close_journal(object);
    tracked_destroy(object);
}

/* The next event. False: there is none. */
static bool take_event(struct tracked *object, struct tracked_event *item)
{
    bool is_canceled = object->first != NULL && object->first->event.kind == OWNERSHIP_CANCEL;

    if (object->has_report && !is_canceled) {
        object->has_report = false;
        *item = (struct tracked_event){.event = object->report};
        return true;
    }
    if (object->first == NULL)
        return false;
    *item = pop(object);
    return true;
}

/* The ledger has answered everything. False: the object is gone. */
static bool end_writing(struct tracked *object)
{
    if (object->write_fault.code != ERROR_NONE) {
        give_up(object);
        return false;
    }
    act(object);
    return true;
}

void tracked_run(struct tracked *object)
{
    struct tracked_event item;

    if (object->tracker->is_ending)
        return;
    do {
        if (object->reading != NULL || object->writes > 0)
            return;
        if (object->phase != TRACKED_READY && !end_writing(object))
            return;
        if (take_event(object, &item))
            advance(object, &item);
    } while (object->phase != TRACKED_READY || object->has_report || object->first != NULL);
    if (is_at_rest(object))
        rest(object);
}
