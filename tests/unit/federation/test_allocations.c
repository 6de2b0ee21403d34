// SPDX-License-Identifier: Apache-2.0
/* Two gateways' allocations, each with a ledger of its own, over links, bytes and storages that the
 * test plays. */
#include "federation/allocations.h"

#include "conf/memory.h"
#include "federation/allocation_codec.h"
#include "ipfs/car.h"

#include <openssl/rand.h>
#include <openssl/sha.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../http/clock.h"

#define LINK "01jd0000000000000000000009"

enum { BYTES = 50000, BLOCKS = 7, QUEUED = 60, SMALL = 1000 };

struct pair;
struct operation_of;

struct side {
    struct pair *pair;
    struct side *other;
    const char *name;    /* theirs for us is the other's */
    const char *partner; /* ours for them */
    char folder[64];
    struct store *store;
    struct allocations *allocations;
    unsigned asks, imports, removes, replans, signs;
    size_t window;
    struct grant we_store;            /* told at a start */
    char reserved[QUEUED][ULID_SIZE]; /* ids, in the order in which they were asked for */
    unsigned reserves;
    unsigned sends, reads, carried; /* imports of what came along */
    enum error_code fails_to_read;  /* ERROR_NONE: it does not */
    bool imports_later;             /* imports do not end */
    bool lies;                      /* what it says to be an object is another one */
    bool is_silent;                 /* what it asks gets lost */
    bool fails_to_import;
    struct operation_of *items; /* under way */
};

struct pair {
    struct loop *loop;
    uint64_t ahead_ms;
    struct side a, b;
};

static struct pair *the_pair; /* for the clock */

static uint64_t now_ms(void)
{
    return UINT64_C(1800000000000) + clock_us() / 1000 + the_pair->ahead_ms;
}

static void random_bytes(void *to, size_t size)
{
    assert_int_equal(RAND_bytes(to, (int)size), 1);
}

/* ---- ways: an operation is freed when it ends, or is cancelled and then ends */

struct operation_of {
    struct side *side;
    struct later later;
    void *arg;
    allocations_answered on_answered;
    allocations_moved on_moved;
    allocations_ended on_ended;
    allocations_read on_read;
    struct allocation_record record;
    struct error err;
    bool is_waiting;                   /* for the other side */
    struct operation_of *next, **link; /* of the items under way */
};

static void leave(struct operation_of *of)
{
    *of->link = of->next;
    if (of->next != NULL)
        of->next->link = of->link;
}

static struct operation_of *operation_create(struct side *side, void **operation, void *arg)
{
    struct operation_of *of = memory_alloc(sizeof(*of));

    of->side = side;
    of->arg = arg;
    *operation = of;
    return of;
}

static void cancel(void *arg, void **operation)
{
    struct operation_of *of = *operation;

    *operation = NULL;
    of->on_answered = NULL;
    of->on_ended = NULL;
    of->on_moved = NULL;
    if (!of->is_waiting) {
        later_cancel(&of->later);
        free(of);
    }
}

static void on_reply(void *of_, int status, struct slice with, const char *message)
{
    struct operation_of *of = of_;
    allocations_answered on_answered = of->on_answered;
    void *arg = of->arg;

    leave(of);
    free(of);
    if (on_answered != NULL)
        on_answered(arg, status, with, message, NULL);
}

static bool ask(void *side_, void **operation, const char *partner, const char *key,
                const char *action, struct slice with, allocations_answered on_done, void *done_arg,
                struct error *err)
{
    struct side *side = side_;
    struct operation_of *of = operation_create(side, operation, done_arg);

    assert_string_equal(partner, side->partner);
    side->asks++;
    if (strcmp(action, "allocation.reserve") == 0 && side->reserves < QUEUED)
        memcpy(side->reserved[side->reserves++], with.data + strlen("{\"id\":\""), ULID_SIZE - 1);
    of->on_answered = on_done;
    if (side->other->allocations == NULL) {
        free(of);
        *operation = NULL;
        return error_set(err, ERROR_IO, "nobody is there");
    }
    of->is_waiting = true;
    of->next = side->items;
    of->link = &side->items;
    if (of->next != NULL)
        of->next->link = &of->next;
    side->items = of;
    assert_true(allocations_take(side->other->allocations, side->other->partner, action, key, with,
                                 on_reply, of));
    return true;
}

/* Whoever was to answer has crashed. */
static void lose_items(struct side *side)
{
    for (struct operation_of *of = side->items, *next; of != NULL; of = next) {
        allocations_answered on_answered = of->on_answered;
        struct error err = {ERROR_IO, "the connection broke"};
        void *arg = of->arg;

        next = of->next;
        leave(of);
        free(of);
        if (on_answered != NULL)
            on_answered(arg, 0, SLICE(""), NULL, &err);
    }
}

static void settle(void *side, const char *partner, const char *key)
{
    assert_true(ulid_is_valid(slice_of(key)));
}

static void end(struct later *later)
{
    struct operation_of *of = CONTAINER_OF(later, struct operation_of, later);
    allocations_ended on_ended = of->on_ended;
    struct error err = of->err;
    void *arg = of->arg;

    free(of);
    on_ended(arg, 0, err.code != ERROR_NONE ? &err : NULL);
}

/* The holder has it all at once. */
static void move(struct later *later)
{
    struct operation_of *of = CONTAINER_OF(later, struct operation_of, later);
    struct allocation_event event = {.kind = ALLOCATION_RECEIVED,
                                     .position = BLOCKS,
                                     .is_complete = true,
                                     .bytes = of->record.bytes,
                                     .blocks = BLOCKS};
    struct side *other = of->side->other;
    allocations_moved on_moved = of->on_moved;

    memcpy(event.id, of->record.id, ULID_SIZE);
    of->later.run = end;
    loop_later(of->side->pair->loop, &of->later);
    if (other->allocations == NULL ||
        !allocations_tell(other->allocations, other->partner, ALLOCATION_HOLDER, &event, NULL, NULL,
                          NULL))
        error_set(&of->err, ERROR_IO, "the connection broke");
    else
        on_moved(of->arg, BLOCKS, true);
}

static bool begin_send(void *side_, void **operation, const char *partner,
                       const struct allocation_record *record, allocations_moved on_moved,
                       allocations_ended on_done, void *done_arg, struct error *err)
{
    struct side *side = side_;
    struct operation_of *of = operation_create(side, operation, done_arg);

    side->sends++;
    of->record = *record;
    of->on_moved = on_moved;
    of->on_ended = on_done;
    of->later.run = move;
    loop_later(side->pair->loop, &of->later);
    return true;
}

static bool begin_end(struct side *side, void **operation, allocations_ended on_done, void *arg)
{
    struct operation_of *of = operation_create(side, operation, arg);

    of->on_ended = on_done;
    of->later.run = end;
    loop_later(side->pair->loop, &of->later);
    return true;
}

/* The block of an object of its own. */
static void put_small(unsigned number, struct text *out)
{
    for (unsigned i = 0; i < SMALL / 4; i++)
        text_put_format(out, "%3u ", number);
}

static struct cid small_root(unsigned number)
{
    struct text block = {0};
    uint8_t digest[SHA256_DIGEST_LENGTH];
    struct cid root;

    put_small(number, &block);
    SHA256((const unsigned char *)block.data, block.size, digest);
    cid_make(&root, 1, CODEC_RAW, 0x12, digest, sizeof(digest));
    text_dispose(&block);
    return root;
}

static unsigned small_number(const struct cid *root)
{
    for (unsigned number = 0; number < 100; number++) {
        struct cid one = small_root(number);

        if (cid_equal(&one, root))
            return number;
    }
    return 100;
}

static void read_small(struct later *later)
{
    struct operation_of *of = CONTAINER_OF(later, struct operation_of, later);
    struct text car = {0};
    struct error err = {0};

    if (of->side->fails_to_read != ERROR_NONE) {
        error_set(&err, of->side->fails_to_read, "it cannot be read");
        of->on_read(of->arg, SLICE(""), &err);
    } else {
        car_put_header(&car, &of->record.root, 1);
        car_put_section(&car, &of->record.root, SMALL);
        put_small(small_number(&of->record.root) + of->side->lies, &car);
        of->on_read(of->arg, text_slice(&car), NULL);
    }
    text_dispose(&car);
    free(of);
}

static bool begin_read(void *side_, void **operation, const struct allocation_record *record,
                       size_t max, allocations_read on_read, void *done_arg, struct error *err)
{
    struct side *side = side_;
    struct operation_of *of = operation_create(side, operation, done_arg);

    side->reads++;
    of->record = *record;
    of->on_read = on_read;
    of->later.run = read_small;
    loop_later(side->pair->loop, &of->later);
    return true;
}

static bool begin_import(void *side_, void **operation, const char *partner,
                         const struct allocation_record *record, struct slice carried,
                         allocations_ended on_done, void *done_arg, struct error *err)
{
    struct side *side = side_;

    side->imports++;
    side->carried += carried.size > 0;
    if (side->fails_to_import)
        return error_set(err, ERROR_REFUSED, "this object is denied here");
    if (side->imports_later) {
        (void)operation_create(side, operation, done_arg);
        return true;
    }
    return begin_end(side, operation, on_done, done_arg);
}

static bool begin_remove(void *side_, void **operation, const char *partner,
                         const struct allocation_record *record, allocations_ended on_done,
                         void *done_arg, struct error *err)
{
    struct side *side = side_;

    side->removes++;
    return begin_end(side, operation, on_done, done_arg);
}

static bool sign(void *side, const char *partner, const struct allocation_record *record,
                 struct text *with, struct error *err)
{
    ((struct side *)side)->signs++;
    text_put_format(with, "{\"receipt\":\"%s\",\"bytes\":%d,\"blocks\":%d,\"root\":\"",
                    record->held_key, (int)record->bytes, (int)record->blocks);
    cid_print(&record->root, CID_BASE_DEFAULT, with);
    text_put_text(with, "\"}");
    return true;
}

static bool verify(void *side, const char *partner, const char *id, struct slice with,
                   struct allocation_event *event, struct error *err)
{
    json_t *said = json_loadb(with.data, with.size, 0, NULL);

    memcpy(event->key, json_string_value(json_object_get(said, "receipt")), ULID_SIZE);
    event->bytes = (uint64_t)json_integer_value(json_object_get(said, "bytes"));
    event->blocks = (uint64_t)json_integer_value(json_object_get(said, "blocks"));
    assert_true(
        cid_parse(&event->root, slice_of(json_string_value(json_object_get(said, "root"))), NULL));
    json_decref(said);
    return true;
}

static void replan(void *side, struct slice object)
{
    ((struct side *)side)->replans++;
}

/* ---- the stage */

static void start_ungranted(struct side *side)
{
    struct allocations_settings settings = {
        .loop = side->pair->loop,
        .store = side->store,
        .now_ms = now_ms,
        .random = random_bytes,
        .window = side->window,
        .ways = {.ask = ask,
                 .unask = cancel,
                 .settle = settle,
                 .sign = sign,
                 .verify = verify,
                 .link_arg = side,
                 .send = begin_send,
                 .read = begin_read,
                 .import = begin_import,
                 .remove = begin_remove,
                 .cancel = cancel,
                 .replan = replan,
                 .replan_arg = side,
                 .arg = side},
    };

    side->allocations = allocations_create(&settings);
    allocations_link(side->allocations, LINK, side->partner, ALLOCATIONS_LINK_UP);
}

static void start(struct side *side)
{
    start_ungranted(side);
    allocations_grant(side->allocations, side->partner, side->we_store, GRANT_OPEN);
}

static void open_side(struct side *side, struct pair *pair, struct side *other, const char *partner)
{
    struct store_settings settings = {.folder = side->folder};
    struct error err = {0};

    side->pair = pair;
    side->other = other;
    side->partner = partner;
    side->we_store = GRANT_OPEN;
    (void)snprintf(side->folder, sizeof(side->folder), "/tmp/allocations-XXXXXX");
    assert_non_null(mkdtemp(side->folder));
    if (!store_open(&side->store, &settings, &err))
        fail_msg("%s", err.text);
    start(side);
}

static int setup(void **state)
{
    struct pair *pair = memory_alloc(sizeof(*pair));

    *state = the_pair = pair;
    pair->loop = loop_create(NULL);
    open_side(&pair->a, pair, &pair->b, "beta");
    open_side(&pair->b, pair, &pair->a, "alpha");
    return 0;
}

static void turn(struct pair *pair, unsigned turns)
{
    for (unsigned i = 0; i < turns; i++)
        loop_turn(pair->loop, 5);
}

static void close_side(struct side *side)
{
    char command[128];

    allocations_destroy(&side->allocations);
    if (side->other->allocations != NULL)
        lose_items(side->other);
    store_close(&side->store);
    turn(side->pair, 3);
    (void)snprintf(command, sizeof(command), "rm -r %s", side->folder);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c,concurrency-mt-unsafe) */
}

static int teardown(void **state)
{
    struct pair *pair = *state;

    close_side(&pair->a);
    close_side(&pair->b);
    loop_destroy(&pair->loop);
    free(pair);
    return 0;
}

static struct cid root_of(unsigned number)
{
    uint8_t digest[32] = {(uint8_t)number, 7, (uint8_t)(number >> 8)};
    struct cid cid;

    cid_make(&cid, 1, CODEC_RAW, 0x12, digest, sizeof(digest));
    return cid;
}

static void place_object(struct pair *pair, const struct cid *root, uint64_t bytes, uint64_t blocks,
                         char id[ULID_SIZE])
{
    struct error err = {0};

    turn(pair, 5);
    for (int i = 0; i < 1000; i++) { /* until the ledgers are read */
        if (allocations_place(pair->a.allocations, "beta", root, bytes, blocks, 0, id, &err))
            return;
        turn(pair, 5);
    }
    fail_msg("%s", err.text);
}

static void place(struct pair *pair, unsigned number, char id[ULID_SIZE])
{
    struct cid root = root_of(number);

    place_object(pair, &root, BYTES, BLOCKS, id);
}

static void place_small(struct pair *pair, unsigned number, char id[ULID_SIZE])
{
    struct cid root = small_root(number);

    place_object(pair, &root, SMALL, 0, id);
}

/* As the ledger has it. */
static enum allocation_state kept_state(struct side *side, enum allocation_role role,
                                        const char *id)
{
    struct transaction *transaction = transaction_create(TRANSACTION_ALLOCATION_GET);
    enum allocation_state state = ALLOCATION_NONE;

    memcpy(transaction->allocation_get.link, LINK, ULID_SIZE);
    memcpy(transaction->allocation_get.id, id, ULID_SIZE);
    transaction->allocation_get.role = (uint8_t)role;
    if (store_run(side->store, transaction, NULL))
        for (enum allocation_state s = ALLOCATION_NONE; s < ALLOCATION_STATES; s++)
            if (strcmp(allocation_state_name(s), transaction->allocation_get.entry.state) == 0)
                state = s;
    transaction_destroy(&transaction);
    return state;
}

static void await(struct side *side, enum allocation_role role, const char *id,
                  enum allocation_state state)
{
    for (unsigned i = 0; i < 4000 && kept_state(side, role, id) != state; i++)
        turn(side->pair, 1);
    assert_string_equal(allocation_state_name(kept_state(side, role, id)),
                        allocation_state_name(state));
}

static void check_accounts(struct pair *pair, uint64_t bytes, uint64_t pins)
{
    const struct grant_account *there =
        allocations_account(pair->a.allocations, "beta", ALLOCATION_OWNER);
    const struct grant_account *here =
        allocations_account(pair->b.allocations, "alpha", ALLOCATION_HOLDER);

    assert_int_equal(there->bytes, bytes);
    assert_int_equal(there->pins, pins);
    assert_int_equal(here->bytes, bytes);
    assert_int_equal(here->pins, pins);
}

/* All that are in these states, and nothing else: by the counters. */
static void check_states(const struct side *side, enum allocation_state one, int64_t of_one,
                         enum allocation_state other, int64_t of_other)
{
    struct allocations_counters counters = allocations_counters(side->allocations);

    for (enum allocation_state state = 0; state < ALLOCATION_STATES; state++)
        assert_int_equal(counters.states[state], state == one     ? of_one
                                                 : state == other ? of_other
                                                                  : 0);
}

static bool are_states(const struct side *side, enum allocation_state one, int64_t of_one,
                       enum allocation_state other, int64_t of_other)
{
    struct allocations_counters counters = allocations_counters(side->allocations);

    for (enum allocation_state state = 0; state < ALLOCATION_STATES; state++)
        if (counters.states[state] != (state == one ? of_one : state == other ? of_other : 0))
            return false;
    return true;
}

static void await_states(struct side *side, enum allocation_state one, int64_t of_one,
                         enum allocation_state other, int64_t of_other)
{
    for (unsigned i = 0; i < 4000 && !are_states(side, one, of_one, other, of_other); i++)
        turn(side->pair, 1);
    check_states(side, one, of_one, other, of_other);
}

static void tell(struct side *side, enum allocation_role role, const char *id,
                 enum allocation_event_kind kind)
{
    struct allocation_event event = {.kind = kind};
    struct error err = {0};

    memcpy(event.id, id, ULID_SIZE);
    if (!allocations_tell(side->allocations, side->partner, role, &event, NULL, NULL, &err))
        fail_msg("%s", err.text);
}

/* What the ledgers have of the link was read. */
static void await_loaded(struct pair *pair)
{
    char settled[ULID_SIZE];

    for (unsigned i = 0; i < 4000; i++) {
        if (allocations_settled(pair->a.allocations, "beta", settled, NULL) &&
            allocations_settled(pair->b.allocations, "alpha", settled, NULL))
            return;
        turn(pair, 1);
    }
    fail_msg("the allocations were not loaded");
}

static void restart(struct pair *pair)
{
    struct side *sides[] = {&pair->a, &pair->b};

    for (size_t i = 0; i < 2; i++) {
        allocations_destroy(&sides[i]->allocations);
        start(sides[i]);
        assert_false(allocations_are_loaded(sides[i]->allocations, sides[i]->partner));
    }
    await_loaded(pair);
    assert_true(allocations_are_loaded(pair->a.allocations, "beta"));
    turn(pair, 40);
}

/* ---- tests */

static void test_allocations_place_and_release(void **state)
{
    struct pair *pair = *state;
    char id[ULID_SIZE];

    place(pair, 1, id);
    await(&pair->a, ALLOCATION_OWNER, id, ALLOCATION_PLACED);
    await(&pair->b, ALLOCATION_HOLDER, id, ALLOCATION_PINNED);
    turn(pair, 20);
    check_accounts(pair, BYTES, 1);
    check_states(&pair->a, ALLOCATION_PLACED, 1, ALLOCATION_NONE, 0);
    check_states(&pair->b, ALLOCATION_PINNED, 1, ALLOCATION_NONE, 0);
    assert_int_equal(pair->b.imports, 1);
    assert_true(pair->a.replans >= 1);
    assert_null(allocations_find(pair->a.allocations, "beta", ALLOCATION_OWNER, id)); /* rests */
    assert_null(allocations_find(pair->b.allocations, "alpha", ALLOCATION_HOLDER, id));
    tell(&pair->a, ALLOCATION_OWNER, id, ALLOCATION_RELEASE);
    await(&pair->a, ALLOCATION_OWNER, id, ALLOCATION_RELEASED);
    await(&pair->b, ALLOCATION_HOLDER, id, ALLOCATION_GONE);
    turn(pair, 20);
    check_accounts(pair, 0, 0);
    assert_int_equal(pair->b.removes, 1);
    check_states(&pair->a, ALLOCATION_RELEASED, 1, ALLOCATION_NONE, 0);
    check_states(&pair->b, ALLOCATION_GONE, 1, ALLOCATION_NONE, 0);
}

/* Those at rest are in the ledger alone, and counted from it; tombstones that are forgotten are
 * not. */
static void test_allocations_are_counted_by_state_and_reason(void **state)
{
    struct grant grant = {.bytes = 3 * BYTES, .pins = 2, .max_object = BYTES};
    struct allocations_counters counters;
    struct pair *pair = *state;
    char ids[3][ULID_SIZE];

    pair->b.we_store = grant;
    allocations_grant(pair->b.allocations, "alpha", grant, GRANT_OPEN);
    for (unsigned i = 0; i < 3; i++)
        place(pair, i, ids[i]);
    for (unsigned i = 0; i < 2; i++) {
        await_states(&pair->a, ALLOCATION_PLACED, 2, ALLOCATION_STUCK, 1);
        await_states(&pair->b, ALLOCATION_PINNED, 2, ALLOCATION_NONE, 0);
        counters = allocations_counters(pair->a.allocations);
        assert_int_equal(
            counters.stuck[ALLOCATION_THEIR_GRANT] + counters.stuck[ALLOCATION_QUOTA_THERE], 1);
        restart(pair);
    }
    for (unsigned i = 0; i < 3; i++)
        tell(&pair->a, ALLOCATION_OWNER, ids[i], ALLOCATION_RELEASE);
    for (unsigned i = 0; i < 2; i++)
        await(&pair->a, ALLOCATION_OWNER, ids[i], ALLOCATION_RELEASED);
    turn(pair, 20);
    pair->ahead_ms += 2 * ALLOCATION_KEPT_MS;
    for (unsigned i = 0; i < 3; i++)
        tell(&pair->a, ALLOCATION_OWNER, ids[i], ALLOCATION_TICK);
    await_states(&pair->a, ALLOCATION_NONE, 0, ALLOCATION_NONE, 0);
    assert_int_equal(allocations_counters(pair->a.allocations).stuck[ALLOCATION_THEIR_GRANT], 0);
}

/* Nothing is sent, and no commitment asked for: reservation and receipt are all. */
static void test_allocations_of_small_objects_go_with_their_reservation(void **state)
{
    struct pair *pair = *state;
    char id[ULID_SIZE];

    place_small(pair, 1, id);
    await(&pair->a, ALLOCATION_OWNER, id, ALLOCATION_PLACED);
    await(&pair->b, ALLOCATION_HOLDER, id, ALLOCATION_PINNED);
    turn(pair, 20);
    check_accounts(pair, SMALL, 1);
    assert_int_equal(pair->a.reads, 1);
    assert_int_equal(pair->a.sends, 0);
    assert_int_equal(pair->a.asks, 1);
    assert_int_equal(pair->b.asks, 1);
    assert_int_equal(pair->b.carried, 1);
    assert_null(allocations_find(pair->b.allocations, "alpha", ALLOCATION_HOLDER, id));
}

/* The ledger has the blocks until the storage does. */
static void test_allocations_keep_what_came_along_over_a_crash(void **state)
{
    struct pair *pair = *state;
    char id[ULID_SIZE];

    pair->b.imports_later = true;
    place_small(pair, 1, id);
    await(&pair->b, ALLOCATION_HOLDER, id, ALLOCATION_IMPORTING);
    await(&pair->a, ALLOCATION_OWNER, id, ALLOCATION_COMMITTING);
    for (unsigned i = 0; i < 3; i++) {
        restart(pair);
        assert_int_equal(kept_state(&pair->b, ALLOCATION_HOLDER, id), ALLOCATION_IMPORTING);
    }
    pair->b.carried = 0;
    pair->b.imports_later = false;
    restart(pair);
    await(&pair->b, ALLOCATION_HOLDER, id, ALLOCATION_PINNED);
    await(&pair->a, ALLOCATION_OWNER, id, ALLOCATION_PLACED);
    assert_int_equal(pair->b.carried, 1);
}

static void test_allocations_refuse_what_came_along_and_is_not_the_object(void **state)
{
    struct pair *pair = *state;
    char id[ULID_SIZE];

    pair->a.lies = true;
    place_small(pair, 1, id);
    await(&pair->a, ALLOCATION_OWNER, id, ALLOCATION_REFUSED);
    assert_int_equal(kept_state(&pair->b, ALLOCATION_HOLDER, id), ALLOCATION_NONE);
    assert_int_equal(pair->b.imports, 0);
    check_accounts(pair, 0, 0);
}

static void test_allocations_say_when_what_is_to_go_along_cannot_be_read(void **state)
{
    struct pair *pair = *state;
    char id[ULID_SIZE];

    pair->a.fails_to_read = ERROR_IO; /* another time */
    place_small(pair, 1, id);
    turn(pair, 60);
    assert_int_equal(kept_state(&pair->a, ALLOCATION_OWNER, id), ALLOCATION_RESERVING);
    pair->a.fails_to_read = ERROR_NONE;
    allocations_link(pair->a.allocations, LINK, "beta", ALLOCATIONS_LINK_UP);
    await(&pair->a, ALLOCATION_OWNER, id, ALLOCATION_PLACED);

    pair->a.fails_to_read = ERROR_NOT_FOUND;
    place_small(pair, 2, id);
    await(&pair->a, ALLOCATION_OWNER, id, ALLOCATION_STUCK);
    turn(pair, 5);
    assert_int_equal(allocations_counters(pair->a.allocations).stuck[ALLOCATION_MISSING_HERE], 1);
}

static void test_allocations_pass_no_grant(void **state)
{
    struct pair *pair = *state;
    struct grant grant = {.bytes = 3 * BYTES, .pins = 2, .max_object = BYTES};
    char ids[6][ULID_SIZE];
    unsigned placed = 0, stuck = 0;

    allocations_grant(pair->b.allocations, "alpha", grant, GRANT_OPEN);
    for (unsigned i = 0; i < 6; i++)
        place(pair, i, ids[i]);
    turn(pair, 120);
    for (unsigned i = 0; i < 6; i++) {
        placed += kept_state(&pair->a, ALLOCATION_OWNER, ids[i]) == ALLOCATION_PLACED;
        stuck += kept_state(&pair->a, ALLOCATION_OWNER, ids[i]) == ALLOCATION_STUCK;
    }
    assert_int_equal(placed, 2);
    assert_int_equal(stuck, 4);
    assert_string_equal(allocations_partner(pair->a.allocations, LINK), "beta");
    assert_null(allocations_partner(pair->a.allocations, "01jd0000000000000000000000"));
    check_accounts(pair, 2 * BYTES, 2);
    for (unsigned i = 0; i < 6; i++) {
        const struct allocation_record *record =
            allocations_find(pair->a.allocations, "beta", ALLOCATION_OWNER, ids[i]);

        if (record != NULL && record->state == ALLOCATION_STUCK)
            assert_non_null(strstr(record->said, "all 2 pins granted are used"));
    }
}

static unsigned in_memory(const struct pair *pair, char ids[][ULID_SIZE])
{
    unsigned count = 0;

    for (unsigned i = 0; i < QUEUED; i++)
        count += allocations_find(pair->a.allocations, "beta", ALLOCATION_OWNER, ids[i]) != NULL;
    return count;
}

static int32_t priority_of(char ids[][ULID_SIZE], const char *id)
{
    for (unsigned i = 0; i < QUEUED; i++)
        if (strcmp(ids[i], id) == 0)
            return (int32_t)(i % 3);
    fail_msg("%s was never placed", id);
    return 0;
}

/* What waits far behind is in the ledger alone; its turn comes all the same, and in order. */
static void test_allocations_wait_for_their_turn_in_the_ledger(void **state)
{
    struct pair *pair = *state;
    char ids[QUEUED][ULID_SIZE];

    allocations_destroy(&pair->a.allocations);
    pair->a.window = 8;
    start_ungranted(&pair->a);
    for (unsigned i = 0; i < QUEUED; i++) {
        struct cid root = root_of(i);

        while (!allocations_place(pair->a.allocations, "beta", &root, BYTES, BLOCKS,
                                  (int32_t)(i % 3), ids[i], NULL))
            turn(pair, 1);
    }
    for (unsigned i = 0; i < QUEUED; i++)
        await(&pair->a, ALLOCATION_OWNER, ids[i], ALLOCATION_QUEUED);
    for (unsigned i = 0; i < 400 && in_memory(pair, ids) > 16; i++)
        turn(pair, 1);
    assert_true(in_memory(pair, ids) <= 16);
    allocations_destroy(&pair->a.allocations);
    start_ungranted(&pair->a);
    for (unsigned i = 0; i < 400 && in_memory(pair, ids) == 0; i++)
        turn(pair, 1);
    assert_int_equal(in_memory(pair, ids), 8);
    assert_int_equal(pair->a.reserves, 0);
    allocations_grant(pair->a.allocations, "beta", GRANT_OPEN, GRANT_OPEN);
    for (unsigned i = 0; i < QUEUED; i++)
        await(&pair->a, ALLOCATION_OWNER, ids[i], ALLOCATION_PLACED);
    assert_int_equal(pair->a.reserves, QUEUED);
    for (unsigned i = 1; i < QUEUED; i++)
        assert_true(priority_of(ids, pair->a.reserved[i - 1]) >=
                    priority_of(ids, pair->a.reserved[i]));
    check_accounts(pair, (uint64_t)QUEUED * BYTES, QUEUED);
}

/* As above, of what is stuck: its time comes in the ledger. */
static void test_allocations_that_are_stuck_are_tried_again_from_the_ledger(void **state)
{
    struct pair *pair = *state;
    struct grant nothing = {0};
    char id[ULID_SIZE];

    allocations_grant(pair->a.allocations, "beta", GRANT_OPEN, nothing);
    place(pair, 1, id);
    await(&pair->a, ALLOCATION_OWNER, id, ALLOCATION_STUCK);
    turn(pair, 10);
    assert_null(allocations_find(pair->a.allocations, "beta", ALLOCATION_OWNER, id));
    allocations_grant(pair->a.allocations, "beta", GRANT_OPEN, GRANT_OPEN);
    pair->ahead_ms += ALLOCATION_AGAIN_MAX;
    clock_advance_ms(11000);
    await(&pair->a, ALLOCATION_OWNER, id, ALLOCATION_PLACED);
}

/* A link comes before its grant: that is no refusal, on either side. */
static void test_allocations_wait_for_what_is_granted(void **state)
{
    struct pair *pair = *state;
    char id[ULID_SIZE];

    for (unsigned late = 0; late < 2; late++) {
        struct side *side = late == 0 ? &pair->a : &pair->b;

        allocations_destroy(&side->allocations);
        start_ungranted(side);
        turn(pair, 20);
        place(pair, late, id);
        turn(pair, 40);
        assert_int_not_equal(kept_state(&pair->a, ALLOCATION_OWNER, id), ALLOCATION_STUCK);
        assert_int_not_equal(kept_state(&pair->a, ALLOCATION_OWNER, id), ALLOCATION_PLACED);
        allocations_grant(side->allocations, side->partner, GRANT_OPEN, GRANT_OPEN);
        allocations_link(pair->a.allocations, LINK, "beta", ALLOCATIONS_LINK_UP); /* not in 5 s */
        await(&pair->a, ALLOCATION_OWNER, id, ALLOCATION_PLACED);
    }
}

/* The process ends at any turn, and what was begun goes on. */
static void test_allocations_go_on_after_a_crash_at_any_moment(void **state)
{
    struct pair *pair = *state;

    for (unsigned i = 0; i < 24; i++) {
        struct side *side = i % 2 == 0 ? &pair->a : &pair->b;
        char id[ULID_SIZE];

        place(pair, i, id);
        turn(pair, 1 + i / 2);
        allocations_destroy(&side->allocations);
        lose_items(side->other);
        turn(pair, 2);
        start(side);
        turn(pair, 10);
        if (kept_state(&pair->a, ALLOCATION_OWNER, id) == ALLOCATION_NONE)
            continue;                             /* nobody had been told that it was wanted */
        pair->ahead_ms += ALLOCATION_HOUR_MS / 2; /* whatever waits is tried again */
        for (unsigned n = 0; n < 3; n++) {
            allocations_link(pair->a.allocations, LINK, "beta", ALLOCATIONS_LINK_DOWN);
            allocations_link(pair->a.allocations, LINK, "beta", ALLOCATIONS_LINK_UP);
            allocations_link(pair->b.allocations, LINK, "alpha", ALLOCATIONS_LINK_UP);
            turn(pair, 20);
        }
        await(&pair->a, ALLOCATION_OWNER, id, ALLOCATION_PLACED);
        await(&pair->b, ALLOCATION_HOLDER, id, ALLOCATION_PINNED);
    }
    turn(pair, 20);
    assert_int_equal(allocations_account(pair->a.allocations, "beta", ALLOCATION_OWNER)->bytes,
                     allocations_account(pair->b.allocations, "alpha", ALLOCATION_HOLDER)->bytes);
}

static void test_allocations_survive_the_end_of_their_link(void **state)
{
    struct pair *pair = *state;
    char id[ULID_SIZE];

    place(pair, 1, id);
    await(&pair->a, ALLOCATION_OWNER, id, ALLOCATION_PLACED);
    await(&pair->b, ALLOCATION_HOLDER, id, ALLOCATION_PINNED);
    turn(pair, 20);
    allocations_link(pair->a.allocations, LINK, "beta", ALLOCATIONS_LINK_OVER);
    allocations_link(pair->b.allocations, LINK, "alpha", ALLOCATIONS_LINK_OVER);
    await(&pair->a, ALLOCATION_OWNER, id, ALLOCATION_LOST);
    await(&pair->b, ALLOCATION_HOLDER, id, ALLOCATION_ORPHANED);
    assert_int_equal(pair->b.removes, 0);
}

static void test_allocations_that_cannot_be_imported_are_told(void **state)
{
    struct pair *pair = *state;
    char id[ULID_SIZE];

    pair->b.fails_to_import = true;
    place(pair, 1, id);
    await(&pair->b, ALLOCATION_HOLDER, id, ALLOCATION_GONE);
    await(&pair->a, ALLOCATION_OWNER, id, ALLOCATION_LOST);
    turn(pair, 20);
    check_accounts(pair, 0, 0);
}

static void test_allocations_are_evicted_by_their_holder(void **state)
{
    struct pair *pair = *state;
    char id[ULID_SIZE];

    place(pair, 1, id);
    await(&pair->b, ALLOCATION_HOLDER, id, ALLOCATION_PINNED);
    await(&pair->a, ALLOCATION_OWNER, id, ALLOCATION_PLACED);
    turn(pair, 20);
    tell(&pair->b, ALLOCATION_HOLDER, id, ALLOCATION_EVICT);
    await(&pair->b, ALLOCATION_HOLDER, id, ALLOCATION_GONE);
    await(&pair->a, ALLOCATION_OWNER, id, ALLOCATION_LOST);
    turn(pair, 20);
    check_accounts(pair, 0, 0);
}

/* Whoever evicts what it has just taken does not get it again at once. */
static void test_allocations_that_were_evicted_are_not_sent_there_again_at_once(void **state)
{
    struct pair *pair = *state;
    char id[ULID_SIZE], again[ULID_SIZE], other[ULID_SIZE];

    place(pair, 1, id);
    await(&pair->b, ALLOCATION_HOLDER, id, ALLOCATION_PINNED);
    await(&pair->a, ALLOCATION_OWNER, id, ALLOCATION_PLACED);
    tell(&pair->b, ALLOCATION_HOLDER, id, ALLOCATION_EVICT);
    await(&pair->a, ALLOCATION_OWNER, id, ALLOCATION_LOST);
    place(pair, 1, again);
    await(&pair->a, ALLOCATION_OWNER, again, ALLOCATION_STUCK);
    place(pair, 2, other);
    await(&pair->a, ALLOCATION_OWNER, other, ALLOCATION_PLACED);
}

struct heard {
    int status;
    char message[200];
};

static void on_heard(void *heard_, int status, struct slice with, const char *message)
{
    struct heard *heard = heard_;

    heard->status = status;
    (void)snprintf(heard->message, sizeof(heard->message), "%s", message != NULL ? message : "");
}

static void test_allocations_refuse_items_that_make_no_sense(void **state)
{
    static const struct {
        const char *action, *with;
        int status;
    } items[] = {
        {"allocation.reserve", "", 400},
        {"allocation.reserve", "[]", 400},
        {"allocation.reserve", "{\"id\":\"x\"}", 400},
        {"allocation.reserve", "{\"id\":\"" LINK "\",\"root\":\"bafkqabi\",\"bytes\":-1}", 400},
        {"allocation.reserve",
         "{\"id\":\"" LINK "\",\"root\":\"bafkqaaa\",\"bytes\":1,\"blocks\":1,\"mode\":\"direct\"}",
         400},
        {"allocation.commit", "{\"id\":\"" LINK "\"}", 400},
        {"allocation.commit", "{\"id\":\"" LINK "\",\"bytes\":1,\"blocks\":1}", 404},
        {"allocation.release", "{\"id\":\"" LINK "\"}", 404},
        {"allocation.evict", "{\"id\":\"" LINK "\"}", 404},
    };
    struct pair *pair = *state;

    turn(pair, 5);
    for (size_t i = 0; i < ARRAY_SIZE(items); i++) {
        struct heard heard = {0};

        assert_true(allocations_take(pair->b.allocations, "alpha", items[i].action, LINK,
                                     slice_of(items[i].with), on_heard, &heard));
        turn(pair, 10);
        if (heard.status != items[i].status)
            fail_msg("%s %s: %d %s", items[i].action, items[i].with, heard.status, heard.message);
        assert_true(heard.message[0] != '\0');
    }
    assert_false(allocations_take(pair->b.allocations, "alpha", "allocation.other", LINK,
                                  SLICE("{}"), on_heard, NULL));
}

/* ---- statements of an isolated link */

static void id_of(unsigned number, char id[ULID_SIZE])
{
    (void)snprintf(id, ULID_SIZE, "01jd0000000000000000%06u", number);
}

/* As an earlier life of this side left it. */
static void put_row(struct side *side, enum allocation_role role, enum allocation_state state,
                    unsigned number)
{
    struct allocation_record record = {.role = role,
                                       .state = state,
                                       .root = root_of(number),
                                       .bytes = BYTES,
                                       .blocks = BLOCKS,
                                       .is_there = role == ALLOCATION_OWNER,
                                       .is_complete = true,
                                       .is_receipted = role == ALLOCATION_HOLDER,
                                       .is_orphaned =
                                           state == ALLOCATION_ORPHANED || state == ALLOCATION_LOST,
                                       .until_ms = now_ms() + ALLOCATION_KEPT_MS};
    struct transaction *transaction = transaction_create(TRANSACTION_ALLOCATION_PUT);
    struct allocation_entry *kept = &transaction->allocation_put.entry;
    struct text bytes = {0};
    struct error err = {0};

    id_of(number, record.id);
    id_of(number + 100000, record.held_key);
    memcpy(record.link, LINK, ULID_SIZE);
    memcpy(kept->link, LINK, ULID_SIZE);
    memcpy(kept->id, record.id, ULID_SIZE);
    kept->role = (uint8_t)role;
    kept->object = transaction_copy(
        transaction, (struct slice){(const char *)record.root.bytes, record.root.size});
    (void)snprintf(kept->state, sizeof(kept->state), "%s", allocation_state_name(state));
    kept->pins = allocation_charge(&record, &kept->bytes);
    allocation_write(&record, &bytes);
    kept->record = transaction_copy(transaction, text_slice(&bytes));
    text_dispose(&bytes);
    if (!store_run(side->store, transaction, &err))
        fail_msg("%s", err.text);
    transaction_destroy(&transaction);
}

/* Both as two processes that start with what their ledgers have. */

struct stated {
    bool is_done;
    struct error err;
    struct allocations_comparison both;
    uint64_t differing; /* of all pages */
    unsigned pages;
};

static void on_stated(void *stated_, const struct error *err)
{
    struct stated *stated = stated_;

    stated->is_done = true;
    if (err != NULL)
        stated->err = *err;
}

static void finish(struct pair *pair, struct stated *stated)
{
    for (unsigned i = 0; i < 2000 && !stated->is_done; i++)
        turn(pair, 1);
    assert_true(stated->is_done);
}

static void begin_page(struct statement *page, const struct side *side, const char *after)
{
    statement_begin(page, LINK, 1, side->other->partner, NULL, side->partner, NULL);
    (void)snprintf(page->after, sizeof(page->after), "%s", after);
}

static void state_page(struct side *side, const char *after, struct text *bytes)
{
    struct stated *stated = memory_alloc(sizeof(*stated));

    begin_page(&stated->both.ours, side, after);
    allocations_state(side->allocations, side->partner, side->other->partner, &stated->both.ours,
                      on_stated, stated);
    finish(side->pair, stated);
    assert_int_equal(stated->err.code, ERROR_NONE);
    statement_write(&stated->both.ours, bytes);
    free(stated);
}

/* What the other says, in its bytes. */
static void hear_page(struct side *side, struct stated *stated, const char *after)
{
    struct text bytes = {0};
    struct error err = {0};

    state_page(side->other, after, &bytes);
    stated->is_done = false;
    begin_page(&stated->both.ours, side, after);
    if (!statement_read(&stated->both.theirs, text_slice(&bytes), &err))
        fail_msg("%s", err.text);
    text_dispose(&bytes);
    allocations_compare(side->allocations, side->partner, side->other->partner, &stated->both,
                        on_stated, stated);
    finish(side->pair, stated);
    if (stated->err.code != ERROR_NONE)
        fail_msg("%s", stated->err.text);
    stated->differing += stated->both.differing;
    stated->pages++;
}

/* As an asker and one that answers do; returns the pages, and what differed of what each holds. */
static unsigned compare_sides(struct side *asker, uint64_t *asker_differs, uint64_t *other_differs)
{
    struct stated *here = memory_alloc(sizeof(*here)), *there = memory_alloc(sizeof(*there));
    char after[ULID_SIZE] = "";
    unsigned pages;

    do {
        hear_page(asker->other, there, after);
        hear_page(asker, here, after);
        assert_true(here->both.next[0] == '\0' || strcmp(here->both.next, after) > 0);
        memcpy(after, here->both.next, ULID_SIZE);
    } while (after[0] != '\0');
    *asker_differs = here->differing;
    *other_differs = there->differing;
    pages = here->pages;
    free(here);
    free(there);
    return pages;
}

static unsigned count_rows(struct side *side, enum allocation_role role,
                           enum allocation_state state)
{
    struct transaction *transaction = transaction_create(TRANSACTION_ALLOCATION_SUM);
    unsigned count = 0;

    memcpy(transaction->allocation_sum.link, LINK, ULID_SIZE);
    transaction->allocation_sum.role = (uint8_t)role;
    assert_true(store_run(side->store, transaction, NULL));
    for (size_t i = 0; i < transaction->allocation_sum.count; i++)
        if (strcmp(transaction->allocation_sum.totals[i].state, allocation_state_name(state)) == 0)
            count += (unsigned)transaction->allocation_sum.totals[i].count;
    transaction_destroy(&transaction);
    return count;
}

enum { MANY = 600, SOME = 280 };

static void put_many(struct side *owner, enum allocation_state owned, enum allocation_state held,
                     unsigned first, unsigned count)
{
    for (unsigned i = first; i < first + count; i++) {
        if (owned != ALLOCATION_NONE)
            put_row(owner, ALLOCATION_OWNER, owned, i);
        if (held != ALLOCATION_NONE)
            put_row(owner->other, ALLOCATION_HOLDER, held, i);
    }
}

static void test_allocations_that_agree_are_compared_page_by_page(void **state)
{
    struct pair *pair = *state;
    uint64_t differs[2];

    put_many(&pair->a, ALLOCATION_PLACED, ALLOCATION_PINNED, 0, MANY);
    put_many(&pair->b, ALLOCATION_PLACED, ALLOCATION_PINNED, 300, SOME); /* among them */
    restart(pair);
    assert_int_equal(compare_sides(&pair->a, &differs[0], &differs[1]), 4);
    assert_int_equal(differs[0] + differs[1], 0);
    assert_int_equal(count_rows(&pair->a, ALLOCATION_OWNER, ALLOCATION_PLACED), MANY);
    assert_int_equal(count_rows(&pair->b, ALLOCATION_HOLDER, ALLOCATION_PINNED), MANY);
    assert_int_equal(count_rows(&pair->b, ALLOCATION_OWNER, ALLOCATION_PLACED), SOME);
    assert_int_equal(count_rows(&pair->a, ALLOCATION_HOLDER, ALLOCATION_PINNED), SOME);
}

static void on_stated_cut(void *is_done, const struct error *err)
{
    if (err != NULL)
        fail_msg("%s", err->text);
    *(bool *)is_done = true;
}

/* A member's pin of the object, confirmed, of so many bytes. */
static void pin(struct side *side, unsigned number, uint64_t bytes)
{
    struct transaction *add = transaction_create(TRANSACTION_PIN_ADD);
    struct transaction *confirm = transaction_create(TRANSACTION_PIN_CONFIRM);
    struct pin_record *record = &add->pin_add.record;
    struct cid root = root_of(number);
    struct error err = {0};

    id_of(number + 200000, record->id);
    id_of(number + 200000, confirm->pin_confirm.id);
    record->owner.kind = OWNER_MEMBER;
    (void)snprintf(record->owner.id, sizeof(record->owner.id), "ada");
    record->key = transaction_copy(add, (struct slice){(const char *)root.bytes, root.size});
    record->wanted = PIN_RECURSIVE;
    record->state = PIN_QUEUED;
    confirm->pin_confirm.mode = PIN_RECURSIVE;
    confirm->pin_confirm.bytes = bytes;
    if (!store_run(side->store, add, &err) || !store_run(side->store, confirm, &err))
        fail_msg("%s", err.text);
    transaction_destroy(&add);
    transaction_destroy(&confirm);
}

static void test_allocations_that_nobody_here_has_pinned_are_left_alone(void **state)
{
    struct pair *pair = *state;
    uint64_t differs[2];

    put_many(&pair->a, ALLOCATION_NONE, ALLOCATION_PINNED, 0, SOME);
    pin(&pair->a, 0, BYTES + 1); /* another size than theirs */
    pin(&pair->a, 1, BYTES);
    restart(pair);
    for (unsigned i = 0; i < 100; i++) { /* again, and nothing changes */
        compare_sides(&pair->a, &differs[0], &differs[1]);
        assert_int_equal(count_rows(&pair->a, ALLOCATION_OWNER, ALLOCATION_LOST), SOME - 1);
        assert_int_equal(count_rows(&pair->a, ALLOCATION_OWNER, ALLOCATION_PLACED), 1);
        if (i > 0 && differs[0] + differs[1] == 0)
            break;
        turn(pair, 20); /* receipts of what was absent are told again, each under a new key */
    }
    assert_int_equal(differs[0] + differs[1], 0);
    turn(pair, 100);
    assert_int_equal(count_rows(&pair->b, ALLOCATION_HOLDER, ALLOCATION_PINNED), SOME);
    assert_int_equal(allocations_account(pair->a.allocations, "beta", ALLOCATION_OWNER)->bytes,
                     BYTES);
}

/* Each of them names the same object, that is here: one is a copy. */
static void test_allocations_that_are_stated_often_are_learned_once(void **state)
{
    struct pair *pair = *state;
    struct allocations_comparison *both = memory_alloc(sizeof(*both));
    bool is_done = false;

    pin(&pair->a, 3, BYTES);
    await_loaded(pair);
    statement_begin(&both->ours, LINK, 1, "alpha", NULL, "beta", NULL);
    both->theirs = both->ours;
    both->theirs.is_last = true;
    for (unsigned i = 0; i < 50; i++) {
        struct statement_entry *entry = &both->theirs.entries[both->theirs.count++];

        id_of(i, entry->id);
        id_of(i + 1000, entry->key);
        entry->root = root_of(3);
        entry->side = 1;
        entry->bytes = BYTES;
        entry->blocks = BLOCKS;
    }
    allocations_compare(pair->a.allocations, "beta", "alpha", both, on_stated_cut, &is_done);
    for (unsigned i = 0; i < 2000 && !is_done; i++)
        turn(pair, 1);
    assert_true(is_done);
    assert_int_equal(count_rows(&pair->a, ALLOCATION_OWNER, ALLOCATION_PLACED), 1);
    assert_int_equal(count_rows(&pair->a, ALLOCATION_OWNER, ALLOCATION_LOST), 49);
    free(both);
}

static void test_allocations_that_a_restored_owner_forgot_are_learned(void **state)
{
    struct pair *pair = *state;
    uint64_t differs[2];

    put_many(&pair->a, ALLOCATION_NONE, ALLOCATION_PINNED, 0, MANY);
    for (unsigned i = 0; i < MANY; i++)
        pin(&pair->a, i, BYTES);
    restart(pair);
    compare_sides(&pair->a, &differs[0], &differs[1]);
    assert_int_equal(differs[0], 0);
    assert_int_equal(differs[1], MANY); /* they had it wrong, and know better now */
    assert_int_equal(count_rows(&pair->a, ALLOCATION_OWNER, ALLOCATION_PLACED), MANY);
    assert_true(pair->a.replans >= MANY);
    compare_sides(&pair->b, &differs[0], &differs[1]);
    assert_int_equal(differs[0] + differs[1], 0);
    turn(pair, 100);
    check_accounts(pair, MANY * BYTES, MANY);
}

static void test_allocations_that_a_restored_holder_forgot_are_lost(void **state)
{
    struct pair *pair = *state;
    uint64_t differs[2];

    put_many(&pair->a, ALLOCATION_PLACED, ALLOCATION_PINNED, 0, SOME);
    put_many(&pair->a, ALLOCATION_PLACED, ALLOCATION_NONE, SOME, MANY - SOME);
    restart(pair);
    compare_sides(&pair->b, &differs[0], &differs[1]);
    assert_true(differs[0] > 0); /* what the owner had not lost yet when it answered */
    compare_sides(&pair->b, &differs[0], &differs[1]);
    assert_int_equal(differs[0] + differs[1], 0);
    assert_int_equal(count_rows(&pair->a, ALLOCATION_OWNER, ALLOCATION_PLACED), SOME);
    assert_int_equal(count_rows(&pair->a, ALLOCATION_OWNER, ALLOCATION_LOST), MANY - SOME);
    assert_int_equal(count_rows(&pair->b, ALLOCATION_HOLDER, ALLOCATION_PINNED), SOME);
}

static void test_allocations_that_were_orphaned_are_taken_back(void **state)
{
    struct pair *pair = *state;
    uint64_t differs[2];

    put_many(&pair->a, ALLOCATION_LOST, ALLOCATION_ORPHANED, 0, SOME);
    restart(pair);
    compare_sides(&pair->a, &differs[0], &differs[1]);
    assert_int_equal(differs[0] + differs[1], 0);
    assert_int_equal(count_rows(&pair->a, ALLOCATION_OWNER, ALLOCATION_PLACED), SOME);
    assert_int_equal(count_rows(&pair->b, ALLOCATION_HOLDER, ALLOCATION_PINNED), SOME);
    assert_int_equal(pair->b.imports + pair->b.removes, 0);
}

/* ---- grants that change, drains, cuts */

static void test_allocations_are_asked_again_when_more_is_granted(void **state)
{
    struct pair *pair = *state;
    struct grant nothing = {0}, some = {.bytes = 2 * BYTES, .pins = 10, .max_object = BYTES};
    char ids[4][ULID_SIZE];

    allocations_grant(pair->b.allocations, "alpha", nothing, GRANT_OPEN);
    for (unsigned i = 0; i < 4; i++)
        place(pair, i, ids[i]);
    await_states(&pair->a, ALLOCATION_STUCK, 4, ALLOCATION_NONE, 0);
    allocations_grant(pair->b.allocations, "alpha", some, GRANT_OPEN);
    allocations_told(pair->a.allocations, "beta", some, GRANT_OPEN);
    await_states(&pair->a, ALLOCATION_PLACED, 2, ALLOCATION_STUCK, 2);
    tell(&pair->a, ALLOCATION_OWNER, ids[0], ALLOCATION_RELEASE);
    tell(&pair->a, ALLOCATION_OWNER, ids[1], ALLOCATION_RELEASE);
    await_states(&pair->a, ALLOCATION_PLACED, 2, ALLOCATION_RELEASED, 2);
}

static void test_allocations_of_a_link_that_is_drained_move_and_stay(void **state)
{
    struct pair *pair = *state;
    char ids[3][ULID_SIZE];

    for (unsigned i = 0; i < 2; i++)
        place(pair, i, ids[i]);
    await_states(&pair->a, ALLOCATION_PLACED, 2, ALLOCATION_NONE, 0);
    allocations_drain(pair->b.allocations, "alpha", true);
    await_states(&pair->b, ALLOCATION_LEAVING, 2, ALLOCATION_NONE, 0);
    await_states(&pair->a, ALLOCATION_PLACED, 2, ALLOCATION_NONE, 0);
    place(pair, 7, ids[2]);
    await_states(&pair->a, ALLOCATION_PLACED, 2, ALLOCATION_STUCK, 1);
    tell(&pair->a, ALLOCATION_OWNER, ids[2], ALLOCATION_RELEASE);
    allocations_drain(pair->b.allocations, "alpha", false);
    await_states(&pair->b, ALLOCATION_PINNED, 2, ALLOCATION_NONE, 0);
    allocations_drain(pair->a.allocations, "beta", true);
    restart(pair); /* whoever drains says so after a start, too */
    allocations_drain(pair->a.allocations, "beta", true);
    await_states(&pair->a, ALLOCATION_PLACED, 2, ALLOCATION_RELEASED, 1);
    tell(&pair->a, ALLOCATION_OWNER, ids[1], ALLOCATION_RELEASE);
    await_states(&pair->b, ALLOCATION_PINNED, 1, ALLOCATION_GONE, 1);
}

/* The whole statement of a side, all pages one behind the other. */
static struct text state_all(struct side *side, const char *ours, const char *theirs)
{
    struct statement *page = memory_alloc(sizeof(*page));
    const char *org = side->pair->a.allocations == side->allocations ? "alpha" : "beta";
    struct text all = {0}, bytes = {0};

    statement_begin(page, LINK, 1, org, ours, strcmp(org, "alpha") == 0 ? "beta" : "alpha", theirs);
    for (;;) {
        bool is_done = false;

        allocations_state(side->allocations, side->partner, org, page, on_stated_cut, &is_done);
        for (unsigned i = 0; i < 2000 && !is_done; i++)
            turn(side->pair, 1);
        assert_true(is_done);
        statement_write(page, &bytes);
        text_put_slice(&all, text_slice(&bytes));
        if (page->is_last)
            break;
        statement_continue(page, text_slice(&bytes));
        text_clear(&bytes);
    }
    text_dispose(&bytes);
    free(page);
    return all;
}

/* While things come and go, and after everybody began anew. */
static void test_allocations_state_the_same_at_a_cut(void **state)
{
    struct pair *pair = *state;
    char ids[60][ULID_SIZE], a[ULID_SIZE], b[ULID_SIZE], first_a[ULID_SIZE], first_b[ULID_SIZE];
    struct text first = {0};
    struct error err = {0};
    size_t least = SIZE_MAX, most = 0;

    for (unsigned i = 0; i < 60; i++)
        place(pair, i, ids[i]);
    for (unsigned round = 0; round < 24; round++) {
        struct text ours, theirs;

        turn(pair, 2);
        if (round % 3 == 2)
            tell(&pair->a, ALLOCATION_OWNER, ids[round], ALLOCATION_RELEASE);
        if (round == 14)
            restart(pair);
        assert_true(allocations_settled(pair->a.allocations, "beta", a, &err));
        assert_true(allocations_settled(pair->b.allocations, "alpha", b, &err));
        assert_true(allocations_is_settled(pair->a.allocations, "beta", a, &err));
        ours = state_all(&pair->a, a, b);
        theirs = state_all(&pair->b, b, a);
        assert_int_equal(ours.size, theirs.size);
        assert_memory_equal(ours.data, theirs.data, ours.size);
        least = ours.size < least ? ours.size : least;
        most = ours.size > most ? ours.size : most;
        if (round == 10) {
            first = ours;
            ours = (struct text){0};
            memcpy(first_a, a, ULID_SIZE);
            memcpy(first_b, b, ULID_SIZE);
        }
        text_dispose(&ours);
        text_dispose(&theirs);
    }
    assert_true(least < most); /* it did change meanwhile */
    for (unsigned i = 0; i < 2; i++) {
        struct text again =
            i == 0 ? state_all(&pair->a, first_a, first_b) : state_all(&pair->b, first_b, first_a);

        assert_true(slice_equal(text_slice(&first), text_slice(&again)));
        text_dispose(&again);
    }
    text_dispose(&first);
    pair->a.is_silent = true;
    place(pair, 61, ids[0]);
    turn(pair, 10);
    assert_true(allocations_settled(pair->a.allocations, "beta", a, &err));
    assert_false(
        allocations_is_settled(pair->a.allocations, "beta", "7zzzzzzzzzzzzzzzzzzzzzzzzz", &err));
    assert_non_null(strstr(err.text, "is no cut of ours"));
}

static void test_allocations_compare_no_page_of_something_else(void **state)
{
    struct pair *pair = *state;
    struct stated *stated = memory_alloc(sizeof(*stated));

    turn(pair, 10);
    begin_page(&stated->both.ours, &pair->a, "");
    statement_begin(&stated->both.theirs, LINK, 2, "alpha", NULL, "beta", NULL);
    stated->both.theirs.is_last = true;
    allocations_compare(pair->a.allocations, "beta", "alpha", &stated->both, on_stated, stated);
    assert_true(stated->is_done);
    assert_int_equal(stated->err.code, ERROR_MISMATCH);
    stated->is_done = false;
    stated->err = (struct error){0};
    stated->both.theirs = stated->both.ours;
    stated->both.theirs.is_last = true;
    allocations_compare(pair->a.allocations, "beta", "alpha", &stated->both, on_stated, stated);
    assert_false(stated->is_done);
    allocations_destroy(&pair->a.allocations); /* in the middle */
    assert_true(stated->is_done);
    assert_int_equal(stated->err.code, ERROR_CANCELED);
    free(stated);
    start(&pair->a);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_allocations_place_and_release),
        TEST(test_allocations_of_small_objects_go_with_their_reservation),
        TEST(test_allocations_keep_what_came_along_over_a_crash),
        TEST(test_allocations_refuse_what_came_along_and_is_not_the_object),
        TEST(test_allocations_say_when_what_is_to_go_along_cannot_be_read),
        TEST(test_allocations_are_counted_by_state_and_reason),
        TEST(test_allocations_pass_no_grant),
        TEST(test_allocations_wait_for_their_turn_in_the_ledger),
        TEST(test_allocations_that_are_stuck_are_tried_again_from_the_ledger),
        TEST(test_allocations_wait_for_what_is_granted),
        TEST(test_allocations_are_asked_again_when_more_is_granted),
        TEST(test_allocations_of_a_link_that_is_drained_move_and_stay),
        TEST(test_allocations_state_the_same_at_a_cut),
        TEST(test_allocations_go_on_after_a_crash_at_any_moment),
        TEST(test_allocations_survive_the_end_of_their_link),
        TEST(test_allocations_that_cannot_be_imported_are_told),
        TEST(test_allocations_are_evicted_by_their_holder),
        TEST(test_allocations_that_were_evicted_are_not_sent_there_again_at_once),
        TEST(test_allocations_refuse_items_that_make_no_sense),
        TEST(test_allocations_that_agree_are_compared_page_by_page),
        TEST(test_allocations_that_a_restored_owner_forgot_are_learned),
        TEST(test_allocations_that_nobody_here_has_pinned_are_left_alone),
        TEST(test_allocations_that_are_stated_often_are_learned_once),
        TEST(test_allocations_that_a_restored_holder_forgot_are_lost),
        TEST(test_allocations_that_were_orphaned_are_taken_back),
        TEST(test_allocations_compare_no_page_of_something_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
