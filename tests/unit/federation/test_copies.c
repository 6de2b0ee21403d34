// SPDX-License-Identifier: Apache-2.0
/* Who waits for copies, on one loop, and the placer that looks at the object, on another: the
 * ledger answers when the test says so. */
#include "federation/allocation_codec.h"
#include "federation/copies.h"
#include "store/transaction.h"
#include "tests/unit/http/clock.h"

#include "conf/memory.h"

#include "placement_kit.h"

#include <stdlib.h>
#include <string.h>

#define LINK "01jd0000000000000000000000"
#define ID   "01jd0000000000000000000001"

enum { ASKED_MAX = 8 };

/* What the ledger was asked and has not answered yet. */
static struct {
    struct transaction *transaction;
    store_done_cb on_done;
    void *arg;
} asked[ASKED_MAX];
static size_t asked_count;
static bool ledger_refuses;

struct fixture {
    struct loop *here, *there;
    struct placer *placer;
    const struct policy *policy;
    struct cid cid;
    struct copies_call *call;
    uint32_t min_copies; /* of the pin */
    unsigned progress, done;
    uint32_t there_told, wanted_told;
    enum copies_outcome outcome;
    struct text why;
};

/* ---- what stands behind the placer */

bool __wrap_store_start(struct store *store, struct loop *loop, struct transaction *transaction,
                        store_done_cb on_done, void *arg, struct error *err);
void __wrap_store_cancel(struct transaction *transaction);
void __wrap_store_watch(struct store *store, struct store_watch *watch);
void __wrap_store_unwatch(struct store *store, struct store_watch *watch);
json_t *__wrap_links_describe(const struct links *links, const char *partner);
bool __wrap_links_peer(const struct links *links, const char *partner, struct links_peer *peer);
void __wrap_links_tell_grants(struct links *links, const char *partner,
                              const struct link_grants *ours);
const struct grant_account *__wrap_allocations_account(const struct allocations *allocations,
                                                       const char *partner,
                                                       enum allocation_role role);
const char *__wrap_allocations_partner(const struct allocations *allocations, const char *link);
bool __wrap_allocations_place(struct allocations *allocations, const char *partner,
                              const struct cid *root, uint64_t bytes, uint64_t blocks,
                              int32_t priority, char id[ULID_SIZE], struct error *err);
bool __wrap_allocations_tell(struct allocations *allocations, const char *partner,
                             enum allocation_role role, const struct allocation_event *event,
                             allocations_done on_done, void *arg, struct error *err);

bool __wrap_store_start(struct store *store, struct loop *loop, struct transaction *transaction,
                        store_done_cb on_done, void *arg, struct error *err)
{
    if (ledger_refuses)
        return error_set(err, ERROR_LIMIT, "not now");
    assert_true(asked_count < ASKED_MAX);
    asked[asked_count].transaction = transaction;
    asked[asked_count].on_done = on_done;
    asked[asked_count++].arg = arg;
    return true;
}

void __wrap_store_cancel(struct transaction *transaction)
{
    size_t i = 0;

    while (asked[i].transaction != transaction)
        i++;
    memmove(&asked[i], &asked[i + 1], (asked_count - i - 1) * sizeof(asked[0]));
    asked_count--;
    transaction_destroy(&transaction);
}

void __wrap_store_watch(struct store *store, struct store_watch *watch)
{
}

void __wrap_store_unwatch(struct store *store, struct store_watch *watch)
{
}

json_t *__wrap_links_describe(const struct links *links, const char *partner)
{
    return json_array();
}

void __wrap_links_tell_grants(struct links *links, const char *partner,
                              const struct link_grants *ours)
{
}

bool __wrap_links_peer(const struct links *links, const char *partner, struct links_peer *peer)
{
    *peer = (struct links_peer){.state = LINK_ACTIVE};
    return true;
}

const struct grant_account *__wrap_allocations_account(const struct allocations *allocations,
                                                       const char *partner,
                                                       enum allocation_role role)
{
    static const struct grant_account account = {.ours = {UINT64_MAX, UINT64_MAX, UINT64_MAX},
                                                 .theirs = {UINT64_MAX, UINT64_MAX, UINT64_MAX}};

    return &account;
}

const char *__wrap_allocations_partner(const struct allocations *allocations, const char *link)
{
    return "beta";
}

bool __wrap_allocations_place(struct allocations *allocations, const char *partner,
                              const struct cid *root, uint64_t bytes, uint64_t blocks,
                              int32_t priority, char id[ULID_SIZE], struct error *err)
{
    memcpy(id, ID, ULID_SIZE);
    return true;
}

bool __wrap_allocations_tell(struct allocations *allocations, const char *partner,
                             enum allocation_role role, const struct allocation_event *event,
                             allocations_done on_done, void *arg, struct error *err)
{
    return true;
}

/* ---- the ledger's answers */

static void turn(struct fixture *f)
{
    for (int i = 0; i < 3; i++) {
        loop_turn(f->there, 0);
        loop_turn(f->here, 0);
    }
}

/* The place of the first question of that kind: there may be one about all objects beside. */
static size_t find(enum transaction_name name)
{
    size_t i = 0;

    while (i < asked_count && asked[i].transaction->name != name)
        i++;
    return i;
}

static struct transaction *take(enum transaction_name name, store_done_cb *on_done, void **arg)
{
    size_t i = find(name);
    struct transaction *transaction = asked[i].transaction;

    assert_true(i < asked_count);
    *on_done = asked[i].on_done;
    *arg = asked[i].arg;
    memmove(&asked[i], &asked[i + 1], (--asked_count - i) * sizeof(asked[0]));
    return transaction;
}

/* The copies: one at beta in that state; ALLOCATION_NONE: there is none. */
static void answer_page(struct fixture *f, enum allocation_state state, bool has_more)
{
    struct allocation_record record = {
        .id = ID, .link = LINK, .role = ALLOCATION_OWNER, .state = state, .root = f->cid};
    struct allocation_entry entry = {.role = ALLOCATION_ROLE_OWNER, .link = LINK, .id = ID};
    struct text bytes = {0};
    struct transaction *transaction;
    store_done_cb on_done;
    void *arg;

    record.bytes = 1000;
    record.seen_ms = 1;
    if (state != ALLOCATION_NONE)
        allocation_write(&record, &bytes);
    entry.record = text_slice(&bytes);
    transaction = take(TRANSACTION_ALLOCATION_LIST, &on_done, &arg);
    assert_int_equal(transaction->allocation_list.by, ALLOCATION_LIST_COPIES);
    transaction->allocation_list.entries = &entry;
    transaction->allocation_list.count = state != ALLOCATION_NONE;
    transaction->allocation_list.has_more = has_more;
    on_done(arg, transaction);
    transaction_destroy(&transaction);
    text_dispose(&bytes);
}

static void answer_copies(struct fixture *f, enum allocation_state state)
{
    answer_page(f, state, false);
}

static void answer_object(struct fixture *f, enum pin_mode held)
{
    struct pin_record pin = {.owner = {.kind = OWNER_MEMBER, .id = "alice"},
                             .held = held,
                             .state = PIN_PINNED,
                             .min_copies = f->min_copies};
    struct transaction *transaction;
    store_done_cb on_done;
    void *arg;

    transaction = take(TRANSACTION_OBJECT_GET, &on_done, &arg);
    transaction->object_get.record =
        (struct object_record){.key = {(const char *)f->cid.bytes, f->cid.size}, .upstream = held};
    transaction->object_get.record.has_bytes[held] = true;
    transaction->object_get.record.bytes[held] = 1000;
    transaction->object_get.pins = &pin;
    transaction->object_get.count = 1;
    on_done(arg, transaction);
    transaction_destroy(&transaction);
}

static void look(struct fixture *f, enum allocation_state state)
{
    answer_copies(f, state);
    answer_object(f, PIN_RECURSIVE);
    turn(f);
}

static void change(struct fixture *f, enum allocation_state state)
{
    placer_look(f->placer, (struct slice){(const char *)f->cid.bytes, f->cid.size});
    look(f, state);
}

/* ---- the fixture */

static uint64_t now_ms(void)
{
    return 1700000000000;
}

static int setup(void **state)
{
    struct fixture *f = memory_alloc(sizeof(*f));
    struct placer_settings settings = {.now_ms = now_ms};

    f->here = loop_create(NULL);
    f->there = settings.loop = loop_create(NULL);
    cid_make(&f->cid, 1, CODEC_RAW, 0, "x", 1);
    f->policy = kit_policy(KIT_HEAD "  sites: {local: {}, beta: {}}\n  rules:\n"
                                    "    - {id: all, copies: {min: 1, want: 2}}\n"
                                    "grants: [{partner: beta, they_store: {bytes: 1GiB}}]\n");
    f->placer = placer_create(&settings);
    placer_use(f->placer, f->policy);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    copies_cancel(&f->call);
    turn(f);
    placer_destroy(&f->placer);
    turn(f);
    assert_int_equal(asked_count, 0);
    policy_unref(&f->policy);
    text_dispose(&f->why);
    loop_destroy(&f->here);
    loop_destroy(&f->there);
    ledger_refuses = false;
    free(f);
    return 0;
}

static void on_progress(void *f_, uint32_t there, uint32_t wanted)
{
    struct fixture *f = f_;

    f->progress++;
    f->there_told = there;
    f->wanted_told = wanted;
}

static void on_done(void *f_, enum copies_outcome outcome, uint32_t there, uint32_t wanted,
                    struct slice why)
{
    struct fixture *f = f_;

    f->call = NULL;
    f->done++;
    f->outcome = outcome;
    f->there_told = there;
    f->wanted_told = wanted;
    text_put_slice(&f->why, why);
}

static void start(struct fixture *f, uint32_t copies, uint64_t within_ms)
{
    const struct copies_wanted wanted = {
        .object = f->cid, .copies = copies, .within_ms = within_ms};

    copies_start(f->placer, f->here, &f->call, &wanted, on_progress, on_done, f);
    assert_int_equal(f->done, 0); /* never from inside */
    turn(f);
}

static void expect(struct fixture *f, enum copies_outcome outcome, uint32_t there,
                   const char *words)
{
    assert_int_equal(f->done, 1);
    assert_int_equal(f->outcome, outcome);
    assert_int_equal(f->there_told, there);
    if (words != NULL && (f->why.data == NULL || strstr(f->why.data, words) == NULL))
        fail_msg("'%s' is not in '%s'", words, f->why.data != NULL ? f->why.data : "");
}

/* ---- tests */

static void test_copies_that_are_there_are_answered_with_the_first_look(void **state)
{
    struct fixture *f = *state;

    start(f, 2, 60000);
    assert_int_equal(f->done, 0);
    look(f, ALLOCATION_PLACED);
    expect(f, COPIES_THERE, 2, NULL);
    assert_int_equal(f->progress, 0);
}

static void test_copies_that_come_later_are_told_as_progress_and_answered(void **state)
{
    struct fixture *f = *state;

    start(f, 2, 60000);
    look(f, ALLOCATION_NONE);
    assert_int_equal(f->done, 0);
    assert_int_equal(f->progress, 1);
    assert_int_equal(f->there_told, 1);
    assert_int_equal(f->wanted_told, 2);
    change(f, ALLOCATION_TRANSFERRING);
    assert_int_equal(f->progress, 1); /* nothing new */
    change(f, ALLOCATION_PLACED);
    expect(f, COPIES_THERE, 2, NULL);
}

static void test_a_change_within_a_look_is_looked_at_again(void **state)
{
    struct fixture *f = *state;

    start(f, 2, 60000);
    answer_copies(f, ALLOCATION_NONE);
    placer_look(f->placer, (struct slice){(const char *)f->cid.bytes, f->cid.size});
    answer_object(f, PIN_RECURSIVE); /* of before the change: nobody is told */
    turn(f);
    assert_int_equal(f->progress, 0);
    look(f, ALLOCATION_PLACED);
    expect(f, COPIES_THERE, 2, NULL);
}

/* An object may have many that were refused, and be placed behind them. */
static void test_all_pages_of_the_copies_are_read(void **state)
{
    struct fixture *f = *state;
    const struct allocation_entry *after;

    start(f, 2, 50000);
    answer_page(f, ALLOCATION_REFUSED, true);
    after = asked[find(TRANSACTION_ALLOCATION_LIST)].transaction->allocation_list.after;
    assert_non_null(after);
    assert_string_equal(after->link, LINK);
    assert_string_equal(after->id, ID);
    answer_page(f, ALLOCATION_REFUSED, true);
    look(f, ALLOCATION_PLACED);
    expect(f, COPIES_THERE, 2, NULL);
}

static void test_late_says_how_many_there_are_and_why_not_more(void **state)
{
    struct fixture *f = *state;

    start(f, 2, 50000);
    look(f, ALLOCATION_QUEUED);
    clock_advance_ms(50001);
    turn(f);
    assert_int_equal(f->done, 0); /* it is looked at once more */
    look(f, ALLOCATION_QUEUED);
    expect(f, COPIES_LATE, 1, "1 copy exists: local; beta: ");
}

static void test_a_copy_that_came_with_the_last_look_is_no_lateness(void **state)
{
    struct fixture *f = *state;

    start(f, 2, 50000);
    look(f, ALLOCATION_COMMITTING);
    clock_advance_ms(50001);
    turn(f);
    look(f, ALLOCATION_PLACED);
    expect(f, COPIES_THERE, 2, NULL);
}

static void test_what_never_comes_is_not_waited_for(void **state)
{
    struct fixture *f = *state;

    start(f, 2, 60000);
    answer_copies(f, ALLOCATION_NONE);
    answer_object(f, PIN_DIRECT);
    turn(f);
    expect(f, COPIES_NEVER, 0, "pinned direct alone");
}

static void test_without_a_policy_nothing_comes(void **state)
{
    struct fixture *f = *state;

    placer_use(f->placer, NULL);
    start(f, 2, 60000);
    look(f, ALLOCATION_NONE);
    expect(f, COPIES_NEVER, 1, "no section placement");
}

static void test_who_left_before_the_begin_is_not_called(void **state)
{
    struct fixture *f = *state;
    const struct copies_wanted wanted = {.object = f->cid, .copies = 2, .within_ms = 60000};

    copies_start(f->placer, f->here, &f->call, &wanted, on_progress, on_done, f);
    copies_cancel(&f->call);
    turn(f);
    assert_null(f->call);
    while (find(TRANSACTION_ALLOCATION_LIST) <
           asked_count) /* it was begun and given up; the look goes on for the object's sake */
        look(f, ALLOCATION_PLACED);
    assert_int_equal(f->done, 0);
}

static void test_who_left_while_waiting_is_not_called(void **state)
{
    struct fixture *f = *state;

    start(f, 2, 60000);
    look(f, ALLOCATION_NONE);
    copies_cancel(&f->call);
    turn(f);
    change(f, ALLOCATION_PLACED);
    assert_int_equal(f->done, 0);
}

static void test_who_left_when_the_answer_was_on_its_way_is_not_called(void **state)
{
    struct fixture *f = *state;

    start(f, 2, 60000);
    answer_copies(f, ALLOCATION_PLACED);
    answer_object(f, PIN_RECURSIVE); /* answered there */
    copies_cancel(&f->call);
    turn(f);
    assert_int_equal(f->done, 0);
}

static void test_a_ledger_that_takes_nothing_ends_the_wait_when_it_is_late(void **state)
{
    struct fixture *f = *state;

    ledger_refuses = true;
    start(f, 2, 50000);
    assert_int_equal(f->done, 0); /* it may come back */
    clock_advance_ms(50001);
    turn(f);
    expect(f, COPIES_LATE, 0, "the ledger does not say");
}

static void test_several_wait_for_one_object_each_for_its_own_number(void **state)
{
    struct fixture *f = *state, other = *f;

    start(f, 2, 60000);
    start(&other, 3, 50000);
    look(f, ALLOCATION_PLACED); /* the first was asked again */
    if (find(TRANSACTION_ALLOCATION_LIST) < asked_count)
        look(f, ALLOCATION_PLACED);
    turn(f);
    expect(f, COPIES_THERE, 2, NULL);
    assert_int_equal(other.done, 0);
    clock_advance_ms(50001);
    turn(f);
    look(f, ALLOCATION_PLACED);
    expect(&other, COPIES_LATE, 2, "2 copies exist: local, beta");
    text_dispose(&other.why);
}

/* ---- objects that no site is found for */

static void see(struct fixture *f, char name, uint32_t min_copies)
{
    cid_make(&f->cid, 1, CODEC_RAW, 0, &name, 1);
    f->min_copies = min_copies;
    change(f, ALLOCATION_PLACED);
}

static void test_objects_that_no_site_is_found_for_are_listed_in_pages(void **state)
{
    struct fixture *f = *state;
    struct slice after = {NULL, 0};
    size_t seen = 0, pages = 0;
    bool has_more = true;
    struct cid last;

    for (char name = 'e'; name >= 'a'; name--)
        see(f, name, 3);
    see(f, 'c', 2); /* there are enough now */
    see(f, 'f', 2);
    see(f, 'b', 4); /* still short */
    for (; has_more; pages++) {
        json_t *rows = placer_shorts(f->placer, after, 3, &has_more), *row;
        struct error err = {0};
        size_t i;

        json_array_foreach(rows, i, row)
        {
            assert_true(
                cid_parse(&last, slice_of(json_string_value(json_object_get(row, "cid"))), &err));
            assert_non_null(strstr(json_string_value(json_object_get(row, "why")),
                                   "2 copies exist: local, beta; stuck: 2 of at least "));
            seen++;
        }
        after = (struct slice){(const char *)last.bytes, last.size};
        json_decref(rows);
    }
    assert_int_equal(pages, 2);
    assert_int_equal(seen, 4);
    placer_use(f->placer, NULL); /* nothing is wanted any more */
    json_decref(placer_shorts(f->placer, (struct slice){NULL, 0}, 3, &has_more));
    assert_false(has_more);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_copies_that_are_there_are_answered_with_the_first_look),
        TEST(test_copies_that_come_later_are_told_as_progress_and_answered),
        TEST(test_a_change_within_a_look_is_looked_at_again),
        TEST(test_all_pages_of_the_copies_are_read),
        TEST(test_late_says_how_many_there_are_and_why_not_more),
        TEST(test_a_copy_that_came_with_the_last_look_is_no_lateness),
        TEST(test_what_never_comes_is_not_waited_for),
        TEST(test_without_a_policy_nothing_comes),
        TEST(test_who_left_before_the_begin_is_not_called),
        TEST(test_who_left_while_waiting_is_not_called),
        TEST(test_who_left_when_the_answer_was_on_its_way_is_not_called),
        TEST(test_a_ledger_that_takes_nothing_ends_the_wait_when_it_is_late),
        TEST(test_several_wait_for_one_object_each_for_its_own_number),
        TEST(test_objects_that_no_site_is_found_for_are_listed_in_pages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
