// SPDX-License-Identifier: Apache-2.0
/* What goes between allocations and links: items both ways, receipts, and the states of links. */
#include "allocation_kit.h"

#include "federation/allocations_links.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define US   "library.example.org"
#define THEM "archive.example.org"

/* What the functions that are wrapped were told, and say. */
static struct {
    struct identity_view view;
    struct links_peer peer;
    struct roots roots;
    const struct link_action *actions[8];
    size_t action_count;
    const struct links_watch *watch;
    const struct link_holdings *holdings;
    struct text asked, taken, answered;
    link_ask_cb on_done;
    void *ask_arg;
    unsigned cancels;
    enum allocations_link_state told;
} stage;

const struct identity_view *__wrap_identity_keeper_view(const struct identity_keeper *keeper);
bool __wrap_links_peer(const struct links *links, const char *partner, struct links_peer *peer);
void __wrap_links_serve(struct links *links, const struct link_action *action);
void __wrap_links_set_watch(struct links *links, const struct links_watch *watch);
void __wrap_links_set_holdings(struct links *links, const struct link_holdings *holdings);
bool __wrap_links_ask(struct links *links, struct link_ask **ask, const char *partner,
                      const char *key, const char *action, struct slice with, link_ask_cb on_done,
                      void *arg, struct error *err);
void __wrap_links_ask_cancel(struct link_ask **ask);
const char *__wrap_link_item_partner(const struct link_item *item);
const char *__wrap_link_item_key(const struct link_item *item);
struct slice __wrap_link_item_with(const struct link_item *item);
void __wrap_link_item_answer(struct link_item *item, int status, struct slice with,
                             const char *message, struct transaction *const *effects, size_t count);
bool __wrap_allocations_take(struct allocations *allocations, const char *partner,
                             const char *action, const char *key, struct slice with,
                             allocations_reply on_reply, void *arg);
void __wrap_allocations_link(struct allocations *allocations, const char *link, const char *partner,
                             enum allocations_link_state state);

const struct identity_view *__wrap_identity_keeper_view(const struct identity_keeper *keeper)
{
    return &stage.view;
}

bool __wrap_links_peer(const struct links *links, const char *partner, struct links_peer *peer)
{
    *peer = stage.peer;
    return strcmp(partner, "beta") == 0;
}

void __wrap_links_serve(struct links *links, const struct link_action *action)
{
    stage.actions[stage.action_count++] = action;
}

void __wrap_links_set_watch(struct links *links, const struct links_watch *watch)
{
    stage.watch = watch;
}

void __wrap_links_set_holdings(struct links *links, const struct link_holdings *holdings)
{
    stage.holdings = holdings;
}

bool __wrap_links_ask(struct links *links, struct link_ask **ask, const char *partner,
                      const char *key, const char *action, struct slice with, link_ask_cb on_done,
                      void *arg, struct error *err)
{
    text_put_format(&stage.asked, "%s %s %s %.*s\n", partner, key, action, SLICE_ARGS(with));
    stage.on_done = on_done;
    stage.ask_arg = arg;
    *ask = (struct link_ask *)&stage;
    return strcmp(partner, "beta") == 0 || error_set(err, ERROR_NOT_FOUND, "no link");
}

void __wrap_links_ask_cancel(struct link_ask **ask)
{
    assert_ptr_equal(*ask, &stage);
    *ask = NULL;
    stage.cancels++;
}

const char *__wrap_link_item_partner(const struct link_item *item)
{
    return "beta";
}

const char *__wrap_link_item_key(const struct link_item *item)
{
    return KIT_ID;
}

struct slice __wrap_link_item_with(const struct link_item *item)
{
    return SLICE("{}");
}

void __wrap_link_item_answer(struct link_item *item, int status, struct slice with,
                             const char *message, struct transaction *const *effects, size_t count)
{
    text_put_format(&stage.answered, "%d %s\n", status, message);
}

bool __wrap_allocations_take(struct allocations *allocations, const char *partner,
                             const char *action, const char *key, struct slice with,
                             allocations_reply on_reply, void *arg)
{
    text_put_format(&stage.taken, "%s %s %s\n", partner, action, key);
    on_reply(arg, 404, SLICE(""), "no such allocation");
    return true;
}

void __wrap_allocations_link(struct allocations *allocations, const char *link, const char *partner,
                             enum allocations_link_state state)
{
    assert_string_equal(partner, "beta");
    assert_string_equal(link, KIT_LINK);
    stage.told = state;
}

static int setup(void **state)
{
    memset(&stage, 0, sizeof(stage));
    stage.view.signing_key = key_create(KEY_ED25519);
    (void)snprintf(stage.view.id.org, ORG_SIZE, "%s", THEM); /* first the holder's side */
    (void)snprintf(stage.roots.org, ORG_SIZE, "%s", THEM);
    stage.roots.key_count = 1;
    stage.roots.keys[0].until_s = ROOTS_OPEN;
    key_public(stage.view.signing_key, stage.roots.keys[0].key);
    stage.peer = (struct links_peer){KIT_LINK, US, LINK_ACTIVE, 3, &stage.roots, "", false, false};
    *state = allocations_links_create(NULL, NULL);
    return 0;
}

static int teardown(void **state)
{
    struct allocations_links *over = *state;

    allocations_links_destroy(&over);
    EVP_PKEY_free(stage.view.signing_key);
    text_dispose(&stage.asked);
    text_dispose(&stage.taken);
    text_dispose(&stage.answered);
    return 0;
}

static struct allocations_ways ways_of(struct allocations_links *over)
{
    struct allocations_ways ways = {0};

    allocations_links_fill(over, &ways);
    return ways;
}

/* Signs as the holder, then is the owner. */
static void sign(struct allocations_links *over, struct text *with)
{
    struct allocations_ways ways = ways_of(over);
    struct kit kit = kit_reach(ALLOCATION_PINNED);
    struct error err = {0};

    if (!ways.sign(ways.link_arg, "beta", &kit.record, with, &err))
        fail_msg("%s", err.text);
    (void)snprintf(stage.view.id.org, ORG_SIZE, "%s", US);
    stage.peer.org = THEM;
}

static bool verify(struct allocations_links *over, const char *id, struct slice with,
                   struct allocation_event *event, struct error *err)
{
    struct allocations_ways ways = ways_of(over);

    *event = (struct allocation_event){0};
    *err = (struct error){0};
    return ways.verify(ways.link_arg, "beta", id, with, event, err);
}

static void test_receipts_pass_from_holder_to_owner(void **state)
{
    struct kit kit = kit_reach(ALLOCATION_PINNED);
    struct allocation_event event;
    struct text with = {0};
    struct error err;

    sign(*state, &with);
    if (!verify(*state, KIT_ID, text_slice(&with), &event, &err))
        fail_msg("%s", err.text);
    assert_true(cid_equal(&event.root, &kit.record.root));
    assert_int_equal(event.bytes, KIT_BYTES);
    assert_int_equal(event.blocks, KIT_BLOCKS);
    assert_string_equal(event.key, kit.record.held_key);
    text_dispose(&with);
}

static void test_receipts_that_are_false_are_refused(void **state)
{
    struct allocation_event event;
    struct text with = {0};
    struct error err;

    sign(*state, &with);
    assert_false(verify(*state, KIT_LINK, text_slice(&with), &event, &err));
    assert_non_null(strstr(err.text, "allocation"));
    stage.peer.epoch = 4;
    assert_false(verify(*state, KIT_ID, text_slice(&with), &event, &err));
    assert_non_null(strstr(err.text, "epoch"));
    stage.peer.epoch = 3;
    stage.peer.org = "other.example.org";
    assert_false(verify(*state, KIT_ID, text_slice(&with), &event, &err));
    stage.peer.org = THEM;
    stage.roots.keys[0].key[0] ^= 1;
    assert_false(verify(*state, KIT_ID, text_slice(&with), &event, &err));
    assert_non_null(strstr(err.text, "signed by no key"));
    stage.roots.keys[0].key[0] ^= 1;
    assert_true(verify(*state, KIT_ID, text_slice(&with), &event, &err));
    assert_false(verify(*state, KIT_ID, SLICE("{\"receipt\":1}"), &event, &err));
    assert_false(verify(*state, KIT_ID, SLICE(""), &event, &err));
    with.data[20] = with.data[20] == 'A' ? 'B' : 'A';
    assert_false(verify(*state, KIT_ID, text_slice(&with), &event, &err));
    text_dispose(&with);
}

static void test_receipts_need_a_signing_key(void **state)
{
    struct allocations_ways ways = ways_of(*state);
    struct kit kit = kit_reach(ALLOCATION_PINNED);
    EVP_PKEY *key = stage.view.signing_key;
    struct text with = {0};

    stage.view.signing_key = NULL;
    assert_false(ways.sign(ways.link_arg, "beta", &kit.record, &with, NULL));
    stage.view.signing_key = key;
    text_dispose(&with);
}

struct heard {
    unsigned calls;
    int status;
    char message[100];
};

static void on_answered(void *heard_, int status, struct slice with, const char *message,
                        const struct error *err)
{
    struct heard *heard = heard_;

    heard->calls++;
    heard->status = err == NULL ? status : -1;
    (void)snprintf(heard->message, sizeof(heard->message), "%s", err == NULL ? message : err->text);
}

static void test_items_are_asked_and_answered(void **state)
{
    struct allocations_ways ways = ways_of(*state);
    struct wire_result result = {.status = 507, .message = "no room"};
    struct error over = {ERROR_CANCELED, "the link has ended"};
    struct heard heard = {0};
    void *operation = NULL;

    assert_true(ways.ask(ways.link_arg, &operation, "beta", KIT_ID, "allocation.commit",
                         SLICE("{}"), on_answered, &heard, NULL));
    assert_string_equal(stage.asked.data, "beta " KIT_ID " allocation.commit {}\n");
    stage.on_done(stage.ask_arg, &result, NULL);
    assert_int_equal(heard.status, 507);
    assert_string_equal(heard.message, "no room");
    assert_true(ways.ask(ways.link_arg, &operation, "beta", KIT_ID, "allocation.commit",
                         SLICE("{}"), on_answered, &heard, NULL));
    stage.on_done(stage.ask_arg, NULL, &over);
    assert_int_equal(heard.status, -1);
    assert_true(ways.ask(ways.link_arg, &operation, "beta", KIT_ID, "allocation.commit",
                         SLICE("{}"), on_answered, &heard, NULL));
    ways.unask(ways.link_arg, &operation);
    assert_null(operation);
    assert_int_equal(stage.cancels, 1);
    assert_int_equal(heard.calls, 2);
    assert_false(ways.ask(ways.link_arg, &operation, "gamma", KIT_ID, "allocation.commit",
                          SLICE("{}"), on_answered, &heard, NULL));
}

static void test_items_of_partners_are_taken(void **state)
{
    allocations_links_serve(*state, NULL);
    assert_int_equal(stage.action_count, 5);
    for (size_t i = 0; i < stage.action_count; i++) {
        char expected[100];

        (void)snprintf(expected, sizeof(expected), "beta %s " KIT_ID "\n", stage.actions[i]->name);
        text_clear(&stage.taken);
        text_clear(&stage.answered);
        stage.actions[i]->take(stage.actions[i]->arg, NULL);
        assert_string_equal(stage.taken.data, expected);
        assert_string_equal(stage.answered.data, "404 no such allocation\n");
    }
}

static void test_links_are_told_as_they_are(void **state)
{
    static const enum allocations_link_state states[LINK_STATES] = {
        [LINK_INVITED] = ALLOCATIONS_LINK_DOWN,  [LINK_PENDING] = ALLOCATIONS_LINK_DOWN,
        [LINK_ACTIVE] = ALLOCATIONS_LINK_UP,     [LINK_DEGRADED] = ALLOCATIONS_LINK_DOWN,
        [LINK_ISOLATED] = ALLOCATIONS_LINK_DOWN, [LINK_SUSPENDED] = ALLOCATIONS_LINK_DOWN,
        [LINK_REVOKING] = ALLOCATIONS_LINK_OVER, [LINK_REVOKED] = ALLOCATIONS_LINK_OVER,
        [LINK_CLOSED] = ALLOCATIONS_LINK_OVER,   [LINK_EXPIRED] = ALLOCATIONS_LINK_OVER,
    };

    allocations_links_serve(*state, NULL);
    for (enum link_state is = LINK_INVITED; is < LINK_STATES; is++) {
        stage.told = 99;
        stage.watch->on_link(stage.watch->arg, "beta", KIT_LINK, is);
        assert_int_equal(stage.told, states[is]);
    }
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_receipts_pass_from_holder_to_owner),
        TEST(test_receipts_that_are_false_are_refused),
        TEST(test_receipts_need_a_signing_key),
        TEST(test_items_are_asked_and_answered),
        TEST(test_items_of_partners_are_taken),
        TEST(test_links_are_told_as_they_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
