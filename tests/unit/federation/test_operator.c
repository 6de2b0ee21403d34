// SPDX-License-Identifier: Apache-2.0
/* The operators' routes about links: what they take, what they ask of the links, what they say. The
 * links themselves are played. */
#include "federation/links.h"
#include "federation/operator.h"

#include "../store/kit.h"

#define NOW_MS UINT64_C(1800000000000) /* 2027-01-15T08:00:00Z */

/* Stands where the routes have the links. */
struct played {
    struct links_command asked; /* texts are copied to what follows */
    char partner[64], text[200], org[64], address[64], actor[64];
    int count;
    bool is_refusing; /* links_command itself */
    int status;       /* of the answer */
    json_t *links;    /* what there is, by partner */
};

struct fixture {
    struct kit *kit;
    struct operator_site site;
    const struct principal *root;
    struct played played;
    int answers, status;
    json_t *body;
};

// NOLINTBEGIN(bugprone-reserved-identifier)
bool __wrap_links_command(struct links *links, const struct links_command *command,
                          void (*on_done)(void *arg, const struct links_answer *answer), void *arg,
                          struct error *err);
json_t *__wrap_links_describe(const struct links *links, const char *partner);

static void copy(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from != NULL ? from : "(none)");
}

bool __wrap_links_command(struct links *links, const struct links_command *command,
                          void (*on_done)(void *arg, const struct links_answer *answer), void *arg,
                          struct error *err)
{
    struct played *played = (struct played *)(void *)links;
    struct links_answer answer = {.status = played->status, .said = SLICE("it is done")};

    if (played->is_refusing)
        return error_set(err, ERROR_CANCELED, "the gateway ends");
    played->count++;
    played->asked = *command;
    copy(played->partner, sizeof(played->partner), command->partner);
    copy(played->text, sizeof(played->text), command->text);
    copy(played->org, sizeof(played->org), command->org);
    copy(played->address, sizeof(played->address), command->address);
    copy(played->actor, sizeof(played->actor), command->actor);
    if (answer.status < 400)
        answer.output = json_pack("{s:s}", "state", "invited");
    on_done(arg, &answer);
    return true;
}

json_t *__wrap_links_describe(const struct links *links, const char *partner)
{
    const struct played *played = (const struct played *)(const void *)links;
    json_t *all, *link;
    const char *name;

    if (partner != NULL)
        return json_deep_copy(json_object_get(played->links, partner));
    all = json_array();
    json_object_foreach(played->links, name, link)
    {
        json_array_append_new(all, json_deep_copy(link));
    }
    return all;
}

// NOLINTEND(bugprone-reserved-identifier)

/* ---- the fixture */

static int setup(void **state)
{
    struct fixture *f = memory_alloc(sizeof(*f));

    *f = (struct fixture){.played = {.status = 200}};
    kit_setup((void **)&f->kit);
    f->site = (struct operator_site){
        .loop = f->kit->loop, .store = f->kit->store, .links = (struct links *)(void *)&f->played};
    f->root =
        principal_create(&(struct principal){.kind = PRINCIPAL_OPERATOR, .id = SLICE("root")});
    f->played.links = json_object();
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    json_decref(f->body);
    json_decref(f->played.links);
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

static const json_t *call(struct fixture *f, const char *path, const char *input,
                          int expected_status)
{
    static const struct operator_route *const tables[] = {federation_routes, NULL};
    const struct operator_route *route = operator_find(tables, slice_of(path));
    int before = f->answers;

    assert_non_null(route);
    operator_start(route, &f->site, f->root, json_loads(input, 0, NULL), NOW_MS, on_answer, f);
    for (int i = 0; f->answers == before && i < 500; i++)
        loop_turn(f->kit->loop, 10);
    assert_int_equal(f->answers, before + 1);
    if (f->status != expected_status)
        fail_msg("%s %s: %d, %s", path, input, f->status, json_dumps(f->body, JSON_COMPACT));
    return f->body;
}

static void expect(const json_t *body, const char *name, const char *part)
{
    const char *text = json_string_value(json_object_get(body, name));

    if (text == NULL || strstr(text, part) == NULL)
        fail_msg("'%s' is not in: %s", part, text != NULL ? text : "(none)");
}

static void add_link(struct fixture *f, const char *partner)
{
    json_object_set_new(f->played.links, partner,
                        json_pack("{s:s,s:s,s:{s:I,s:s}}", "partner", partner, "state", "active",
                                  "limits", "bandwidth", (json_int_t)1 << 20, "hours", "20-6"));
}

/* ---- what is asked */

static void test_an_invitation_is_asked_for_as_the_operator_said(void **state)
{
    struct fixture *f = *state;
    const json_t *body = call(f, "/link/invite",
                              "{\"partner\":\"partner:beta\",\"org\":\"beta.example\",\"address\":"
                              "\"198.51.100.7:9501\",\"ttl\":\"2h\"}",
                              200);

    expect(body, "said", "it is done");
    expect(body, "state", "invited");
    expect(body, "partner", "beta");
    assert_int_equal(f->played.asked.what, LINKS_INVITE);
    assert_string_equal(f->played.partner, "beta");
    assert_string_equal(f->played.org, "beta.example");
    assert_string_equal(f->played.address, "198.51.100.7:9501");
    assert_string_equal(f->played.actor, "operator:root");
    assert_int_equal(f->played.asked.ttl_ms, 7200000);
    call(f, "/link/repin", "{\"partner\":\"beta\"}", 200);
    assert_int_equal(f->played.asked.what, LINKS_REPIN);
    assert_int_equal(f->played.asked.ttl_ms, 0);
}

static void test_a_join_needs_no_name_for_the_partner(void **state)
{
    struct fixture *f = *state;

    call(f, "/link/join", "{\"invitation\":\"cwi1abc\"}", 200);
    assert_int_equal(f->played.asked.what, LINKS_JOIN);
    assert_string_equal(f->played.text, "cwi1abc");
    assert_string_equal(f->played.partner, "(none)");
    call(f, "/link/join", "{\"invitation\":\"cwi1abc\",\"partner\":\"alpha\"}", 200);
    assert_string_equal(f->played.partner, "alpha");
}

static void test_words_or_yes_confirm(void **state)
{
    struct fixture *f = *state;

    call(f, "/link/confirm", "{\"partner\":\"beta\",\"words\":\"able zoo\"}", 200);
    assert_string_equal(f->played.text, "able zoo");
    assert_false(f->played.asked.is_yes);
    call(f, "/link/confirm", "{\"partner\":\"beta\",\"yes\":true}", 200);
    assert_true(f->played.asked.is_yes);
}

static void test_each_route_asks_its_own(void **state)
{
    static const struct {
        const char *path;
        enum links_what what;
    } cases[] = {
        {"/link/cancel", LINKS_CANCEL},
        {"/link/suspend", LINKS_SUSPEND},
        {"/link/resume", LINKS_RESUME},
        {"/link/revoke", LINKS_REVOKE},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        call(f, cases[i].path, "{\"partner\":\"beta\"}", 200);
        assert_int_equal(f->played.asked.what, cases[i].what);
    }
    call(f, "/link/revoke", "{\"partner\":\"beta\",\"mode\":\"now\"}", 200);
    assert_int_equal(f->played.count, 5);
}

#define LINK_ID "01jd0000000000000000000009"

static void put_allocation(struct fixture *f, uint8_t role, const char *state)
{
    struct transaction *transaction = transaction_create(TRANSACTION_ALLOCATION_PUT);
    struct allocation_entry *entry = &transaction->allocation_put.entry;
    struct error err = {0};

    snprintf(entry->link, sizeof(entry->link), "%s", LINK_ID);
    snprintf(entry->id, sizeof(entry->id), "%s", LINK_ID);
    entry->role = role;
    snprintf(entry->state, sizeof(entry->state), "%s", state);
    entry->object = SLICE("object");
    entry->record = SLICE("record");
    if (!store_run(f->site.store, transaction, &err))
        fail_msg("%s", err.text);
    transaction_destroy(&transaction);
}

static void test_a_link_with_live_allocations_is_not_ended_by_restrict(void **state)
{
    struct fixture *f = *state;
    const char *input = "{\"partner\":\"beta\",\"mode\":\"restrict\"}";

    add_link(f, "beta");
    json_object_set_new(json_object_get(f->played.links, "beta"), "id", json_string(LINK_ID));
    put_allocation(f, 1, "placed");
    put_allocation(f, 2, "receiving");
    expect(call(f, "/link/revoke", input, 409), "message",
           "1 allocations of ours are alive there, and 1 of theirs here");
    put_allocation(f, 1, "released");
    expect(call(f, "/link/revoke", input, 409), "message", "0 allocations of ours");
    assert_int_equal(f->played.count, 0);
    put_allocation(f, 2, "orphaned");
    call(f, "/link/revoke", input, 200);
    assert_int_equal(f->played.asked.what, LINKS_REVOKE);
    assert_int_equal(f->played.count, 1);
    call(f, "/link/revoke", "{\"partner\":\"beta\",\"mode\":\"restrict\",\"x\":1}", 400);
}

static void test_a_limit_that_is_not_named_stays(void **state)
{
    struct fixture *f = *state;

    add_link(f, "beta");
    call(f, "/link/limit", "{\"partner\":\"beta\",\"bandwidth\":\"2MiB\"}", 200);
    assert_int_equal(f->played.asked.limits.bandwidth, 2 << 20);
    assert_int_equal(f->played.asked.limits.hours, 0xf0003f);
    call(f, "/link/limit", "{\"partner\":\"beta\",\"hours\":\"always\"}", 200);
    assert_int_equal(f->played.asked.limits.bandwidth, 1 << 20);
    assert_int_equal(f->played.asked.limits.hours, 0);
    call(f, "/link/limit", "{\"partner\":\"gamma\",\"hours\":\"always\"}", 404);
    assert_int_equal(f->played.count, 2);
    expect(call(f, "/link/limit", "{\"partner\":\"beta\"}", 200), "said", "nothing was changed");
    expect(json_object_get(f->body, "limits"), "hours", "20-6");
    call(f, "/link/limit", "{\"partner\":\"gamma\"}", 404);
    assert_int_equal(f->played.count, 2);
}

/* ---- what is refused */

static void test_mistakes_are_told_and_nothing_is_asked(void **state)
{
    static const struct {
        const char *path, *input;
        int status;
        const char *said;
    } cases[] = {
        {"/link/invite", "{}", 400, "partner is missing"},
        {"/link/invite", "{\"partner\":\"Beta\"}", 400, "partner"},
        {"/link/invite", "{\"partner\":7}", 400, "'partner' must be a text"},
        {"/link/invite", "{\"partner\":\"beta\",\"to\":\"x\"}", 400, "there is no field 'to'"},
        {"/link/invite", "{\"partner\":\"beta\",\"ttl\":\"soon\"}", 400, "ttl: "},
        {"/link/invite", "{\"partner\":\"beta\",\"ttl\":\"1s\"}", 400, "1m to 30d, not 1s"},
        {"/link/invite", "{\"partner\":\"beta\",\"ttl\":\"60d\"}", 400, "1m to 30d, not 60d"},
        {"/link/invite", "{\"partner\":\"beta\",\"org\":\"Beta\"}", 400, "org: "},
        {"/link/join", "{}", 400, "the line that begins with cwi1"},
        {"/link/confirm", "{\"partner\":\"beta\"}", 400, "the words are missing"},
        {"/link/confirm", "{\"partner\":\"beta\",\"yes\":1}", 400, "must be true or false"},
        {"/link/revoke", "{\"partner\":\"beta\",\"mode\":\"soon\"}", 400,
         "'now', 'restrict' or 'drain', not 'soon'"},
        {"/link/show", "{\"partner\":\"beta\"}", 404, "there is no link with beta"},
        {"/link/show", "{}", 400, "partner is missing"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        expect(call(f, cases[i].path, cases[i].input, cases[i].status), "message", cases[i].said);
    assert_int_equal(f->played.count, 0);
}

static void test_what_the_links_refuse_is_refused_in_their_words(void **state)
{
    struct fixture *f = *state;

    f->played.status = 409;
    expect(call(f, "/link/resume", "{\"partner\":\"beta\"}", 409), "message", "it is done");
    f->played.is_refusing = true;
    expect(call(f, "/link/resume", "{\"partner\":\"beta\"}", 503), "message", "the gateway ends");
}

static void test_without_a_port_for_partners_the_missing_line_is_named(void **state)
{
    struct fixture *f = *state;

    f->site.links = NULL;
    for (const struct operator_route *route = federation_routes; route->path != NULL; route++)
        expect(call(f, route->path, "{}", 409), "message", "listen.partners.address");
    f->site.links_missing = "org is missing";
    expect(call(f, "/link/list", "{}", 409), "message", "org is missing");
}

/* ---- what is shown */

static void test_links_are_listed_by_name_in_pages(void **state)
{
    struct fixture *f = *state;
    const json_t *links;

    for (int i = 149; i >= 0; i--) {
        char name[16];

        snprintf(name, sizeof(name), "p%03d", i);
        add_link(f, name);
    }
    links = json_object_get(call(f, "/link/list", "{}", 200), "links");
    assert_int_equal(json_array_size(links), 100);
    assert_true(json_is_true(json_object_get(f->body, "has_more")));
    expect(json_array_get(links, 0), "partner", "p000");
    expect(json_array_get(links, 99), "partner", "p099");
    links = json_object_get(call(f, "/link/list", "{\"after\":\"p099\"}", 200), "links");
    assert_int_equal(json_array_size(links), 50);
    assert_true(json_is_false(json_object_get(f->body, "has_more")));
    expect(json_array_get(links, 0), "partner", "p100");
}

static void put_event(struct fixture *f, uint64_t at_ms, const char *event, const char *to)
{
    struct transaction *add = transaction_create(TRANSACTION_LINK_EVENT_ADD);
    struct link_history *history = &add->link_event_add.history;

    snprintf(add->link_event_add.partner, ID_SIZE, "beta");
    history->at_ms = at_ms;
    history->epoch = 2;
    snprintf(history->from, sizeof(history->from), "none");
    snprintf(history->to, sizeof(history->to), "%s", to);
    history->actor = transaction_copy(add, SLICE("operator:root"));
    history->event = transaction_copy(add, slice_of(event));
    history->said = transaction_copy(add, SLICE("said"));
    kit_run(f->kit, add, ERROR_NONE);
}

static void test_a_link_is_shown_with_its_history_in_order(void **state)
{
    struct fixture *f = *state;
    const json_t *history;

    add_link(f, "beta");
    put_event(f, NOW_MS, "invite", "invited");
    put_event(f, NOW_MS + 1000, "join", "pending");
    history = json_object_get(call(f, "/link/show", "{\"partner\":\"beta\"}", 200), "history");
    expect(f->body, "state", "active");
    assert_int_equal(json_array_size(history), 2);
    expect(json_array_get(history, 0), "event", "invite");
    expect(json_array_get(history, 0), "time", "2027-01-15T08:00:00.000Z");
    expect(json_array_get(history, 0), "actor", "operator:root");
    expect(json_array_get(history, 1), "event", "join");
    expect(json_array_get(history, 1), "to", "pending");
    assert_true(json_is_false(json_object_get(f->body, "has_older")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_invitation_is_asked_for_as_the_operator_said),
        TEST(test_a_join_needs_no_name_for_the_partner),
        TEST(test_words_or_yes_confirm),
        TEST(test_each_route_asks_its_own),
        TEST(test_a_link_with_live_allocations_is_not_ended_by_restrict),
        TEST(test_a_limit_that_is_not_named_stays),
        TEST(test_mistakes_are_told_and_nothing_is_asked),
        TEST(test_what_the_links_refuse_is_refused_in_their_words),
        TEST(test_without_a_port_for_partners_the_missing_line_is_named),
        TEST(test_links_are_listed_by_name_in_pages),
        TEST(test_a_link_is_shown_with_its_history_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
