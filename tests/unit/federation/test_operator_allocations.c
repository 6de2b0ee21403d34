// SPDX-License-Identifier: Apache-2.0
/* The operators' routes about allocations, over rows of a real ledger. Links and machines are
 * played. */
#include "federation/allocation_codec.h"
#include "federation/allocations.h"
#include "federation/links.h"
#include "federation/operator_allocations.h"

#include "../store/kit.h"

#define NOW_MS    UINT64_C(1800000000000) /* 2027-01-15T08:00:00Z */
#define BETA      "01jc0000000000000000000001"
#define GAMMA     "01jc0000000000000000000002"
#define ID(digit) "01jd000000000000000000000" digit

struct fixture {
    struct kit *kit;
    struct operator_site site;
    const struct principal *root;
    int answers, status;
    json_t *body;
    /* what the machine was told */
    struct allocation_event told;
    char said[64], partner[ID_SIZE];
    bool fails;
};

static struct fixture *played;

// NOLINTBEGIN(bugprone-reserved-identifier)
json_t *__wrap_links_describe(const struct links *links, const char *partner);
bool __wrap_allocations_tell(struct allocations *allocations, const char *partner,
                             enum allocation_role role, const struct allocation_event *event,
                             allocations_done on_done, void *arg, struct error *err);

json_t *__wrap_links_describe(const struct links *links, const char *partner)
{
    return json_pack("[{s:s,s:s},{s:s,s:s}]", "id", BETA, "partner", "beta", "id", GAMMA, "partner",
                     "gamma");
}

bool __wrap_allocations_tell(struct allocations *allocations, const char *partner,
                             enum allocation_role role, const struct allocation_event *event,
                             allocations_done on_done, void *arg, struct error *err)
{
    struct error failure = {0};

    assert_int_equal(role, ALLOCATION_HOLDER);
    played->told = *event;
    snprintf(played->said, sizeof(played->said), "%.*s", SLICE_ARGS(event->said));
    snprintf(played->partner, sizeof(played->partner), "%s", partner);
    error_set(&failure, ERROR_CANCELED, "the ledger is full");
    on_done(arg, played->fails ? &failure : NULL);
    return true;
}
// NOLINTEND(bugprone-reserved-identifier)

static void put(struct fixture *f, const char *link, enum allocation_role role, const char *id,
                enum allocation_state state, enum allocation_reason reason)
{
    struct transaction *put = transaction_create(TRANSACTION_ALLOCATION_PUT);
    struct allocation_entry *entry = &put->allocation_put.entry;
    struct allocation_record record = {.role = role,
                                       .state = state,
                                       .bytes = 1000,
                                       .reason = reason,
                                       .retry_ms =
                                           reason != ALLOCATION_NO_REASON ? NOW_MS + 5000 : 0,
                                       .since_ms = NOW_MS - 60000,
                                       .seen_ms = NOW_MS - 3000};
    struct error err = {0};
    struct text text = {0};

    assert_true(cid_parse(
        &record.root, SLICE("bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"), &err));
    memcpy(record.id, id, ULID_SIZE);
    memcpy(record.link, link, ULID_SIZE);
    allocation_write(&record, &text);
    memcpy(entry->id, id, ULID_SIZE);
    memcpy(entry->link, link, ULID_SIZE);
    entry->role = (uint8_t)role;
    snprintf(entry->state, sizeof(entry->state), "%s", allocation_state_name(state));
    entry->object =
        transaction_copy(put, (struct slice){(const char *)record.root.bytes, record.root.size});
    entry->record = transaction_copy(put, text_slice(&text));
    entry->since_ms = record.since_ms;
    text_dispose(&text);
    if (!store_run(f->kit->store, put, &err))
        fail_msg("%s", err.text);
    transaction_destroy(&put);
}

static int setup(void **state)
{
    struct fixture *f = memory_alloc(sizeof(*f));

    *f = (struct fixture){0};
    kit_setup((void **)&f->kit);
    f->site = (struct operator_site){.loop = f->kit->loop,
                                     .store = f->kit->store,
                                     .links = (struct links *)(void *)f,
                                     .allocations = (struct allocations *)(void *)f};
    f->root =
        principal_create(&(struct principal){.kind = PRINCIPAL_OPERATOR, .id = SLICE("root")});
    played = f;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    json_decref(f->body);
    principal_unref(&f->root);
    kit_teardown((void **)&f->kit);
    free(f);
    return 0;
}

static void on_answer(void *fixture_, int status, json_t *body)
{
    struct fixture *f = fixture_;

    f->answers++;
    f->status = status;
    json_decref(f->body);
    f->body = body;
}

static const json_t *call(struct fixture *f, const char *path, const char *input, int expected)
{
    static const struct operator_route *const tables[] = {allocation_routes, NULL};
    const struct operator_route *route = operator_find(tables, slice_of(path));
    int before = f->answers;

    assert_non_null(route);
    operator_start(route, &f->site, f->root, json_loads(input, 0, NULL), NOW_MS, on_answer, f);
    for (int i = 0; f->answers == before && i < 500; i++)
        loop_turn(f->kit->loop, 10);
    assert_int_equal(f->answers, before + 1);
    if (f->status != expected)
        fail_msg("%s %s: %d, %s", path, input, f->status, json_dumps(f->body, JSON_COMPACT));
    return f->body;
}

/* All pages: the ids, one after another, by their last digits. */
static void expect_listed(struct fixture *f, const char *narrowing, const char *digits)
{
    char got[32] = "", input[200], last[100] = "";
    const json_t *body, *row;
    size_t i;

    for (int page = 0; page < 20; page++) {
        snprintf(input, sizeof(input), "{\"limit\":1%s%s%s%s}", narrowing,
                 last[0] != '\0' ? ",\"after\":\"" : "", last, last[0] != '\0' ? "\"" : "");
        body = call(f, "/allocation/list", input, 200);
        json_array_foreach(json_object_get(body, "allocations"), i, row)
        {
            const char *id = json_string_value(json_object_get(row, "id"));

            strcat(got, id + strlen(id) - 1);
        }
        if (!json_is_true(json_object_get(body, "has_more")))
            break;
        snprintf(last, sizeof(last), "%s", json_string_value(json_object_get(body, "last")));
    }
    assert_string_equal(got, digits);
}

static void put_all(struct fixture *f)
{
    put(f, BETA, ALLOCATION_OWNER, ID("1"), ALLOCATION_PLACED, ALLOCATION_NO_REASON);
    put(f, BETA, ALLOCATION_OWNER, ID("2"), ALLOCATION_STUCK, ALLOCATION_QUOTA_THERE);
    put(f, BETA, ALLOCATION_HOLDER, ID("3"), ALLOCATION_PINNED, ALLOCATION_NO_REASON);
    put(f, GAMMA, ALLOCATION_OWNER, ID("4"), ALLOCATION_RELEASED, ALLOCATION_NO_REASON);
    put(f, GAMMA, ALLOCATION_HOLDER, ID("5"), ALLOCATION_PINNED, ALLOCATION_NO_REASON);
}

static void test_all_are_listed_page_by_page_and_narrowed(void **state)
{
    struct fixture *f = *state;

    expect_listed(f, "", "");
    put_all(f);
    expect_listed(f, "", "1235");
    expect_listed(f, ",\"all\":true", "12345");
    expect_listed(f, ",\"partner\":\"gamma\",\"all\":true", "45");
    expect_listed(f, ",\"role\":\"holder\"", "35");
    expect_listed(f, ",\"state\":\"placed\"", "1");
    expect_listed(f, ",\"stuck\":true", "2");
}

static void test_a_row_says_where_it_stands_and_why(void **state)
{
    struct fixture *f = *state;
    const json_t *row;

    put(f, BETA, ALLOCATION_OWNER, ID("2"), ALLOCATION_STUCK, ALLOCATION_QUOTA_THERE);
    row = json_array_get(json_object_get(call(f, "/allocation/list", "{}", 200), "allocations"), 0);
    assert_string_equal(json_string_value(json_object_get(row, "site")), "beta");
    assert_string_equal(json_string_value(json_object_get(row, "reason")), "quota-there");
    assert_string_equal(json_string_value(json_object_get(row, "retry")),
                        "2027-01-15T08:00:05.000Z");
    assert_int_equal(json_integer_value(json_object_get(row, "evidence_age_ms")), 3000);
    assert_true(json_is_false(json_object_get(row, "counts")));
    assert_non_null(
        strstr(json_string_value(json_object_get(row, "why")), "the partner has no room for it"));
}

static void test_what_is_asked_wrongly_is_told(void **state)
{
    static const struct {
        const char *path, *input;
        int status;
    } cases[] = {
        {"/allocation/list", "{\"partner\":\"delta\"}", 404},
        {"/allocation/list", "{\"role\":\"both\"}", 400},
        {"/allocation/list", "{\"state\":\"fine\"}", 400},
        {"/allocation/list", "{\"after\":\"beta\"}", 400},
        {"/allocation/list", "{\"after\":\"beta/owner/x\"}", 400},
        {"/allocation/evict", "{\"id\":\"" ID("3") "\"}", 400},
        {"/allocation/evict", "{\"id\":\"x\",\"reason\":\"r\"}", 400},
        {"/allocation/evict", "{\"id\":\"" ID("9") "\",\"reason\":\"r\"}", 404},
        {"/allocation/evict", "{\"id\":\"" ID("1") "\",\"reason\":\"ours, there\"}", 404},
        {"/allocation/evict", "{\"id\":\"" ID("3") "\",\"reason\":\"r\",\"within\":\"1x\"}", 400},
        {"/allocation/evict", "{\"id\":\"" ID("3") "\",\"reason\":\"r\",\"within\":\"400d\"}", 400},
    };
    struct fixture *f = *state;

    put_all(f);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        call(f, cases[i].path, cases[i].input, cases[i].status);
    assert_int_equal(f->told.kind, 0);
}

static void test_an_eviction_is_told_to_the_machine_with_time_to_place_anew(void **state)
{
    struct fixture *f = *state;
    const json_t *body;

    put_all(f);
    body = call(f, "/allocation/evict", "{\"id\":\"" ID("5") "\",\"reason\":\"disks\"}", 200);
    assert_string_equal(json_string_value(json_object_get(body, "partner")), "gamma");
    assert_string_equal(f->partner, "gamma");
    assert_string_equal(f->told.id, ID("5"));
    assert_string_equal(f->said, "disks");
    assert_int_equal(f->told.kind, ALLOCATION_EVICT);
    assert_int_equal(f->told.until_ms, NOW_MS + UINT64_C(7) * 24 * 3600 * 1000);
    call(f, "/allocation/evict", "{\"id\":\"" ID("5") "\",\"reason\":\"disks\",\"within\":\"0\"}",
         200);
    assert_int_equal(f->told.until_ms, 0);
    f->fails = true;
    call(f, "/allocation/evict", "{\"id\":\"" ID("5") "\",\"reason\":\"disks\"}", 503);
}

static void test_without_allocations_nothing_is_evicted(void **state)
{
    struct fixture *f = *state;

    f->site.allocations = NULL;
    call(f, "/allocation/evict", "{\"id\":\"" ID("3") "\",\"reason\":\"r\"}", 501);
    f->site.links = NULL;
    call(f, "/allocation/list", "{}", 409);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all_are_listed_page_by_page_and_narrowed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_row_says_where_it_stands_and_why, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_asked_wrongly_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_an_eviction_is_told_to_the_machine_with_time_to_place_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(test_without_allocations_nothing_is_evicted, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
