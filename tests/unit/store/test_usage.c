// SPDX-License-Identifier: Apache-2.0
/* Usage in the ledger: it is what store/ownership.h charges, whatever happens, and a recount finds
 * what is not. */
#include "edit.h"
#include "pins_kit.h"
#include "store/ownership.h"

enum { OWNERS = 6, OBJECTS = 5, STEPS = 700 };

struct books {
    struct kit *kit;
    uint64_t random;
    unsigned last_pin;
    struct ownership objects[OBJECTS];
    struct ownership_actions actions;
    int64_t bytes[OWNERS], objects_of[OWNERS], org_bytes, org_objects;
};

static unsigned draw(struct books *b, unsigned below)
{
    b->random ^= b->random << 13;
    b->random ^= b->random >> 7;
    b->random ^= b->random << 17;
    return (unsigned)((b->random >> 11) % below);
}

static uint64_t size_of(unsigned object, enum pin_mode mode)
{
    return mode == PIN_DIRECT ? object + 1 : 100 * (object + 1);
}

/* Brings one pin's row to what the arithmetic says of it. */
static void write_pin(struct books *b, unsigned object, const char *id, enum pin_mode held)
{
    const struct ownership_pin *pin = ownership_pin(&b->objects[object], id);
    unsigned n = (unsigned)strtoul(id, NULL, 10);
    struct transaction *mark;

    if (pin == NULL) {
        kit_run(b->kit, kit_pin_remove(n), ERROR_NONE);
        return;
    }
    if (pin->held > held)
        kit_run(b->kit, kit_pin_confirm(n, pin->held, size_of(object, pin->held)), ERROR_NONE);
    mark = pin->is_failed
               ? kit_pin_fail(n, true)
               : kit_pin_mark(n, ownership_state(&b->objects[object], pin), pin->is_ownerless);
    kit_run(b->kit, mark, ERROR_NONE);
}

static void book_charges(struct books *b)
{
    for (size_t i = 0; i < b->actions.charge_count; i++) {
        const struct ownership_charge *charge = &b->actions.charges[i];
        unsigned owner = (unsigned)(charge->owner.id[1] - '0');

        b->bytes[owner] += charge->bytes;
        b->objects_of[owner] += charge->objects;
    }
    b->org_bytes += b->actions.org_bytes;
    b->org_objects += b->actions.org_objects;
}

static bool is_changed(const struct ownership_pin *a, const struct ownership_pin *b)
{
    return a->held != b->held || a->wanted != b->wanted || a->is_failed != b->is_failed ||
           a->is_removing != b->is_removing || a->is_ownerless != b->is_ownerless;
}

/* Every pin that was there before or is there now. */
static void write_all(struct books *b, unsigned object, const struct ownership_pin *before,
                      size_t count)
{
    const struct ownership *o = &b->objects[object];
    char key[8];

    snprintf(key, sizeof(key), "k%u", object);
    for (size_t i = 0; i < o->count; i++) {
        unsigned n = (unsigned)strtoul(o->pins[i].id, NULL, 10);
        struct transaction *add;
        size_t j = 0;

        while (j < count && strcmp(before[j].id, o->pins[i].id) != 0)
            j++;
        if (j == count) {
            add = kit_pin_add(n, o->pins[i].owner.id, key);
            add->pin_add.record.slot = o->pins[i].slot;
            kit_run(b->kit, add, ERROR_NONE);
        }
        if (j < count && !owner_equal(&before[j].owner, &o->pins[i].owner))
            kit_run(b->kit, kit_pin_transfer(n, o->pins[i].owner.id, o->pins[i].slot), ERROR_NONE);
        if (j == count || is_changed(&before[j], &o->pins[i]))
            write_pin(b, object, o->pins[i].id, j == count ? PIN_NONE : before[j].held);
    }
    for (size_t j = 0; j < count; j++)
        if (ownership_pin(o, before[j].id) == NULL)
            write_pin(b, object, before[j].id, before[j].held);
}

static void step(struct books *b, unsigned object, const struct ownership_event *event)
{
    struct ownership *o = &b->objects[object];
    size_t count = o->count;
    struct ownership_pin *before = memory_alloc((count + 1) * sizeof(*before));

    if (count > 0)
        memcpy(before, o->pins, count * sizeof(*before));
    ownership_step(o, event, &b->actions);
    book_charges(b);
    write_all(b, object, before, count);
    free(before);
}

static void act(struct books *b)
{
    static const enum ownership_event_kind kinds[] = {
        OWNERSHIP_CLAIM,      OWNERSHIP_CLAIM,      OWNERSHIP_CLAIM,   OWNERSHIP_RELEASE,
        OWNERSHIP_OWNER_GONE, OWNERSHIP_OWNER_BACK, OWNERSHIP_TRANSFER};
    unsigned object = draw(b, OBJECTS);
    struct ownership *o = &b->objects[object];
    struct ownership_event event = {.kind = kinds[draw(b, ARRAY_SIZE(kinds))],
                                    .owner.kind = OWNER_MEMBER};

    if (o->under_way != OPERATION_NONE && draw(b, 2) == 0) {
        event.kind = draw(b, 8) == 0 ? OWNERSHIP_FAILED : OWNERSHIP_DONE;
        event.mode = o->under_way == OPERATION_LOOK ? o->upstream : PIN_NONE;
        event.has_bytes = true;
        event.bytes = size_of(object, o->under_way_mode);
    } else if (event.kind == OWNERSHIP_RELEASE || event.kind == OWNERSHIP_TRANSFER) {
        if (o->count == 0)
            return;
        memcpy(event.id, o->pins[draw(b, (unsigned)o->count)].id, ULID_SIZE);
    } else {
        snprintf(event.id, sizeof(event.id), "%026u", ++b->last_pin);
        event.mode = draw(b, 2) == 0 ? PIN_DIRECT : PIN_RECURSIVE;
        event.takes_slot = event.keeps_failure = draw(b, 4) == 0;
    }
    snprintf(event.owner.id, sizeof(event.owner.id), "m%u", draw(b, OWNERS));
    step(b, object, &event);
}

static void compare(struct books *b)
{
    struct usage org = kit_usage(b->kit, NULL);

    for (unsigned i = 0; i < OWNERS; i++) {
        char id[8];
        struct usage usage;

        snprintf(id, sizeof(id), "m%u", i);
        usage = kit_usage(b->kit, id);
        assert_int_equal(usage.bytes, b->bytes[i]);
        assert_int_equal(usage.objects, b->objects_of[i]);
    }
    assert_int_equal(org.bytes, b->org_bytes);
    assert_int_equal(org.objects, b->org_objects);
    assert_int_equal(kit_recount(b->kit, false), 0);
}

static void test_usage_is_what_ownership_charges_and_a_recount_finds(void **state)
{
    struct books *b = memory_alloc(sizeof(*b));
    bool was_charged = false;

    b->kit = *state;
    b->random = 0x9e3779b97f4a7c15;
    for (unsigned i = 0; i < STEPS; i++) {
        act(b);
        was_charged |= b->org_objects == OBJECTS;
        if (i % 10 == 0)
            compare(b);
    }
    compare(b);
    assert_true(was_charged);
    for (unsigned i = 0; i < OBJECTS; i++)
        ownership_dispose(&b->objects[i]);
    ownership_actions_dispose(&b->actions);
    free(b);
}

static void test_recount_finds_and_repairs_what_drifted(void **state)
{
    struct kit *kit = *state;

    kit_run(kit, kit_pin_add(1, "alice", "key"), ERROR_NONE);
    kit_run(kit, kit_pin_confirm(1, PIN_RECURSIVE, 100), ERROR_NONE);
    kit_run(kit, kit_pin_add(2, "bob", "key"), ERROR_NONE);
    kit_run(kit, kit_pin_confirm(2, PIN_RECURSIVE, 100), ERROR_NONE);
    store_close(&kit->store);
    edit_database(kit->folder, "ledger.db",
                  "UPDATE usage SET bytes = 50 WHERE owner = 'alice';"
                  "DELETE FROM usage WHERE owner_kind = 'org';"
                  "INSERT INTO usage VALUES ('member', 'nobody', 1, 1, 1)");
    kit_open(kit);
    kit_run(kit, kit_pin_remove(1), ERROR_IO); /* says so, and takes no more than there is */
    assert_int_equal(kit_recount(kit, false), 3);
    assert_int_equal(kit_recount(kit, true), 3);
    assert_int_equal(kit_recount(kit, false), 0);
    kit_expect_usage(kit, "alice", 100, 1, 1);
    kit_expect_usage(kit, NULL, 100, 1, 2);
    kit_expect_usage(kit, "nobody", 0, 0, 0);
    kit_run(kit, kit_pin_remove(1), ERROR_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(test_usage_is_what_ownership_charges_and_a_recount_finds),
        KIT_TEST(test_recount_finds_and_repairs_what_drifted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
