// SPDX-License-Identifier: Apache-2.0
/* Objects, pins, usage and the journal in the ledger. */
#include "kit.h"
#include "store/ownership.h"

#include <sqlite3.h>
#include <sys/stat.h>

static struct transaction *pin_add(unsigned n, const char *owner, const char *key)
{
    struct transaction *add = transaction_create(TRANSACTION_PIN_ADD);
    struct pin_record *record = &add->pin_add.record;

    snprintf(record->id, sizeof(record->id), "%026u", n);
    record->owner.kind = OWNER_MEMBER;
    snprintf(record->owner.id, sizeof(record->owner.id), "%s", owner);
    record->key = transaction_copy(add, slice_of(key));
    record->wanted = PIN_RECURSIVE;
    record->state = PIN_QUEUED;
    record->created_ms = 1000 + n;
    return add;
}

static struct transaction *pin_confirm(unsigned n, enum pin_mode mode, uint64_t bytes)
{
    struct transaction *confirm = transaction_create(TRANSACTION_PIN_CONFIRM);

    snprintf(confirm->pin_confirm.id, ULID_SIZE, "%026u", n);
    confirm->pin_confirm.mode = mode;
    confirm->pin_confirm.bytes = bytes;
    return confirm;
}

static struct transaction *pin_fail(unsigned n, bool keeps)
{
    struct transaction *fail = transaction_create(TRANSACTION_PIN_FAIL);

    snprintf(fail->pin_fail.id, ULID_SIZE, "%026u", n);
    fail->pin_fail.keeps = keeps;
    return fail;
}

static struct transaction *pin_mark(unsigned n, enum pin_state state, bool is_ownerless)
{
    struct transaction *mark = transaction_create(TRANSACTION_PIN_MARK);

    snprintf(mark->pin_mark.id, ULID_SIZE, "%026u", n);
    mark->pin_mark.state = state;
    mark->pin_mark.is_ownerless = is_ownerless;
    return mark;
}

static struct transaction *pin_transfer(unsigned n, const char *owner, uint32_t slot)
{
    struct transaction *transfer = transaction_create(TRANSACTION_PIN_TRANSFER);

    snprintf(transfer->pin_transfer.id, ULID_SIZE, "%026u", n);
    transfer->pin_transfer.owner.kind = OWNER_MEMBER;
    snprintf(transfer->pin_transfer.owner.id, ID_SIZE, "%s", owner);
    transfer->pin_transfer.slot = slot;
    return transfer;
}

static struct transaction *pin_remove(unsigned n)
{
    struct transaction *remove = transaction_create(TRANSACTION_PIN_REMOVE);

    snprintf(remove->pin_remove.id, ULID_SIZE, "%026u", n);
    return remove;
}

static struct transaction *object_put(const char *key, enum pin_mode upstream)
{
    struct transaction *put = transaction_create(TRANSACTION_OBJECT_PUT);

    put->object_put.record.key = transaction_copy(put, slice_of(key));
    put->object_put.record.upstream = upstream;
    return put;
}

static struct transaction *pin_list(const char *owner, size_t limit)
{
    struct transaction *list = transaction_create(TRANSACTION_PIN_LIST);

    list->pin_list.owner.kind = OWNER_MEMBER;
    snprintf(list->pin_list.owner.id, ID_SIZE, "%s", owner);
    list->pin_list.limit = limit;
    return list;
}

/* owner NULL: the organization. */
static struct usage usage_of(struct kit *kit, const char *owner)
{
    struct transaction *get = transaction_create(TRANSACTION_USAGE_GET);
    struct error err = {0};
    struct usage usage;

    get->usage_get.is_org = owner == NULL;
    get->usage_get.owner.kind = OWNER_MEMBER;
    snprintf(get->usage_get.owner.id, ID_SIZE, "%s", owner == NULL ? "" : owner);
    if (!store_run(kit->store, get, &err))
        fail_msg("%s", err.text);
    usage = get->usage_get.usage;
    transaction_destroy(&get);
    return usage;
}

static void expect_usage(struct kit *kit, const char *owner, uint64_t bytes, uint64_t objects,
                         uint64_t pins)
{
    struct usage usage = usage_of(kit, owner);

    assert_int_equal(usage.bytes, bytes);
    assert_int_equal(usage.objects, objects);
    assert_int_equal(usage.pins, pins);
}

/* Returns how many accounts differ. */
static uint64_t recount(struct kit *kit, bool repairs)
{
    struct transaction *recount = transaction_create(TRANSACTION_USAGE_RECOUNT);
    struct usage org = usage_of(kit, NULL);
    struct error err = {0};
    uint64_t different;

    recount->usage_recount.repairs = repairs;
    if (!store_run(kit->store, recount, &err))
        fail_msg("%s", err.text);
    different = recount->usage_recount.different;
    if (different == 0)
        assert_int_equal(recount->usage_recount.org.bytes, org.bytes);
    transaction_destroy(&recount);
    return different;
}

static void test_pin_add_keeps_every_field(void **state)
{
    struct kit *kit = *state;
    struct transaction *add = pin_add(7, "alice", "key");
    struct transaction *list = pin_list("alice", 10);
    const struct pin_record *record;
    struct error err = {0};

    add->pin_add.record.slot = 3;
    add->pin_add.record.cid = transaction_copy(add, SLICE("QmFoo"));
    add->pin_add.record.name = transaction_copy(add, SLICE("caf\xc3\xa9 '; --"));
    add->pin_add.record.expires_ms = 99;
    kit_run(kit, add, ERROR_NONE);
    assert_true(store_run(kit->store, list, &err));
    assert_int_equal(list->pin_list.count, 1);
    record = &list->pin_list.records[0];
    assert_string_equal(record->id, "00000000000000000000000007");
    assert_int_equal(record->owner.kind, OWNER_MEMBER);
    assert_string_equal(record->owner.id, "alice");
    assert_true(slice_is(record->key, "key"));
    assert_int_equal(record->slot, 3);
    assert_int_equal(record->held, PIN_NONE);
    assert_int_equal(record->wanted, PIN_RECURSIVE);
    assert_int_equal(record->state, PIN_QUEUED);
    assert_false(record->is_ownerless);
    assert_true(slice_is(record->cid, "QmFoo"));
    assert_true(slice_is(record->name, "caf\xc3\xa9 '; --"));
    assert_int_equal(record->created_ms, 1007);
    assert_int_equal(record->expires_ms, 99);
    transaction_destroy(&list);
    expect_usage(kit, "alice", 0, 0, 0); /* an intent costs nothing yet */
}

static void test_pin_add_refuses_a_slot_that_is_taken_unless_it_is_being_removed(void **state)
{
    struct kit *kit = *state;
    struct transaction *other = pin_add(3, "alice", "key");

    kit_run(kit, pin_add(1, "alice", "key"), ERROR_NONE);
    kit_run(kit, pin_add(1, "bob", "key"), ERROR_MISMATCH); /* the id */
    kit_run(kit, pin_add(2, "alice", "key"), ERROR_MISMATCH);
    kit_run(kit, pin_add(2, "bob", "key"), ERROR_NONE);
    other->pin_add.record.slot = 1;
    kit_run(kit, other, ERROR_NONE);
    kit_run(kit, pin_mark(1, PIN_REMOVING, false), ERROR_NONE);
    kit_run(kit, pin_add(4, "alice", "key"), ERROR_NONE);
}

static void test_pin_add_refuses_what_is_too_long(void **state)
{
    struct kit *kit = *state;
    struct transaction *add = pin_add(1, "alice", "key");
    char text[PIN_CID_MAX + 1];

    memset(text, 'x', sizeof(text));
    add->pin_add.record.name = transaction_copy(add, (struct slice){text, PIN_NAME_MAX + 1});
    kit_run(kit, add, ERROR_LIMIT);
    add = pin_add(1, "alice", "key");
    add->pin_add.record.cid = transaction_copy(add, (struct slice){text, PIN_CID_MAX + 1});
    kit_run(kit, add, ERROR_LIMIT);
}

static void test_pin_confirm_charges_an_owner_once_per_object_and_the_org_once_at_all(void **state)
{
    struct kit *kit = *state;
    struct transaction *second = pin_add(2, "alice", "key");

    second->pin_add.record.slot = 1;
    kit_run(kit, pin_add(1, "alice", "key"), ERROR_NONE);
    kit_run(kit, second, ERROR_NONE);
    kit_run(kit, pin_add(3, "bob", "key"), ERROR_NONE);
    kit_run(kit, pin_confirm(1, PIN_DIRECT, 7), ERROR_NONE);
    expect_usage(kit, "alice", 7, 1, 1);
    kit_run(kit, pin_confirm(2, PIN_RECURSIVE, 100), ERROR_NONE);
    expect_usage(kit, "alice", 100, 1, 2);
    kit_run(kit, pin_confirm(3, PIN_DIRECT, 8), ERROR_NONE); /* 7 is known */
    expect_usage(kit, "bob", 7, 1, 1);
    expect_usage(kit, NULL, 100, 1, 3);
    kit_run(kit, pin_remove(2), ERROR_NONE);
    expect_usage(kit, "alice", 7, 1, 1);
    expect_usage(kit, NULL, 7, 1, 2);
    kit_run(kit, pin_remove(1), ERROR_NONE);
    expect_usage(kit, "alice", 0, 0, 0);
    expect_usage(kit, NULL, 7, 1, 1);
    kit_run(kit, pin_remove(1), ERROR_NOT_FOUND);
    assert_int_equal(recount(kit, false), 0);
}

static void test_pin_confirm_refuses_what_cannot_be_and_can_rename(void **state)
{
    struct kit *kit = *state;
    struct transaction *rename = pin_confirm(1, PIN_RECURSIVE, 100);
    struct error err = {0};

    kit_run(kit, pin_confirm(1, PIN_RECURSIVE, 100), ERROR_NOT_FOUND);
    kit_run(kit, pin_add(1, "alice", "key"), ERROR_NONE);
    kit_run(kit, pin_confirm(1, PIN_RECURSIVE, OBJECT_BYTES_MAX + 1), ERROR_LIMIT);
    expect_usage(kit, "alice", 0, 0, 0);
    rename->pin_confirm.renames = true;
    rename->pin_confirm.name = transaction_copy(rename, SLICE("new"));
    assert_true(store_run(kit->store, rename, &err));
    assert_true(slice_is(rename->pin_confirm.record.name, "new"));
    assert_int_equal(rename->pin_confirm.record.state, PIN_PINNED);
    transaction_destroy(&rename);
    kit_run(kit, pin_mark(1, PIN_REMOVING, false), ERROR_NONE);
    kit_run(kit, pin_confirm(1, PIN_RECURSIVE, 100), ERROR_REFUSED);
}

static void test_pin_fail_keeps_what_was_confirmed(void **state)
{
    struct kit *kit = *state;
    struct transaction *list = pin_list("alice", 10);
    struct error err = {0};

    kit_run(kit, pin_add(1, "alice", "one"), ERROR_NONE);
    kit_run(kit, pin_add(2, "alice", "two"), ERROR_NONE);
    kit_run(kit, pin_add(3, "alice", "three"), ERROR_NONE);
    kit_run(kit, pin_confirm(3, PIN_DIRECT, 5), ERROR_NONE);
    kit_run(kit, pin_fail(1, false), ERROR_NONE);
    kit_run(kit, pin_fail(2, true), ERROR_NONE);
    kit_run(kit, pin_fail(3, false), ERROR_NONE);
    assert_true(store_run(kit->store, list, &err));
    assert_int_equal(list->pin_list.count, 2);
    assert_int_equal(list->pin_list.records[0].state, PIN_FAILED);
    assert_int_equal(list->pin_list.records[1].state, PIN_PINNED);
    transaction_destroy(&list);
    expect_usage(kit, "alice", 5, 1, 1);
}

static void test_pin_without_its_owner_is_charged_to_the_org_alone(void **state)
{
    struct kit *kit = *state;

    kit_run(kit, pin_add(1, "alice", "key"), ERROR_NONE);
    kit_run(kit, pin_confirm(1, PIN_RECURSIVE, 100), ERROR_NONE);
    kit_run(kit, pin_mark(1, PIN_OWNERLESS, true), ERROR_NONE);
    expect_usage(kit, "alice", 0, 0, 0);
    expect_usage(kit, NULL, 100, 1, 1);
    assert_int_equal(recount(kit, false), 0);
    kit_run(kit, pin_mark(1, PIN_PINNED, false), ERROR_NONE);
    expect_usage(kit, "alice", 100, 1, 1);
}

static void test_pin_transfer_moves_the_pin_and_its_charge(void **state)
{
    struct kit *kit = *state;

    kit_run(kit, pin_add(1, "alice", "key"), ERROR_NONE);
    kit_run(kit, pin_transfer(1, "bob", 0), ERROR_REFUSED); /* not confirmed */
    kit_run(kit, pin_confirm(1, PIN_RECURSIVE, 100), ERROR_NONE);
    kit_run(kit, pin_add(2, "bob", "key"), ERROR_NONE);
    kit_run(kit, pin_confirm(2, PIN_RECURSIVE, 100), ERROR_NONE);
    kit_run(kit, pin_transfer(1, "bob", 0), ERROR_MISMATCH);
    expect_usage(kit, "alice", 100, 1, 1);
    kit_run(kit, pin_transfer(1, "bob", 1), ERROR_NONE);
    expect_usage(kit, "alice", 0, 0, 0);
    expect_usage(kit, "bob", 100, 1, 2);
    kit_run(kit, pin_mark(1, PIN_OWNERLESS, true), ERROR_NONE);
    kit_run(kit, pin_transfer(1, "carol", 0), ERROR_NONE);
    expect_usage(kit, "bob", 100, 1, 1);
    expect_usage(kit, "carol", 100, 1, 1);
    kit_run(kit, pin_mark(1, PIN_OWNERLESS, true), ERROR_NONE);
    kit_run(kit, pin_transfer(1, "carol", 7), ERROR_NONE); /* she is back */
    expect_usage(kit, "carol", 100, 1, 1);
    expect_usage(kit, NULL, 100, 1, 2);
    assert_int_equal(recount(kit, false), 0);
    kit_run(kit, pin_mark(1, PIN_REMOVING, false), ERROR_NONE);
    kit_run(kit, pin_transfer(1, "bob", 1), ERROR_REFUSED);
    kit_run(kit, pin_transfer(9, "bob", 1), ERROR_NOT_FOUND);
}

static void test_object_get_has_what_upstream_holds_and_all_claims(void **state)
{
    struct kit *kit = *state;
    struct transaction *get = transaction_create(TRANSACTION_OBJECT_GET);
    struct object_get *in = &get->object_get;
    struct error err = {0};

    in->key = SLICE("key");
    for (unsigned n = 1; n <= 20; n++) {
        char owner[ID_SIZE];

        snprintf(owner, sizeof(owner), "m%u", n);
        kit_run(kit, pin_add(n, owner, "key"), ERROR_NONE);
    }
    kit_run(kit, pin_add(21, "m1", "other"), ERROR_NONE);
    kit_run(kit, pin_confirm(5, PIN_RECURSIVE, 100), ERROR_NONE);
    kit_run(kit, object_put("key", PIN_RECURSIVE), ERROR_NONE);
    assert_true(store_run(kit->store, get, &err));
    assert_true(slice_is(in->record.key, "key"));
    assert_int_equal(in->record.upstream, PIN_RECURSIVE);
    assert_false(in->record.has_bytes[PIN_DIRECT]);
    assert_true(in->record.has_bytes[PIN_RECURSIVE]);
    assert_int_equal(in->record.bytes[PIN_RECURSIVE], 100);
    assert_int_equal(in->count, 20);
    assert_string_equal(in->pins[4].owner.id, "m5");
    assert_int_equal(in->pins[4].held, PIN_RECURSIVE);
    transaction_destroy(&get);
}

static void test_object_that_nobody_claims_or_holds_is_forgotten(void **state)
{
    struct kit *kit = *state;
    struct transaction *get = transaction_create(TRANSACTION_OBJECT_GET);

    get->object_get.key = SLICE("key");
    kit_run(kit, pin_add(1, "alice", "key"), ERROR_NONE);
    kit_run(kit, object_put("key", PIN_RECURSIVE), ERROR_NONE);
    kit_run(kit, pin_remove(1), ERROR_NONE);
    assert_true(store_run(kit->store, get, NULL)); /* still ours upstream */
    kit_run(kit, object_put("key", PIN_NONE), ERROR_NONE);
    kit_run(kit, get, ERROR_NOT_FOUND);
}

static void test_pin_list_pages_through_one_owners_pins(void **state)
{
    struct kit *kit = *state;
    char after[ULID_SIZE] = "";
    unsigned seen = 0;
    bool has_more = true;

    for (unsigned n = 0; n < 50; n++) {
        char key[16];

        snprintf(key, sizeof(key), "key%u", n);
        kit_run(kit, pin_add(n, n % 2 == 0 ? "alice" : "bob", key), ERROR_NONE);
    }
    while (has_more) {
        struct transaction *list = pin_list("alice", 10);
        struct pin_list *page = &list->pin_list;

        memcpy(page->after, after, sizeof(after));
        assert_true(store_run(kit->store, list, NULL));
        for (size_t i = 0; i < page->count; i++, seen++) {
            assert_string_equal(page->records[i].owner.id, "alice");
            assert_int_equal(strtoul(page->records[i].id, NULL, 10), 2 * seen);
        }
        memcpy(after, page->records[page->count - 1].id, sizeof(after));
        has_more = page->has_more;
        assert_int_equal(has_more, seen < 25);
        transaction_destroy(&list);
    }
    assert_int_equal(seen, 25);
}

static uint64_t journal_open(struct kit *kit, const char *kind)
{
    struct transaction *open = transaction_create(TRANSACTION_JOURNAL_OPEN);
    struct journal_record *record = &open->journal_open.record;
    uint64_t number;

    record->opened_ms = 5;
    record->kind = slice_of(kind);
    record->key = SLICE("\0key");
    record->detail = SLICE("det\0ail");
    snprintf(record->pin, sizeof(record->pin), "%026u", 9);
    assert_true(store_run(kit->store, open, NULL));
    number = record->number;
    transaction_destroy(&open);
    return number;
}

static void test_journal_keeps_what_is_open_and_no_number_twice(void **state)
{
    struct kit *kit = *state;
    struct transaction *close = transaction_create(TRANSACTION_JOURNAL_CLOSE);
    struct transaction *list = transaction_create(TRANSACTION_JOURNAL_LIST);
    struct journal_list *page = &list->journal_list;
    uint64_t first = journal_open(kit, "upload"), second = journal_open(kit, "unpin");

    assert_true(second > first);
    store_close(&kit->store);
    kit_open(kit);
    page->limit = 1;
    assert_true(store_run(kit->store, list, NULL));
    assert_int_equal(page->count, 1);
    assert_true(page->has_more);
    assert_int_equal(page->records[0].number, first);
    assert_int_equal(page->records[0].opened_ms, 5);
    assert_true(slice_is(page->records[0].kind, "upload"));
    assert_true(slice_equal(page->records[0].key, SLICE("\0key")));
    assert_true(slice_equal(page->records[0].detail, SLICE("det\0ail")));
    assert_string_equal(page->records[0].pin, "00000000000000000000000009");
    close->journal_close.number = second;
    assert_true(store_run(kit->store, close, NULL));
    kit_run(kit, close, ERROR_NONE); /* again */
    assert_true(journal_open(kit, "pin") > second);
    page->limit = 10;
    page->after = first;
    assert_true(store_run(kit->store, list, NULL));
    assert_int_equal(page->count, 1);
    assert_true(slice_is(page->records[0].kind, "pin"));
    transaction_destroy(&list);
}

/* ---- the ledger and store/ownership.h charge alike, whatever happens */

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
        kit_run(b->kit, pin_remove(n), ERROR_NONE);
        return;
    }
    if (pin->held > held)
        kit_run(b->kit, pin_confirm(n, pin->held, size_of(object, pin->held)), ERROR_NONE);
    mark = pin->is_failed
               ? pin_fail(n, true)
               : pin_mark(n, ownership_state(&b->objects[object], pin), pin->is_ownerless);
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
            add = pin_add(n, o->pins[i].owner.id, key);
            add->pin_add.record.slot = o->pins[i].slot;
            kit_run(b->kit, add, ERROR_NONE);
        }
        if (j < count && !owner_equal(&before[j].owner, &o->pins[i].owner))
            kit_run(b->kit, pin_transfer(n, o->pins[i].owner.id, o->pins[i].slot), ERROR_NONE);
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
    struct usage org = usage_of(b->kit, NULL);

    for (unsigned i = 0; i < OWNERS; i++) {
        char id[8];
        struct usage usage;

        snprintf(id, sizeof(id), "m%u", i);
        usage = usage_of(b->kit, id);
        assert_int_equal(usage.bytes, b->bytes[i]);
        assert_int_equal(usage.objects, b->objects_of[i]);
    }
    assert_int_equal(org.bytes, b->org_bytes);
    assert_int_equal(org.objects, b->org_objects);
    assert_int_equal(recount(b->kit, false), 0);
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

/* ---- the file, edited from outside */

static void edit(struct kit *kit, const char *sql)
{
    char path[160];
    char *message = NULL;
    sqlite3 *db;

    kit_path(kit, "ledger.db", path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s", message);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void test_recount_finds_and_repairs_what_drifted(void **state)
{
    struct kit *kit = *state;

    kit_run(kit, pin_add(1, "alice", "key"), ERROR_NONE);
    kit_run(kit, pin_confirm(1, PIN_RECURSIVE, 100), ERROR_NONE);
    kit_run(kit, pin_add(2, "bob", "key"), ERROR_NONE);
    kit_run(kit, pin_confirm(2, PIN_RECURSIVE, 100), ERROR_NONE);
    store_close(&kit->store);
    edit(kit, "UPDATE usage SET bytes = 50 WHERE owner = 'alice';"
              "DELETE FROM usage WHERE owner_kind = 'org';"
              "INSERT INTO usage VALUES ('member', 'nobody', 1, 1, 1)");
    kit_open(kit);
    kit_run(kit, pin_remove(1), ERROR_IO); /* says so, and takes no more than there is */
    assert_int_equal(recount(kit, false), 3);
    assert_int_equal(recount(kit, true), 3);
    assert_int_equal(recount(kit, false), 0);
    expect_usage(kit, "alice", 100, 1, 1);
    expect_usage(kit, NULL, 100, 1, 2);
    expect_usage(kit, "nobody", 0, 0, 0);
    kit_run(kit, pin_remove(1), ERROR_NONE);
}

/* As the first published schema wrote it, with a token in it. */
static const char version_1[] =
    "CREATE TABLE schema_version (version INTEGER PRIMARY KEY, applied_ms INTEGER NOT NULL) STRICT;"
    "CREATE TABLE ledger (only INTEGER PRIMARY KEY CHECK (only = 1), uuid TEXT NOT NULL,"
    "  audit_sequence INTEGER NOT NULL DEFAULT 0,"
    "  audit_hash BLOB NOT NULL DEFAULT (zeroblob(32))) STRICT;"
    "CREATE TABLE token (id TEXT PRIMARY KEY, owner_kind TEXT NOT NULL, owner TEXT NOT NULL,"
    "  secret_hash BLOB NOT NULL CHECK (length(secret_hash) = 32), old_secret_hash BLOB NOT NULL,"
    "  old_until_ms INTEGER NOT NULL, created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL,"
    "  rotated_ms INTEGER NOT NULL, revoked_ms INTEGER NOT NULL, used_ms INTEGER NOT NULL,"
    "  roles TEXT NOT NULL, label TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE INDEX token_by_owner ON token (owner_kind, owner);"
    "CREATE TABLE policy (number INTEGER PRIMARY KEY,"
    "  hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32), created_ms INTEGER NOT NULL,"
    "  activated_ms INTEGER NOT NULL, is_active INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX policy_active ON policy (is_active) WHERE is_active = 1;"
    "INSERT INTO schema_version VALUES (1, 1700000000000);"
    "INSERT INTO ledger (only, uuid, audit_sequence)"
    "  VALUES (1, '01234567-89ab-4def-8123-456789abcdef', 42);"
    "INSERT INTO token VALUES ('aaaaaaaaab', 'member', 'alice', zeroblob(32), x'', 0, 1, 0, 0, 0,"
    "  0, '', 'old');"
    "INSERT INTO policy VALUES (1, zeroblob(32), 1, 1, 1, x'6162');";

static void start_with_version_1(struct kit *kit)
{
    store_close(&kit->store);
    memcpy(strrchr(kit->folder, '/'), "/old", 5);
    assert_int_equal(mkdir(kit->folder, 0700), 0);
    edit(kit, version_1);
}

static void test_ledger_of_version_1_is_migrated_with_all_that_is_in_it(void **state)
{
    struct kit *kit = *state;
    struct transaction *token = transaction_create(TRANSACTION_TOKEN_GET);
    struct transaction *policy = transaction_create(TRANSACTION_POLICY_GET);
    struct transaction *head = transaction_create(TRANSACTION_AUDIT_HEAD_GET);

    start_with_version_1(kit);
    kit_open(kit);
    assert_string_equal(store_uuid(kit->store), "01234567-89ab-4def-8123-456789abcdef");
    kit_token_id(token->token_get.id, 1);
    assert_true(store_run(kit->store, token, NULL));
    assert_true(slice_is(token->token_get.record.label, "old"));
    assert_true(store_run(kit->store, policy, NULL));
    assert_true(slice_is(policy->policy_get.record.bytes, "ab"));
    assert_true(store_run(kit->store, head, NULL));
    assert_int_equal(head->audit_head_get.head.sequence, 42);
    transaction_destroy(&token);
    transaction_destroy(&policy);
    transaction_destroy(&head);
    kit_run(kit, pin_add(1, "alice", "key"), ERROR_NONE);
    store_close(&kit->store);
    kit_open(kit); /* and not again */
    kit_run(kit, pin_add(1, "alice", "key"), ERROR_MISMATCH);
}

static void test_ledger_whose_migration_fails_stays_as_it_was(void **state)
{
    struct kit *kit = *state;
    struct store_settings settings = {.folder = kit->folder};

    start_with_version_1(kit);
    edit(kit, "CREATE TABLE journal (mine)"); /* in the way of the last table of version 2 */
    assert_false(store_open(&kit->store, &settings, NULL));
    edit(kit, "CREATE TABLE pin (x); DROP TABLE pin; DROP TABLE journal;"
              "INSERT INTO schema_version VALUES (2, 0); DELETE FROM schema_version WHERE version "
              "= 2"); /* there is no pin, and no version 2 */
    kit_open(kit);
    kit_run(kit, pin_add(1, "alice", "key"), ERROR_NONE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_pin_add_keeps_every_field),
        TEST(test_pin_add_refuses_a_slot_that_is_taken_unless_it_is_being_removed),
        TEST(test_pin_add_refuses_what_is_too_long),
        TEST(test_pin_confirm_charges_an_owner_once_per_object_and_the_org_once_at_all),
        TEST(test_pin_confirm_refuses_what_cannot_be_and_can_rename),
        TEST(test_pin_fail_keeps_what_was_confirmed),
        TEST(test_pin_without_its_owner_is_charged_to_the_org_alone),
        TEST(test_pin_transfer_moves_the_pin_and_its_charge),
        TEST(test_object_get_has_what_upstream_holds_and_all_claims),
        TEST(test_object_that_nobody_claims_or_holds_is_forgotten),
        TEST(test_pin_list_pages_through_one_owners_pins),
        TEST(test_journal_keeps_what_is_open_and_no_number_twice),
        TEST(test_usage_is_what_ownership_charges_and_a_recount_finds),
        TEST(test_recount_finds_and_repairs_what_drifted),
        TEST(test_ledger_of_version_1_is_migrated_with_all_that_is_in_it),
        TEST(test_ledger_whose_migration_fails_stays_as_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
