// SPDX-License-Identifier: Apache-2.0
/* 64 members at random, each of whom believes to have a node of its own, against a model of just
 * that: what each was told it has. Upstream is played with Kubo's rules: one pin per CID, and
 * whoever pins over a pin or unpins a pin of somebody else has broken it. An operator meddles.
 *
 * A failure names the seed and the step. */
#include "conf/memory.h"
#include "store/ownership.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MEMBERS = 64, OBJECTS = 12, STEPS = 25000, PINS_MAX = 100000 };

/* One pin as its owner knows it from calls and answers alone. */
struct known {
    unsigned member;
    enum pin_mode held, asked;
    bool is_of_service, is_releasing, is_failed, is_ownerless, is_live;
};

struct world {
    uint64_t seed, random;
    unsigned step;
    struct ownership objects[OBJECTS];
    struct ownership_actions actions;

    /* upstream */
    enum pin_mode ours[OBJECTS], foreign[OBJECTS];
    bool was_meddled[OBJECTS];       /* pins may be lost from now on */
    enum ownership_operation failed; /* in this step; of a mode, and whether it was cut by us */
    enum pin_mode failed_mode;
    bool was_cut;

    /* the model */
    struct known pins[PINS_MAX]; /* by the number in their id */
    unsigned object_of[PINS_MAX];
    unsigned last_pin;
    int64_t charged[MEMBERS], org_charged;
    int64_t charged_objects[MEMBERS], org_objects;
    unsigned answers[ANSWER_FOREIGN + 1];
};

static uint64_t draw(struct world *w, uint64_t below)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return (w->random >> 11) % below;
}

#define CHECK(w, condition)                                                                        \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fail_msg("seed %llu, step %u: not so: %s", (unsigned long long)(w)->seed, (w)->step,   \
                     #condition);                                                                  \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static enum pin_mode stronger(enum pin_mode a, enum pin_mode b)
{
    return a > b ? a : b;
}

static uint64_t size_of(unsigned object, enum pin_mode mode)
{
    return mode == PIN_DIRECT ? object + 1 : 1000 * (object + 1);
}

static void print_id(char id[ULID_SIZE], unsigned number)
{
    snprintf(id, ULID_SIZE, "%026u", number);
}

static struct owner owner_of(unsigned member)
{
    struct owner owner = {.kind = OWNER_MEMBER};

    snprintf(owner.id, sizeof(owner.id), "m%u", member);
    return owner;
}

/* ---- the model hears answers */

static bool is_shared(const struct known *pin)
{
    return pin->is_live && !pin->is_of_service && !pin->is_releasing;
}

/* The member's pin in Kubo's slot; 0: none. */
static unsigned find_shared(const struct world *w, unsigned object, unsigned member)
{
    for (unsigned n = w->last_pin; n > 0; n--)
        if (w->object_of[n] == object && w->pins[n].member == member && is_shared(&w->pins[n]))
            return n;
    return 0;
}

/* One's call fails by the failure of what it needed, and not by that of another's. */
static bool may_fail(const struct world *w, const struct known *pin)
{
    if (pin->is_releasing)
        return w->failed == OPERATION_LOOK || w->failed == OPERATION_UNPIN;
    if (w->failed == OPERATION_PIN || w->failed == OPERATION_MEASURE)
        return pin->asked == w->failed_mode && !w->was_cut;
    return w->failed == OPERATION_LOOK;
}

static void hear(struct world *w, unsigned object, const struct ownership_answer *answer)
{
    unsigned number = (unsigned)strtoul(answer->id, NULL, 10);
    struct known *pin = &w->pins[number];
    enum pin_mode cover = stronger(w->ours[object], w->foreign[object]);

    w->answers[answer->kind]++;
    CHECK(w, number <= w->last_pin && w->object_of[number] == object);
    switch (answer->kind) {
    case ANSWER_PINNED:
        CHECK(w, pin->is_live && pin->asked != PIN_NONE && !pin->is_releasing);
        CHECK(w, cover >= pin->asked || w->was_meddled[object]);
        pin->held = stronger(pin->held, pin->asked);
        pin->asked = PIN_NONE;
        break;
    case ANSWER_REMOVED:
        CHECK(w, pin->is_live && pin->is_releasing);
        pin->is_live = false;
        break;
    case ANSWER_CANCELED:
        CHECK(w, pin->is_live && pin->asked != PIN_NONE);
        pin->asked = PIN_NONE;
        break;
    case ANSWER_FOREIGN:
        CHECK(w, w->foreign[object] == PIN_DIRECT && pin->asked == PIN_RECURSIVE);
        /* fall through */
    case ANSWER_FAILED:
        CHECK(w, answer->kind == ANSWER_FOREIGN || may_fail(w, pin));
        CHECK(w, pin->is_live && (pin->asked != PIN_NONE) != pin->is_releasing);
        pin->is_releasing = false;
        pin->asked = PIN_NONE;
        if (pin->held == PIN_NONE && pin->is_of_service)
            pin->is_failed = true;
        else if (pin->held == PIN_NONE)
            pin->is_live = false;
        break;
    case ANSWER_NOT_PINNED:
    case ANSWER_PINNED_RECURSIVELY:
        CHECK(w, false); /* whoever asks knows what to expect, and takes it off first */
    }
}

static void start_upstream(struct world *w, unsigned object)
{
    const struct ownership_actions *actions = &w->actions;

    if (actions->operation == OPERATION_PIN) {
        CHECK(w, w->foreign[object] == PIN_NONE);
        CHECK(w, w->ours[object] < actions->mode);
    }
    if (actions->operation == OPERATION_UNPIN)
        CHECK(w, w->ours[object] != PIN_NONE || w->was_meddled[object]);
}

static void step(struct world *w, unsigned object, const struct ownership_event *event)
{
    struct ownership_actions *actions = &w->actions;

    ownership_step(&w->objects[object], event, actions);
    start_upstream(w, object);
    for (size_t i = 0; i < actions->charge_count; i++) {
        unsigned member = (unsigned)strtoul(actions->charges[i].owner.id + 1, NULL, 10);

        w->charged[member] += actions->charges[i].bytes;
        w->charged_objects[member] += actions->charges[i].objects;
    }
    w->org_charged += actions->org_bytes;
    w->org_objects += actions->org_objects;
}

static void hear_all(struct world *w, unsigned object)
{
    for (size_t i = 0; i < w->actions.answer_count; i++)
        hear(w, object, &w->actions.answers[i]);
}

/* ---- what members do */

static void claim(struct world *w, unsigned object)
{
    unsigned member = (unsigned)draw(w, MEMBERS);
    unsigned number = ++w->last_pin;
    struct ownership_event event = {.kind = OWNERSHIP_CLAIM, .owner = owner_of(member)};
    unsigned shared;
    struct known *pin;

    assert_true(number < PINS_MAX);
    event.mode = draw(w, 3) == 0 ? PIN_DIRECT : PIN_RECURSIVE;
    event.takes_slot = event.keeps_failure = draw(w, 4) == 0;
    print_id(event.id, number);
    w->object_of[number] = object;
    shared = event.takes_slot ? 0 : find_shared(w, object, member);
    pin = &w->pins[shared];
    if (shared != 0 && stronger(pin->held, pin->asked) > event.mode) {
        step(w, object, &event);
        CHECK(w, w->actions.answer_count == 1);
        CHECK(w, strcmp(w->actions.answers[0].id, event.id) == 0);
        CHECK(w, w->actions.answers[0].kind == ANSWER_PINNED_RECURSIVELY);
        w->answers[ANSWER_PINNED_RECURSIVELY]++;
        return;
    }
    if (shared == 0) {
        shared = number;
        pin = &w->pins[number];
        *pin = (struct known){member, .is_live = true, .is_of_service = event.takes_slot};
    }
    pin->asked = event.mode;
    step(w, object, &event);
    CHECK(w, strtoul(w->actions.claim, NULL, 10) == shared);
    hear_all(w, object);
}

/* A pin of the object, none too often; 0: no luck. */
static unsigned choose(struct world *w, unsigned object)
{
    for (unsigned tries = 0; tries < 100 && w->last_pin > 0; tries++) {
        unsigned back = w->last_pin < 2000 ? w->last_pin : 2000;
        unsigned number = w->last_pin - (unsigned)draw(w, back);

        if (w->object_of[number] == object && w->pins[number].is_live)
            return number;
    }
    return 0;
}

static void release(struct world *w, unsigned object)
{
    unsigned number = choose(w, object);
    struct ownership_event event = {.kind = OWNERSHIP_RELEASE};

    if (number == 0)
        return;
    print_id(event.id, number);
    w->pins[number].is_releasing = true;
    step(w, object, &event);
    hear_all(w, object);
}

static void cancel(struct world *w, unsigned object)
{
    unsigned number = choose(w, object);
    struct ownership_event event = {.kind = OWNERSHIP_CANCEL};
    struct known *pin = &w->pins[number];

    if (number == 0)
        return;
    print_id(event.id, number);
    if (pin->asked != PIN_NONE && pin->held == PIN_NONE)
        pin->is_live = false;
    pin->asked = PIN_NONE;
    step(w, object, &event);
    hear_all(w, object);
}

static void transfer(struct world *w, unsigned object)
{
    unsigned number = choose(w, object);
    unsigned member = (unsigned)draw(w, MEMBERS);
    struct ownership_event event = {.kind = OWNERSHIP_TRANSFER, .owner = owner_of(member)};
    struct known *pin = &w->pins[number];

    if (number == 0 || w->pins[number].held == PIN_NONE || w->pins[number].is_releasing)
        return;
    if (!pin->is_of_service && pin->member != member)
        pin->is_of_service = find_shared(w, object, member) != 0;
    pin->member = member;
    pin->is_ownerless = false;
    print_id(event.id, number);
    step(w, object, &event);
    hear_all(w, object);
}

static void come_and_go(struct world *w, unsigned object)
{
    unsigned member = (unsigned)draw(w, MEMBERS);
    struct ownership_event event = {.owner = owner_of(member)};
    bool is_gone = draw(w, 2) == 0;

    event.kind = is_gone ? OWNERSHIP_OWNER_GONE : OWNERSHIP_OWNER_BACK;
    step(w, object, &event);
    hear_all(w, object);
    for (unsigned n = 1; n <= w->last_pin; n++) {
        struct known *pin = &w->pins[n];

        if (w->object_of[n] != object || !pin->is_live || pin->member != member)
            continue;
        if (is_gone && pin->held == PIN_NONE)
            pin->is_live = false;
        else if (!is_gone || !pin->is_releasing)
            pin->is_ownerless = is_gone;
    }
}

/* ---- upstream, and who else is at it */

static void meddle(struct world *w, unsigned object)
{
    struct ownership_event event = {.kind = OWNERSHIP_DOUBT};

    if (w->objects[object].under_way != OPERATION_NONE)
        return;
    switch (draw(w, 4)) {
    case 0: /* pins, over ours if need be */
        w->foreign[object] = draw(w, 2) == 0 ? PIN_DIRECT : PIN_RECURSIVE;
        w->ours[object] = PIN_NONE;
        w->was_meddled[object] = true;
        break;
    case 1:
    case 2:
        if (w->foreign[object] == PIN_NONE)
            return;
        w->foreign[object] = PIN_NONE;
        w->was_meddled[object] = true;
        break;
    default:
        if (w->foreign[object] == PIN_NONE)
            event.kind = OWNERSHIP_REPAIR;
        break;
    }
    step(w, object, &event);
    hear_all(w, object);
}

/* The operation under way ends. */
static void end(struct world *w, unsigned object, bool fails)
{
    struct ownership *o = &w->objects[object];
    struct ownership_event event = {.kind = OWNERSHIP_DONE};

    if (o->under_way == OPERATION_NONE)
        return;
    if (fails && draw(w, o->is_canceled ? 2 : 6) == 0) {
        /* it may be done all the same, and its answer lost */
        if (o->under_way == OPERATION_PIN && draw(w, 4) == 0)
            w->ours[object] = o->under_way_mode;
        if (o->under_way == OPERATION_UNPIN && draw(w, 4) == 0)
            w->ours[object] = PIN_NONE, w->was_meddled[object] = true;
        event.kind = OWNERSHIP_FAILED;
    } else if (o->under_way == OPERATION_LOOK) {
        event.mode = w->ours[object];
        event.foreign = w->foreign[object];
    } else if (o->under_way == OPERATION_PIN) {
        w->ours[object] = o->under_way_mode;
        event.has_bytes = draw(w, 2) == 0;
        event.bytes = size_of(object, o->under_way_mode);
    } else if (o->under_way == OPERATION_MEASURE) {
        event.has_bytes = true;
        event.bytes = size_of(object, o->under_way_mode);
    } else {
        w->ours[object] = PIN_NONE;
    }
    if (event.kind == OWNERSHIP_FAILED) {
        w->failed = o->under_way;
        w->failed_mode = o->under_way_mode;
        w->was_cut = o->is_canceled;
        if (w->failed == OPERATION_PIN)
            w->was_meddled[object] |= o->is_repairing; /* a downgrade that failed */
    }
    step(w, object, &event);
    hear_all(w, object);
    w->failed = OPERATION_NONE;
}

/* ---- what must be so at any time */

static void check_listing(struct world *w, unsigned object)
{
    const struct ownership *o = &w->objects[object];
    enum pin_mode cover = stronger(w->ours[object], w->foreign[object]);
    size_t live = 0;

    for (unsigned n = 1; n <= w->last_pin; n++) {
        const struct known *known = &w->pins[n];
        const struct ownership_pin *pin;
        struct owner owner = owner_of(known->member);
        char id[ULID_SIZE];

        if (w->object_of[n] != object || !known->is_live)
            continue;
        live++;
        print_id(id, n);
        pin = ownership_pin(o, id);
        CHECK(w, pin != NULL && owner_equal(&pin->owner, &owner));
        CHECK(w, pin->held == known->held && pin->wanted == known->asked);
        CHECK(w, pin->is_removing == known->is_releasing);
        CHECK(w, pin->is_failed == known->is_failed);
        CHECK(w, pin->is_ownerless == known->is_ownerless);
        CHECK(w, (pin->slot != SLOT_KUBO) == known->is_of_service);
        /* what a member was told it has, upstream has, whatever the others did */
        if (known->held == PIN_RECURSIVE && !known->is_releasing && !w->was_meddled[object])
            CHECK(w, cover == PIN_RECURSIVE);
        if (known->held == PIN_DIRECT && !known->is_releasing && !w->was_meddled[object])
            CHECK(w, cover >= PIN_DIRECT || o->under_way == OPERATION_PIN);
    }
    CHECK(w, live == o->count);
}

static void check_charges(struct world *w)
{
    int64_t bytes[MEMBERS] = {0}, objects[MEMBERS] = {0}, org_bytes = 0, org_objects = 0;

    for (unsigned object = 0; object < OBJECTS; object++) {
        enum pin_mode held[MEMBERS] = {0}, org = PIN_NONE;

        for (unsigned n = 1; n <= w->last_pin; n++) {
            const struct known *pin = &w->pins[n];

            if (w->object_of[n] != object || !pin->is_live)
                continue;
            org = stronger(org, pin->held);
            if (!pin->is_ownerless)
                held[pin->member] = stronger(held[pin->member], pin->held);
        }
        for (unsigned m = 0; m < MEMBERS; m++) {
            objects[m] += held[m] != PIN_NONE;
            bytes[m] += held[m] != PIN_NONE ? (int64_t)size_of(object, held[m]) : 0;
        }
        org_objects += org != PIN_NONE;
        org_bytes += org != PIN_NONE ? (int64_t)size_of(object, org) : 0;
    }
    for (unsigned m = 0; m < MEMBERS; m++) {
        CHECK(w, w->charged[m] == bytes[m]);
        CHECK(w, w->charged_objects[m] == objects[m]);
    }
    CHECK(w, w->org_charged == org_bytes);
    CHECK(w, w->org_objects == org_objects);
}

/* All that is under way ends well and all that is lost is repaired: upstream holds what is claimed
 * and no more, nobody waits. */
static void drain(struct world *w, unsigned object)
{
    struct ownership_event repair = {.kind = OWNERSHIP_REPAIR};
    struct ownership *o = &w->objects[object];
    enum pin_mode claimed = PIN_NONE;

    step(w, object, &repair);
    hear_all(w, object);
    for (unsigned turns = 0; o->under_way != OPERATION_NONE; turns++) {
        CHECK(w, turns < 100);
        end(w, object, false);
    }
    for (size_t i = 0; i < o->count; i++) {
        enum pin_state state = ownership_state(o, &o->pins[i]);

        claimed = stronger(claimed, o->pins[i].held);
        CHECK(w, o->pins[i].wanted == PIN_NONE && state != PIN_REMOVING);
        CHECK(w, state != PIN_LOST || w->foreign[object] == PIN_DIRECT);
    }
    CHECK(w, w->ours[object] == claimed || w->foreign[object] != PIN_NONE);
    CHECK(w, w->foreign[object] == PIN_NONE || w->ours[object] == PIN_NONE);
    if (w->foreign[object] == PIN_NONE)
        w->was_meddled[object] = false;
    check_listing(w, object);
}

static void act(struct world *w)
{
    unsigned object = (unsigned)draw(w, OBJECTS);
    uint64_t dice = draw(w, 1000);

    if (dice < 300)
        claim(w, object);
    else if (dice < 520)
        release(w, object);
    else if (dice < 600)
        cancel(w, object);
    else if (dice < 610)
        transfer(w, object);
    else if (dice < 620)
        come_and_go(w, object);
    else if (dice < 630)
        meddle(w, object);
    else if (dice < 640)
        drain(w, object);
    else
        end(w, object, true);
    if (w->step % 16 == 0)
        check_listing(w, object);
    if (w->step % 64 == 0)
        check_charges(w);
}

static void run(uint64_t seed)
{
    struct world *w = memory_alloc(sizeof(*w));

    w->seed = w->random = seed;
    for (w->step = 0; w->step < STEPS; w->step++)
        act(w);
    for (unsigned object = 0; object < OBJECTS; object++)
        drain(w, object);
    check_charges(w);
    /* every kind of end was met, or the test tests less than it says */
    CHECK(w, w->answers[ANSWER_PINNED] > 1000 && w->answers[ANSWER_REMOVED] > 1000);
    CHECK(w, w->answers[ANSWER_FAILED] > 10 && w->answers[ANSWER_PINNED_RECURSIVELY] > 10);
    CHECK(w, w->answers[ANSWER_FOREIGN] > 0 && w->answers[ANSWER_CANCELED] > 0);
    for (unsigned object = 0; object < OBJECTS; object++)
        ownership_dispose(&w->objects[object]);
    ownership_actions_dispose(&w->actions);
    free(w);
}

static void test_ownership_agrees_with_the_model_in_100000_random_steps(void **state)
{
    for (uint64_t seed = 1; seed <= 4; seed++)
        run(seed * 0x9e3779b97f4a7c15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ownership_agrees_with_the_model_in_100000_random_steps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
