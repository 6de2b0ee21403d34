// SPDX-License-Identifier: Apache-2.0
#include "auth/words.h"
#include "federation/replies.h"
#include "links_kit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

static int setup(void **state)
{
    kit_begin();
    return 0;
}

static int teardown(void **state)
{
    kit_end();
    return 0;
}

static void expect_said(const char *part)
{
    if (strstr(kit_said(), part) == NULL)
        fail_msg("'%s' is not in: %s", part, kit_said());
}

static bool flag_of(const struct kit_org *org, const char *partner, const char *of,
                    const char *name)
{
    json_t *shown = links_describe(org->links, partner);
    bool value = json_is_true(json_object_get(json_object_get(shown, of), name));

    json_decref(shown);
    return value;
}

static void test_links_two_organizations_become_active(void **state)
{
    struct kit_org *a = kit_org("a.example", true), *b = kit_org("b.example", true);

    kit_link(a, "beta", b, "alpha");
    assert_true(flag_of(a, "beta", "dials", "there"));
    assert_true(flag_of(b, "alpha", "dials", "there"));
    assert_true(flag_of(b, "alpha", "dials", "here"));
    assert_int_equal(links_counters(a->links).states[LINK_ACTIVE], 1);
    assert_int_equal(links_counters(b->links).states[LINK_ACTIVE], 1);
    kit_org_free(&a);
    kit_org_free(&b);
}

static void test_links_words_are_the_same_and_wrong_ones_confirm_nothing(void **state)
{
    struct kit_org *a = kit_org("a.example", true), *b = kit_org("b.example", true);
    json_t *joined, *shown;

    joined = kit_command(
        b, &(struct links_command){.what = LINKS_JOIN, .text = kit_invite(a, "beta")}, 200);
    shown = links_describe(a->links, "beta");
    assert_string_equal(json_string_value(json_object_get(joined, "words")),
                        json_string_value(json_object_get(shown, "words")));
    json_decref(joined);
    json_decref(shown);
    kit_command(a,
                &(struct links_command){.what = LINKS_CONFIRM,
                                        .partner = "beta",
                                        .text = "abandon abandon abandon abandon abandon zoo"},
                409);
    expect_said("these are not the words");
    assert_int_equal(kit_state(a, "beta"), LINK_PENDING);
    kit_org_free(&a);
    kit_org_free(&b);
}

static void test_links_an_invitation_is_used_once(void **state)
{
    struct kit_org *a = kit_org("a.example", true), *b = kit_org("b.example", true),
                   *c = kit_org("c.example", true);
    char invitation[4096];

    strcpy(invitation, kit_invite(a, "beta"));
    json_decref(
        kit_command(b, &(struct links_command){.what = LINKS_JOIN, .text = invitation}, 200));
    kit_command(c, &(struct links_command){.what = LINKS_JOIN, .text = invitation}, 403);
    expect_said("used");
    assert_int_equal(kit_state(c, "a"), LINK_EXPIRED);
    assert_int_equal(kit_state(a, "beta"), LINK_PENDING);
    kit_org_free(&a);
    kit_org_free(&b);
    kit_org_free(&c);
}

static void test_links_an_invitation_for_another_organization_is_refused(void **state)
{
    struct kit_org *a = kit_org("a.example", true), *b = kit_org("b.example", true);
    json_t *made = kit_command(
        a, &(struct links_command){.what = LINKS_INVITE, .partner = "beta", .org = "other.example"},
        200);

    kit_command(
        b,
        &(struct links_command){.what = LINKS_JOIN,
                                .text = json_string_value(json_object_get(made, "invitation"))},
        403);
    assert_int_equal(kit_state(a, "beta"), LINK_INVITED);
    json_decref(made);
    kit_org_free(&a);
    kit_org_free(&b);
}

static void test_links_a_canceled_invitation_lets_nobody_in(void **state)
{
    struct kit_org *a = kit_org("a.example", true), *b = kit_org("b.example", true);
    char invitation[4096];

    strcpy(invitation, kit_invite(a, "beta"));
    json_decref(
        kit_command(a, &(struct links_command){.what = LINKS_CANCEL, .partner = "beta"}, 200));
    kit_command(b, &(struct links_command){.what = LINKS_JOIN, .text = invitation}, 403);
    assert_int_equal(kit_state(a, "beta"), LINK_EXPIRED);
    kit_org_free(&a);
    kit_org_free(&b);
}

static void test_links_a_join_that_nobody_answers_says_so_and_goes_on(void **state)
{
    struct kit_org *a = kit_org("a.example", true), *b = kit_org("b.example", true);
    char invitation[4096];

    strcpy(invitation, kit_invite(a, "beta"));
    kit_org_stop(a);
    shutdown(a->listen_fd, SHUT_RDWR);
    kit_command(b, &(struct links_command){.what = LINKS_JOIN, .text = invitation}, 503);
    expect_said("tried again");
    assert_int_equal(kit_state(b, "a"), LINK_PENDING);
    kit_org_free(&b);
    a->links = NULL;
    kit_org_free(&a);
}

static void test_links_one_side_that_cannot_be_dialled_suffices(void **state)
{
    struct kit_org *a = kit_org("a.example", true), *b = kit_org("b.example", false);

    kit_link(a, "beta", b, "alpha");
    assert_false(flag_of(a, "beta", "dials", "there"));
    assert_true(flag_of(b, "alpha", "dials", "there"));
    assert_false(flag_of(b, "alpha", "dials", "here"));
    kit_org_free(&a);
    kit_org_free(&b);
}

static void test_links_who_cannot_be_dialled_invites_nobody(void **state)
{
    struct kit_org *a = kit_org("a.example", false);

    kit_command(a, &(struct links_command){.what = LINKS_INVITE, .partner = "beta"}, 409);
    expect_said("--address");
    assert_null(links_describe(a->links, "beta"));
    kit_org_free(&a);
}

static void test_links_a_revocation_is_told(void **state)
{
    struct kit_org *a = kit_org("a.example", true), *b = kit_org("b.example", true);

    kit_link(a, "beta", b, "alpha");
    json_decref(
        kit_command(a, &(struct links_command){.what = LINKS_REVOKE, .partner = "beta"}, 200));
    kit_wait_state(b, "alpha", LINK_REVOKED);
    kit_wait_state(a, "beta", LINK_REVOKED);
    kit_org_free(&a);
    kit_org_free(&b);
}

static void test_links_a_suspension_is_told_and_ends(void **state)
{
    struct kit_org *a = kit_org("a.example", true), *b = kit_org("b.example", true);

    kit_link(a, "beta", b, "alpha");
    json_decref(
        kit_command(a, &(struct links_command){.what = LINKS_SUSPEND, .partner = "beta"}, 200));
    kit_wait_state(b, "alpha", LINK_SUSPENDED);
    json_decref(
        kit_command(a, &(struct links_command){.what = LINKS_RESUME, .partner = "beta"}, 200));
    kit_wait_state(b, "alpha", LINK_ACTIVE);
    kit_org_free(&a);
    kit_org_free(&b);
}

static void test_links_a_restart_goes_on_with_the_same_link(void **state)
{
    struct kit_org *a = kit_org("a.example", true), *b = kit_org("b.example", true);

    kit_link(a, "beta", b, "alpha");
    kit_org_stop(b);
    kit_org_start(b);
    assert_int_equal(kit_state(b, "alpha"), LINK_DEGRADED); /* evidence does not survive */
    kit_wait_state(b, "alpha", LINK_ACTIVE);
    kit_wait_state(a, "beta", LINK_ACTIVE);
    kit_org_free(&a);
    kit_org_free(&b);
}

/* ---- items */

struct served {
    unsigned taken;
    struct link_item *held;
    bool holds;
    char with[64];
};

static void take_item(void *served_, struct link_item *item)
{
    struct served *served = served_;

    served->taken++;
    snprintf(served->with, sizeof(served->with), "%.*s", SLICE_ARGS(link_item_with(item)));
    if (served->holds)
        served->held = item;
    else
        link_item_answer(item, 200, SLICE("{\"done\":true}"), NULL, NULL, 0);
}

struct asking {
    struct kit_org *org;
    const char *partner, *key;
    bool is_done, settles;
    unsigned status;
    enum error_code code;
};

static void on_asked(void *asking_, const struct wire_result *result, const struct error *err)
{
    struct asking *asking = asking_;

    asking->is_done = true;
    asking->status = result != NULL ? (unsigned)result->status : 0;
    asking->code = err != NULL ? err->code : ERROR_NONE;
    if (asking->settles)
        links_settle(asking->org->links, asking->partner, asking->key);
}

static bool is_asked(void *asking)
{
    return ((struct asking *)asking)->is_done;
}

static struct link_ask *ask(struct asking *asking, const char *action)
{
    struct link_ask *ask = NULL;
    struct error err = {0};

    if (!links_ask(asking->org->links, &ask, asking->partner, asking->key, action,
                   SLICE("{\"n\":1}"), on_asked, asking, &err))
        fail_msg("%s", err.text);
    return ask;
}

#define KEY_1 "01jd0000000000000000000001"
#define KEY_2 "01jd0000000000000000000002"
#define KEY_3 "01jd0000000000000000000003"

static void test_links_an_item_is_done_once_however_often_it_is_asked(void **state)
{
    struct kit_org *a = kit_org("a.example", true), *b = kit_org("b.example", true);
    struct served served = {0};
    struct link_action action = {.name = "count", .take = take_item, .arg = &served};
    struct asking first = {.org = a, .partner = "beta", .key = KEY_1};
    struct asking again = {.org = a, .partner = "beta", .key = KEY_1, .settles = true};
    struct asking other = {.org = a, .partner = "beta", .key = KEY_2};

    kit_link(a, "beta", b, "alpha");
    links_serve(b->links, &action);
    ask(&first, "count");
    kit_until(is_asked, &first, "the first answer");
    assert_int_equal(first.status, 200);
    assert_string_equal(served.with, "{\"n\":1}");
    kit_org_stop(a); /* it had no time to note the answer */
    kit_org_start(a);
    kit_wait_state(a, "beta", LINK_ACTIVE);
    ask(&again, "count");
    ask(&other, "unknown");
    kit_until(is_asked, &again, "the same answer");
    kit_until(is_asked, &other, "an answer to what nobody does");
    assert_int_equal(again.status, 200);
    assert_int_equal(other.status, 404);
    assert_int_equal(served.taken, 1);
    assert_int_equal(links_counters(b->links).items_repeated, 1);
    assert_int_equal(links_counters(b->links).items_refused, 1);
    kit_org_free(&a);
    kit_org_free(&b);
}

/* Answers the first ones with a status that says that nothing was done. */
struct reluctant {
    unsigned taken, refuses;
    int status;
};

static void take_reluctantly(void *reluctant_, struct link_item *item)
{
    struct reluctant *reluctant = reluctant_;

    if (reluctant->taken++ < reluctant->refuses)
        link_item_answer(item, reluctant->status, SLICE(""), "not now", NULL, 0);
    else
        link_item_answer(item, 200, SLICE("{}"), NULL, NULL, 0);
}

static void test_links_who_is_put_off_asks_later_and_who_has_no_room_is_believed(void **state)
{
    struct kit_org *a = kit_org("a.example", true), *b = kit_org("b.example", true);
    struct reluctant later = {.refuses = 1, .status = 503}, full = {.refuses = 9, .status = 507};
    struct reluctant never = {.refuses = 1000, .status = 429};
    struct link_action actions[] = {{.name = "later", .take = take_reluctantly, .arg = &later},
                                    {.name = "full", .take = take_reluctantly, .arg = &full},
                                    {.name = "never", .take = take_reluctantly, .arg = &never}};
    struct asking put_off = {.org = a, .partner = "beta", .key = KEY_1};
    struct asking no_room = {.org = a, .partner = "beta", .key = KEY_2};
    struct asking refused = {.org = a, .partner = "beta", .key = KEY_3};

    kit_link(a, "beta", b, "alpha");
    for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
        links_serve(b->links, &actions[i]);
    ask(&put_off, "later");
    ask(&no_room, "full");
    ask(&refused, "never");
    kit_until(is_asked, &no_room, "the answer that there is no room");
    assert_int_equal(no_room.status, 507);
    assert_false(put_off.is_done);
    kit_until(is_asked, &put_off, "the answer to the second try");
    assert_int_equal(put_off.status, 200);
    assert_int_equal(later.taken, 2);
    assert_int_equal(full.taken, 1);
    assert_false(refused.is_done);
    assert_in_range(never.taken, 1, 3); /* the tries are a second apart, then two */
    kit_org_free(&a);
    kit_org_free(&b);
}

static bool is_held(void *served)
{
    return ((struct served *)served)->held != NULL;
}

static void test_links_nothing_takes_effect_behind_a_revocation(void **state)
{
    struct kit_org *a = kit_org("a.example", true), *b = kit_org("b.example", true);
    struct served served = {.holds = true};
    struct link_action action = {.name = "count", .take = take_item, .arg = &served};
    struct asking asking = {.org = a, .partner = "beta", .key = KEY_1};
    struct transaction *effect = transaction_create(TRANSACTION_USAGE_RECOUNT);

    kit_link(a, "beta", b, "alpha");
    links_serve(b->links, &action);
    ask(&asking, "count");
    kit_until(is_held, &served, "the item is being done");
    json_decref(
        kit_command(b, &(struct links_command){.what = LINKS_REVOKE, .partner = "alpha"}, 200));
    link_item_answer(served.held, 200, SLICE("{}"), NULL, &effect, 1);
    kit_until(is_asked, &asking, "the asker is told that the link is over");
    assert_int_equal(asking.status, 0);
    assert_int_equal(asking.code, ERROR_CANCELED);
    kit_org_free(&a);
    kit_org_free(&b);
}

static void test_links_who_cancels_an_item_is_not_called(void **state)
{
    struct kit_org *a = kit_org("a.example", true), *b = kit_org("b.example", true);
    struct served served = {0};
    struct link_action action = {.name = "count", .take = take_item, .arg = &served};
    struct asking waiting = {.org = a, .partner = "beta", .key = KEY_1};
    struct asking behind = {.org = a, .partner = "beta", .key = KEY_2};
    struct link_ask *canceled;

    kit_link(a, "beta", b, "alpha");
    links_serve(b->links, &action);
    canceled = ask(&waiting, "count");
    links_ask_cancel(&canceled);
    assert_null(canceled);
    ask(&behind, "count");
    kit_until(is_asked, &behind, "the other one");
    assert_false(waiting.is_done);
    assert_int_equal(served.taken, 1);
    kit_org_free(&a);
    kit_org_free(&b);
}

struct canceling {
    struct link_ask *other;
    unsigned told;
};

static void cancel_other(void *canceling_, const struct wire_result *result,
                         const struct error *err)
{
    struct canceling *canceling = canceling_;

    assert_null(result);
    assert_int_equal(err->code, ERROR_CANCELED);
    canceling->told++;
    links_ask_cancel(&canceling->other);
}

static bool is_told(void *canceling)
{
    return ((struct canceling *)canceling)->told > 0;
}

static void test_links_who_is_told_of_the_end_may_cancel_its_other_items(void **state)
{
    static const char *const keys[] = {KEY_1, KEY_2, KEY_3};
    struct kit_org *a = kit_org("a.example", true), *b = kit_org("b.example", true);
    struct canceling canceling[3] = {0};
    struct link_ask *asks[3];
    struct error err = {0};

    kit_link(a, "beta", b, "alpha");
    for (size_t i = 0; i < 3; i++)
        assert_true(links_ask(a->links, &asks[i], "beta", keys[i], "count", SLICE("{}"),
                              cancel_other, &canceling[i], &err));
    canceling[0].other = asks[1]; /* the next one in the list */
    json_decref(
        kit_command(a, &(struct links_command){.what = LINKS_REVOKE, .partner = "beta"}, 200));
    kit_until(is_told, &canceling[2], "the third is told of the end");
    assert_int_equal(canceling[0].told, 1);
    assert_int_equal(canceling[1].told, 0);
    assert_int_equal(canceling[2].told, 1);
    kit_org_free(&a);
    kit_org_free(&b);
}

static void test_links_an_unknown_partner_is_asked_nothing(void **state)
{
    struct kit_org *a = kit_org("a.example", true);
    struct error err = {0};
    struct link_ask *none = NULL;

    assert_false(
        links_ask(a->links, &none, "beta", KEY_1, "count", SLICE(""), on_asked, NULL, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    kit_command(a, &(struct links_command){.what = LINKS_REVOKE, .partner = "beta"}, 400);
    expect_said("there is no link with 'beta'");
    kit_org_free(&a);
}

/* ---- what was seldom tried */

struct expected_end {
    const struct kit_org *org;
    const char *partner;
};

static bool is_over(void *end_)
{
    const struct expected_end *end = end_;
    enum link_state state = kit_state(end->org, end->partner);

    return state == LINK_REVOKED || state == LINK_REVOKING;
}

struct noted {
    int status;
    unsigned times;
};

static void note_status(void *noted_, const struct links_answer *answer)
{
    struct noted *noted = noted_;

    noted->status = answer->status;
    noted->times++;
    json_decref(answer->output);
}

/* After so many ms, wherever the join is then; who waits is answered all the same, and once. */
static void test_links_close_in_the_middle_of_a_join(void **state)
{
    static const uint64_t after_ms[] = {0, 2, 10, 40};

    for (size_t i = 0; i < ARRAY_SIZE(after_ms); i++) {
        struct kit_org *a = kit_org("a.example", true), *b = kit_org("b.example", true);
        struct links_command join = {.what = LINKS_JOIN, .text = kit_invite(a, "beta")};
        struct error err = {0};
        struct noted noted = {0};

        assert_true(links_command(b->links, &join, note_status, &noted, &err));
        kit_turn(after_ms[i]);
        kit_org_free(i % 2 == 0 ? &a : &b);
        kit_org_free(i % 2 == 0 ? &b : &a);
        assert_true(noted.status == 503 || noted.status == 200);
        assert_int_equal(noted.times, 1);
    }
}

static void id_of(const struct kit_org *org, const char *partner, char id[ULID_SIZE])
{
    json_t *shown = links_describe(org->links, partner);

    snprintf(id, ULID_SIZE, "%s", json_string_value(json_object_get(shown, "id")));
    json_decref(shown);
}

static void test_links_close_while_a_wrong_date_is_on_its_way(void **state)
{
    struct kit_org *a = kit_org("a.example", true), *b = kit_org("b.example", true);
    char id[ULID_SIZE];

    kit_link(a, "beta", b, "alpha");
    id_of(a, "beta", id);
    links_tell_skew(a->links, id, 400000);
    kit_org_free(&a);
    kit_org_free(&b);
}

/* ---- a peer that does what it likes */

static uint64_t incarnation_of(const struct kit_org *org, const char *partner)
{
    json_t *shown = links_describe(org->links, partner);
    json_t *numbers = json_object_get(shown, "numbers");
    uint64_t incarnation =
        strtoull(json_string_value(json_object_get(numbers, "incarnation_here")), NULL, 16);

    json_decref(shown);
    return incarnation;
}

struct spoken {
    bool is_done;
    int status;
    char body[4096];
};

static void on_spoken(void *spoken_, const struct link_outcome *outcome)
{
    struct spoken *spoken = spoken_;

    spoken->is_done = true;
    spoken->status = outcome->status;
    snprintf(spoken->body, sizeof(spoken->body), "%.*s", SLICE_ARGS(outcome->body));
}

static bool has_spoken(void *spoken)
{
    return ((struct spoken *)spoken)->is_done;
}

/* A batch of one item, of a to b. */
static void put_batch(struct kit_org *a, struct kit_org *b, const char *key, const char *settled,
                      struct slice with, struct text *body)
{
    struct wire_item item = {.action = "unknown"};
    struct wire_batch batch = {.version = WIRE_VERSION_MAX,
                               .from = incarnation_of(a, "beta"),
                               .to = incarnation_of(b, "alpha"),
                               .items = {&item, 1}};

    snprintf(item.key, sizeof(item.key), "%s", key);
    snprintf(batch.settled, sizeof(batch.settled), "%s", settled);
    text_put_slice(&item.with, with);
    wire_print(WIRE_BATCH, &batch, body);
    text_dispose(&item.with);
}

/* To b, by a gateway of its peer that calls itself by this number. */
static int say(struct kit_org *b, enum wire_message kind, const char *path, unsigned number,
               struct slice body)
{
    struct link_inbound inbound = {
        .method = "POST", .path = path, .kind = kind, .body = body, .has_signed = true};
    struct link_call *call;
    struct spoken spoken = {0};
    struct error err = {0};

    id_of(b, "alpha", inbound.link);
    memcpy(inbound.is.link, inbound.link, sizeof(inbound.is.link));
    snprintf(inbound.is.node, sizeof(inbound.is.node), "node-%u", number);
    snprintf(inbound.who.id.org, sizeof(inbound.who.id.org), "a.example");
    inbound.is.epoch = 1;
    inbound.is.sequence = 2000000 + number;
    assert_true(links_take(b->links, kit_loop(), &call, &inbound, on_spoken, &spoken, &err));
    kit_until(has_spoken, &spoken, "an answer to a peer");
    return spoken.status;
}

/* Its certificates are its own affair, and with them how many gateways it says it has. */
static void test_links_a_peer_of_many_names_is_one_peer(void **state)
{
    struct kit_org *a = kit_org("a.example", true), *b = kit_org("b.example", true);
    char key[ULID_SIZE], settled[ULID_SIZE] = "";
    struct text body = {0};

    kit_link(a, "beta", b, "alpha");
    for (unsigned i = 0; i < REPLIES_MAX + LINK_NODES_MAX; i++) {
        snprintf(key, sizeof(key), "01jd00000000000000%08u", i);
        text_clear(&body);
        put_batch(a, b, key, settled, SLICE(""), &body);
        assert_int_equal(say(b, WIRE_BATCH, "/link/v1/batch", i, text_slice(&body)), 200);
        memcpy(settled, key, sizeof(settled));
    }
    text_dispose(&body);
    kit_org_stop(b);
    kit_org_start(b); /* with no more replies than are unsettled */
    json_decref(
        kit_command(b, &(struct links_command){.what = LINKS_REVOKE, .partner = "alpha"}, 200));
    kit_org_free(&a);
    kit_org_free(&b);
}

/* Whatever is under way when a link ends and the next epoch begins. */
static void test_links_an_ended_link_begins_again_with_calls_under_way(void **state)
{
    struct kit_org *a = kit_org("a.example", true), *b = kit_org("b.example", true);
    struct served served = {0};
    struct link_action action = {.name = "count", .take = take_item, .arg = &served};

    links_serve(b->links, &action);
    for (unsigned round = 0; round < 8; round++) {
        struct kit_org *ends = round % 2 == 0 ? a : b;
        struct asking asking = {.org = a, .partner = "beta", .key = KEY_1};
        struct expected_end end = {b, "alpha"};
        char key[ULID_SIZE] = KEY_1;

        kit_link(a, "beta", b, "alpha");
        key[24] = (char)('a' + round % 6);
        key[25] = (char)('a' + round / 6);
        asking.key = key;
        ask(&asking, "count");
        if (round % 3 != 0)
            kit_step(LINK_HEARTBEAT_MS);
        kit_turn(round % 4);
        json_decref(kit_command(
            ends,
            &(struct links_command){.what = LINKS_REVOKE, .partner = ends == a ? "beta" : "alpha"},
            200));
        if (round % 4 < 2) /* else the next invitation comes before the other has heard */
            kit_until(is_over, &end, "the end is heard");
        kit_until(is_asked, &asking, "an answer, or that there will be none");
        if (ends == b)
            kit_wait_state(a, "beta", LINK_REVOKED);
        if (ends == a)
            kit_wait_state(b, "alpha", LINK_REVOKED);
    }
    kit_org_free(&a);
    kit_org_free(&b);
}

static uint64_t cpu_us(void)
{
    struct timespec used;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * 1000000 + (uint64_t)used.tv_nsec / 1000;
}

/* As much as may be in one request, again and again; it is members' thread, too. */
static void test_links_a_peer_that_never_rests_gets_a_share_of_the_thread(void **state)
{
    struct kit_org *a = kit_org("a.example", true), *b = kit_org("b.example", true);
    struct text with = {0}, body = {0};
    uint64_t cpu, began;

    kit_link(a, "beta", b, "alpha");
    text_put_text(&with, "{\"x\":[1");
    while (with.size < 8000)
        text_put_text(&with, ",1");
    text_put_text(&with, "]}");
    put_batch(a, b, KEY_1, "", text_slice(&with), &body);
    cpu = cpu_us();
    began = clock_us();
    for (unsigned i = 0; clock_us() - began < 2500000; i++)
        assert_int_equal(say(b, WIRE_BATCH, "/link/v1/batch", i, text_slice(&body)), 200);
    assert_true(cpu_us() - cpu < 1250000); /* 450,000, and what the loop itself takes */
    text_dispose(&with);
    text_dispose(&body);
    kit_org_free(&a);
    kit_org_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_links_two_organizations_become_active, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            test_links_words_are_the_same_and_wrong_ones_confirm_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_links_an_invitation_is_used_once, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_links_an_invitation_for_another_organization_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_links_a_canceled_invitation_lets_nobody_in, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_links_a_join_that_nobody_answers_says_so_and_goes_on,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_links_one_side_that_cannot_be_dialled_suffices, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_links_who_cannot_be_dialled_invites_nobody, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_links_a_revocation_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_links_a_suspension_is_told_and_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_links_a_restart_goes_on_with_the_same_link, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            test_links_who_is_put_off_asks_later_and_who_has_no_room_is_believed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_links_an_item_is_done_once_however_often_it_is_asked,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_links_nothing_takes_effect_behind_a_revocation, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_links_who_cancels_an_item_is_not_called, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_links_an_unknown_partner_is_asked_nothing, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            test_links_who_is_told_of_the_end_may_cancel_its_other_items, setup, teardown),
        cmocka_unit_test_setup_teardown(test_links_an_ended_link_begins_again_with_calls_under_way,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_links_close_in_the_middle_of_a_join, setup, teardown),
        cmocka_unit_test_setup_teardown(test_links_close_while_a_wrong_date_is_on_its_way, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_links_a_peer_of_many_names_is_one_peer, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            test_links_a_peer_that_never_rests_gets_a_share_of_the_thread, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
