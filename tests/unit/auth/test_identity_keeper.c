// SPDX-License-Identifier: Apache-2.0
/* The identity at run time, with a clock that the test sets, and a partner who knows its roots. */
#include "auth/identity_keeper.h"

#include "auth/peer.h"
#include "ca_kit.h"
#include "conf/memory.h"
#include "conf/save.h"

#include <string.h>
#include <unistd.h>

#define DAY CA_DAY_S

static int64_t clock_s;

static uint64_t now_ms(void)
{
    return (uint64_t)clock_s * 1000;
}

struct fixture {
    char folder[64], keys[80], copy[80];
    struct loop *loop;
    struct jobs *jobs;
    struct identity_keeper *keeper;
    struct identity_user user;
    bool is_known_to_all;
    unsigned changes;

    /* of the last order */
    bool is_answered, is_done;
    struct error err;
    char did[600], next[600];
};

static void on_change(void *arg)
{
    struct fixture *f = arg;

    f->changes++;
}

static bool is_known_to_all(void *arg)
{
    return ((struct fixture *)arg)->is_known_to_all;
}

static void open_keeper(struct fixture *f)
{
    struct identity_keeper_settings settings = {.folder = f->keys,
                                                .id = kit_id("library.example.org", "north"),
                                                .loop = f->loop,
                                                .jobs = f->jobs,
                                                .now_ms = now_ms};
    struct error err = {0};

    if (!identity_keeper_open(&f->keeper, &settings, &err))
        fail_msg("%s", err.text);
    f->user = (struct identity_user){on_change, is_known_to_all, f};
    identity_keeper_set_user(f->keeper, &f->user);
}

static void close_keeper(struct fixture *f)
{
    identity_keeper_close(&f->keeper);
    jobs_destroy(&f->jobs);
    loop_turn(f->loop, 0);
}

static int setup(void **state)
{
    struct fixture *f = memory_alloc(sizeof(*f));

    clock_s = KIT_NOW;
    snprintf(f->folder, sizeof(f->folder), "/tmp/causeway-test-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->keys, sizeof(f->keys), "%s/keys", f->folder);
    snprintf(f->copy, sizeof(f->copy), "%s/copy", f->folder);
    f->loop = loop_create(NULL);
    f->jobs = jobs_create(1, 10);
    open_keeper(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char command[128];

    close_keeper(f);
    loop_destroy(&f->loop);
    snprintf(command, sizeof(command), "rm -rf '%s'", f->folder);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): a path of ours
    free(f);
    return 0;
}

/* ---- asking */

static void on_done(void *arg, const struct identity_outcome *outcome)
{
    struct fixture *f = arg;

    assert_false(f->is_answered);
    f->is_answered = true;
    f->is_done = outcome->err == NULL;
    f->err = outcome->err != NULL ? *outcome->err : (struct error){0};
    snprintf(f->did, sizeof(f->did), "%s", outcome->did);
    snprintf(f->next, sizeof(f->next), "%s", outcome->next);
    if (f->keeper != NULL)
        assert_ptr_equal(outcome->view, identity_keeper_view(f->keeper));
}

static void wait_answer(struct fixture *f)
{
    for (int i = 0; i < 1000 && !f->is_answered; i++)
        loop_turn(f->loop, 10);
    assert_true(f->is_answered);
}

static void start(struct fixture *f, struct identity_order order)
{
    struct error err = {0};

    f->is_answered = false;
    if (!identity_keeper_rotate(f->keeper, &order, on_done, f, &err))
        fail_msg("%s", err.text);
}

static void rotate(struct fixture *f, struct identity_order order)
{
    start(f, order);
    wait_answer(f);
    if (!f->is_done)
        fail_msg("%s", f->err.text);
}

static void refused(struct fixture *f, struct identity_order order, const char *why)
{
    start(f, order);
    wait_answer(f);
    assert_false(f->is_done);
    if (strstr(f->err.text, why) == NULL)
        fail_msg("it says: %s", f->err.text);
}

static void expect_said(const char *said, const char *text)
{
    if (strstr(said, text) == NULL)
        fail_msg("'%s' is not in: %s", text, said);
}

/* Until something changed; or, if nothing is to change, for a while. */
static void check(struct fixture *f, bool changes)
{
    unsigned before = f->changes;

    identity_keeper_check(f->keeper);
    for (int i = 0; i < (changes ? 1000 : 20) && f->changes == before; i++)
        loop_turn(f->loop, 10);
    assert_int_equal(f->changes - before, changes);
}

/* ---- a partner */

struct partner {
    struct roots known;
};

static void partner_take(struct partner *partner, const struct fixture *f)
{
    const struct identity_view *view = identity_keeper_view(f->keeper);
    struct slice documents[ROOTS_FOLLOW_MAX];
    size_t count = identity_view_documents(view, partner->known.sequence, documents);
    struct error err = {0};
    bool is_newer;

    if (partner->known.sequence == 0) {
        if (!roots_read(&partner->known, documents[count - 1], &err))
            fail_msg("%s", err.text);
        return;
    }
    if (!roots_follow(&partner->known, documents, count, &is_newer, &err))
        fail_msg("%s", err.text);
    assert_int_equal(partner->known.sequence, view->roots.sequence);
}

/* What the partner says of our certificate. */
static enum peer_verdict partner_sees(const struct partner *partner, const struct fixture *f)
{
    const struct identity_view *view = identity_keeper_view(f->keeper);
    struct peer_trust *trust = peer_trust_create(&partner->known);
    struct peer_question question = {
        .leaf = view->leaf, .others = sk_X509_new_null(), .now_s = clock_s};
    struct peer_identity identity;
    struct error err = {0};
    enum peer_verdict verdict;

    assert_non_null(view->leaf);
    assert_true(key_equal(X509_get0_pubkey(view->leaf), view->key));
    sk_X509_push(question.others, view->issuer);
    verdict = peer_verify(trust, &question, &identity, &err);
    sk_X509_free(question.others);
    peer_trust_destroy(&trust);
    return verdict;
}

/* Does it believe what we sign now? */
static bool partner_believes(const struct partner *partner, const struct fixture *f)
{
    const struct identity_view *view = identity_keeper_view(f->keeper);
    uint8_t public[KEY_RAW_SIZE];
    struct text signature = {0};
    struct error err = {0};
    bool is_believed;

    if (view->signing_key == NULL)
        return false;
    key_public(view->signing_key, public);
    key_sign(view->signing_key, "test", slice_of("message"), &signature);
    is_believed = roots_signed(&partner->known, "test", slice_of("message"), public,
                               text_slice(&signature), clock_s, &err);
    text_dispose(&signature);
    return is_believed;
}

/* ---- the start */

static void test_keeper_makes_an_identity_once(void **state)
{
    struct fixture *f = *state;
    struct partner partner = {0};

    partner_take(&partner, f);
    assert_int_equal(partner_sees(&partner, f), PEER_ACCEPTED);
    assert_true(partner_believes(&partner, f));
    close_keeper(f);
    f->jobs = jobs_create(1, 10);
    open_keeper(f);
    assert_int_equal(partner_sees(&partner, f), PEER_ACCEPTED);
    assert_int_equal(identity_keeper_view(f->keeper)->roots.sequence, partner.known.sequence);
    roots_dispose(&partner.known);
}

static void test_keeper_renews_what_ended_while_it_was_off(void **state)
{
    struct fixture *f = *state;
    struct partner partner = {0};

    partner_take(&partner, f);
    close_keeper(f);
    clock_s += 400 * DAY; /* leaf and issuing CA are over; the root's key is here */
    f->jobs = jobs_create(1, 10);
    open_keeper(f);
    assert_int_equal(partner_sees(&partner, f), PEER_ACCEPTED);
    roots_dispose(&partner.known);
}

static void test_keeper_opens_without_the_roots_key_and_says_what_is_missing(void **state)
{
    struct fixture *f = *state;
    struct partner partner = {0};
    char command[200];

    partner_take(&partner, f);
    close_keeper(f);
    snprintf(command, sizeof(command), "rm '%s'/root-*.pem", f->keys);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): a path of ours
    clock_s += 400 * DAY;
    f->jobs = jobs_create(1, 10);
    open_keeper(f); /* links fail, and all else does not */
    assert_int_equal(partner_sees(&partner, f), PEER_EXPIRED);
    assert_true(identity_keeper_plan(f->keeper)->items[RENEWAL_ISSUER].is_due);
    refused(f, (struct identity_order){.what = IDENTITY_ISSUER}, "bring it to");
    refused(f, (struct identity_order){.what = IDENTITY_LEAF}, "renew it first");
    roots_dispose(&partner.known);
}

static void test_keeper_refuses_another_organizations_keys(void **state)
{
    struct fixture *f = *state;
    struct identity_keeper_settings settings = {.folder = f->keys,
                                                .id = kit_id("other.example.org", "north"),
                                                .loop = f->loop,
                                                .jobs = f->jobs,
                                                .now_ms = now_ms};
    struct identity_keeper *other;
    struct error err = {0};

    assert_false(identity_keeper_open(&other, &settings, &err));
    assert_null(other);
    expect_said(err.text, "library.example.org");
}

/* ---- renewing by itself */

static void test_leaf_is_renewed_at_half_its_life_and_not_before(void **state)
{
    struct fixture *f = *state;
    const struct identity_view *before = identity_view_ref(identity_keeper_view(f->keeper));

    clock_s += 3 * DAY;
    check(f, false);
    assert_ptr_equal(identity_keeper_view(f->keeper), before);
    clock_s += DAY;
    check(f, true);
    assert_true(ca_until_s(identity_keeper_view(f->keeper)->leaf) > ca_until_s(before->leaf));
    check(f, false);
    identity_view_unref(&before); /* it was good until here */
}

static void test_gateway_that_runs_for_two_years_is_always_trusted(void **state)
{
    struct fixture *f = *state;
    struct partner partner = {0};

    partner_take(&partner, f); /* and never again */
    for (int day = 0; day < 730; day += 2) {
        clock_s += 2 * DAY;
        identity_keeper_check(f->keeper);
        while (identity_keeper_plan(f->keeper)->wake_s <= clock_s)
            loop_turn(f->loop, 10);
        assert_int_equal(partner_sees(&partner, f), PEER_ACCEPTED);
    }
    roots_dispose(&partner.known);
}

/* ---- rotating */

static void test_rotating_leaf_and_issuer_asks_nothing_of_partners(void **state)
{
    static const enum identity_rotation whats[] = {IDENTITY_LEAF, IDENTITY_ISSUER};
    struct fixture *f = *state;
    struct partner partner = {0};
    uint8_t before[KEY_HASH_SIZE], after[KEY_HASH_SIZE];

    partner_take(&partner, f);
    for (size_t i = 0; i < ARRAY_SIZE(whats); i++) {
        ca_hash(identity_keeper_view(f->keeper)->leaf, before);
        rotate(f, (struct identity_order){.what = whats[i]});
        ca_hash(identity_keeper_view(f->keeper)->leaf, after);
        assert_memory_not_equal(before, after, sizeof(after));
        assert_int_equal(partner_sees(&partner, f), PEER_ACCEPTED);
        expect_said(f->did, "is in force");
        expect_said(f->next, "they have nothing to do");
    }
    assert_int_equal(f->changes, 2);
    roots_dispose(&partner.known);
}

static void test_rotating_the_signing_key_is_believed_once_its_document_is_known(void **state)
{
    struct fixture *f = *state;
    struct partner partner = {0};

    partner_take(&partner, f);
    clock_s += 10;
    rotate(f, (struct identity_order){.what = IDENTITY_SIGNING_KEY});
    assert_int_equal(partner_sees(&partner, f), PEER_ACCEPTED);
    assert_false(partner_believes(&partner, f));
    partner_take(&partner, f);
    assert_true(partner_believes(&partner, f));
    roots_dispose(&partner.known);
}

static void test_root_is_rotated_in_stages_each_when_it_is_due(void **state)
{
    const struct identity_order root = {.what = IDENTITY_ROOT};
    struct fixture *f = *state;
    struct partner partner = {0};

    partner_take(&partner, f);
    rotate(f, root);
    expect_said(f->did, "is announced in roots document");
    expect_said(f->next, "run `causeway link rotate root` once more");
    partner_take(&partner, f);
    f->is_known_to_all = true;
    refused(f, root, "every partner has it, and it is to stand for a day");
    f->is_known_to_all = false;
    clock_s += 2 * DAY;
    refused(f, root, "not every partner has taken the announcement");
    f->is_known_to_all = true;
    rotate(f, root);
    expect_said(f->did, "is in force");
    assert_int_equal(partner_sees(&partner, f), PEER_ACCEPTED); /* it was announced */
    partner_take(&partner, f);
    clock_s += 3 * DAY;
    check(f, false);
    refused(f, root, "the old root stays in the document until");
    clock_s += 28 * DAY;
    rotate(f, root);
    expect_said(f->next, "The rotation is over");
    assert_int_equal(identity_keeper_view(f->keeper)->roots.root_count, 1);
    clock_s += DAY;
    check(f, true); /* of the leaf, meanwhile */
    partner_take(&partner, f);
    assert_int_equal(partner_sees(&partner, f), PEER_ACCEPTED);
    roots_dispose(&partner.known);
}

/* A partner that is off for a week at any moment of a rotation of everything validates us when it
 * is back: at once, or once it has our documents; and then knows the newest. */
static void test_partner_that_was_away_for_a_week_still_validates(void **state)
{
    struct fixture *f = *state;
    /* around announcing (0), switching (2) and retiring (33) */
    static const int off_days[] = {0, 1, 2, 3, 27, 30, 33};
    const int64_t begin_s = clock_s;

    for (size_t i = 0; i < ARRAY_SIZE(off_days); i++) {
        const int off_day = off_days[i];
        struct partner partner = {0};
        char command[200];

        close_keeper(f);
        snprintf(command, sizeof(command), "rm -rf '%s'", f->keys);
        assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): a path of ours
        clock_s = begin_s;
        f->jobs = jobs_create(1, 10);
        open_keeper(f);
        partner_take(&partner, f);
        for (int day = 0; day <= 44; day++) {
            bool is_off = day >= off_day && day < off_day + 7;

            clock_s += DAY;
            identity_keeper_check(f->keeper);
            while (identity_keeper_plan(f->keeper)->wake_s <= clock_s)
                loop_turn(f->loop, 10);
            f->is_known_to_all =
                partner.known.sequence == identity_keeper_view(f->keeper)->roots.sequence;
            start(f, (struct identity_order){.what = day % 10 == 4   ? IDENTITY_SIGNING_KEY
                                                     : day % 10 == 6 ? IDENTITY_ISSUER
                                                                     : IDENTITY_ROOT});
            wait_answer(f); /* a stage that is not due is refused */
            if (is_off)
                continue;
            assert_int_equal(partner_sees(&partner, f), PEER_ACCEPTED); /* before it is told */
            partner_take(&partner, f);
            assert_int_equal(partner_sees(&partner, f), PEER_ACCEPTED);
            assert_true(partner_believes(&partner, f));
        }
        /* the first, announced, switched, retired; and announced anew */
        assert_true(identity_keeper_view(f->keeper)->document_count >= 5);
        roots_dispose(&partner.known);
    }
}

static void test_forced_rotation_strands_a_partner_only_until_it_has_the_documents(void **state)
{
    const struct identity_order root = {.what = IDENTITY_ROOT, .is_forced = true};
    struct fixture *f = *state;
    struct partner partner = {0};

    partner_take(&partner, f);
    for (int stage = 0; stage < 3; stage++) {
        clock_s += 10;
        rotate(f, root);
    }
    assert_int_equal(partner_sees(&partner, f), PEER_UNKNOWN_ROOT);
    partner_take(&partner, f); /* announcement, switch and retirement, in their order */
    assert_int_equal(partner_sees(&partner, f), PEER_ACCEPTED);
    roots_dispose(&partner.known);
}

static void test_root_with_a_passphrase_is_rotated_with_it(void **state)
{
    const struct slice first = slice_of("first"), wrong = slice_of("wrong");
    struct identity_order order = {.what = IDENTITY_ROOT, .is_forced = true};
    struct fixture *f = *state;
    struct partner partner = {0};

    order.next_passphrase = first;
    rotate(f, order); /* the next one has one */
    partner_take(&partner, f);
    order.next_passphrase = wrong;
    refused(f, order, "passphrase");
    order.next_passphrase = first;
    clock_s += 10;
    rotate(f, order);
    refused(f, (struct identity_order){.what = IDENTITY_ISSUER}, "passphrase");
    rotate(f, (struct identity_order){.what = IDENTITY_ISSUER, .passphrase = first});
    assert_int_equal(partner_sees(&partner, f), PEER_ACCEPTED);
    clock_s += 330 * DAY;
    check(f, true); /* the leaf; the issuing CA waits for somebody */
    assert_true(identity_keeper_plan(f->keeper)->items[RENEWAL_ISSUER].is_due);
    assert_int_equal(partner_sees(&partner, f), PEER_ACCEPTED);
    roots_dispose(&partner.known);
}

static void test_one_change_at_a_time(void **state)
{
    struct fixture *f = *state;
    const struct identity_order leaf = {.what = IDENTITY_LEAF};
    struct error err = {0};

    start(f, leaf);
    assert_false(identity_keeper_rotate(f->keeper, &leaf, on_done, f, &err));
    assert_int_equal(err.code, ERROR_REFUSED);
    wait_answer(f);
    rotate(f, leaf);
}

static void test_keeper_closed_while_it_works_tells_who_waits(void **state)
{
    struct fixture *f = *state;

    start(f, (struct identity_order){.what = IDENTITY_SIGNING_KEY});
    close_keeper(f);
    assert_true(f->is_answered);
    assert_int_equal(f->err.code, ERROR_CANCELED);
    f->jobs = jobs_create(1, 10);
    open_keeper(f);
}

/* ---- restored from an older copy */

static void copy(const char *from, const char *to)
{
    char command[300];

    snprintf(command, sizeof(command), "rm -rf '%s' && cp -a '%s' '%s'", to, from, to);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): paths of ours
}

static void go_back(struct fixture *f)
{
    close_keeper(f);
    copy(f->copy, f->keys);
    f->jobs = jobs_create(1, 10);
    open_keeper(f);
}

/* As a link does that heard of a higher number. */
static void learn(struct fixture *f, const struct partner *partner)
{
    const struct slice bytes = text_slice(&partner->known.bytes);
    struct error err = {0};

    f->is_answered = false;
    if (!identity_keeper_take(f->keeper, &bytes, 1, on_done, f, &err))
        fail_msg("%s", err.text);
    wait_answer(f);
}

static void test_gateway_from_before_a_signing_key_learns_of_it_from_a_partner(void **state)
{
    struct fixture *f = *state;
    struct partner partner = {0};
    char command[200];

    partner_take(&partner, f);
    copy(f->keys, f->copy);
    clock_s += 10;
    rotate(f, (struct identity_order){.what = IDENTITY_SIGNING_KEY});
    partner_take(&partner, f);
    clock_s += 10;
    go_back(f);
    assert_false(partner_believes(&partner, f)); /* that key has ended */
    learn(f, &partner);
    assert_true(f->is_done);
    expect_said(f->did, "restored from an older copy");
    partner_take(&partner, f); /* the key is lost, and another took its place */
    assert_true(partner_believes(&partner, f));
    assert_int_equal(identity_keeper_view(f->keeper)->roots.key_count, 3);

    /* with the root's key away, somebody must bring it */
    copy(f->keys, f->copy);
    clock_s += 10;
    rotate(f, (struct identity_order){.what = IDENTITY_SIGNING_KEY});
    partner_take(&partner, f);
    snprintf(command, sizeof(command), "rm '%s'/root-*.pem", f->copy);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): a path of ours
    clock_s += 10;
    go_back(f);
    learn(f, &partner);
    assert_false(f->is_done);
    expect_said(f->err.text, "`causeway link rotate signing-key`");
    assert_int_equal(identity_keeper_view(f->keeper)->roots.sequence, partner.known.sequence);
    assert_null(identity_keeper_view(f->keeper)->signing_key);
    roots_dispose(&partner.known);
}

static void test_who_left_is_told_nothing_of_what_it_handed_in(void **state)
{
    struct fixture *f = *state;
    struct partner partner = {0};
    struct slice bytes;
    struct error err = {0};

    partner_take(&partner, f);
    bytes = text_slice(&partner.known.bytes);
    f->is_answered = false;
    assert_true(identity_keeper_take(f->keeper, &bytes, 1, on_done, f, &err));
    identity_keeper_set_user(f->keeper, NULL);
    for (int i = 0; i < 20; i++)
        loop_turn(f->loop, 10);
    assert_false(f->is_answered);
    roots_dispose(&partner.known);
}

static void test_what_a_partner_says_of_us_must_follow_from_what_we_know(void **state)
{
    struct fixture *f = *state;
    struct partner partner = {0};
    struct kit_org other = kit_org_create("library.example.org");
    struct roots form, document;
    struct slice slice;
    struct error err = {0};

    partner_take(&partner, f);
    learn(f, &partner); /* known already */
    assert_true(f->is_done);
    assert_string_equal(f->did, "");
    form = kit_roots(&other, partner.known.sequence + 5); /* well formed, of another root */
    document = kit_sign(&form, &other.root, NULL);
    slice = text_slice(&document.bytes);
    f->is_answered = false;
    assert_true(identity_keeper_take(f->keeper, &slice, 1, on_done, f, &err));
    wait_answer(f);
    assert_false(f->is_done);
    assert_int_equal(identity_keeper_view(f->keeper)->roots.sequence, partner.known.sequence);
    assert_true(partner_believes(&partner, f));
    roots_dispose(&document);
    kit_org_dispose(&other);
    roots_dispose(&partner.known);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_keeper_makes_an_identity_once),
        TEST(test_keeper_renews_what_ended_while_it_was_off),
        TEST(test_keeper_opens_without_the_roots_key_and_says_what_is_missing),
        TEST(test_keeper_refuses_another_organizations_keys),
        TEST(test_leaf_is_renewed_at_half_its_life_and_not_before),
        TEST(test_gateway_that_runs_for_two_years_is_always_trusted),
        TEST(test_rotating_leaf_and_issuer_asks_nothing_of_partners),
        TEST(test_rotating_the_signing_key_is_believed_once_its_document_is_known),
        TEST(test_root_is_rotated_in_stages_each_when_it_is_due),
        TEST(test_partner_that_was_away_for_a_week_still_validates),
        TEST(test_forced_rotation_strands_a_partner_only_until_it_has_the_documents),
        TEST(test_root_with_a_passphrase_is_rotated_with_it),
        TEST(test_one_change_at_a_time),
        TEST(test_keeper_closed_while_it_works_tells_who_waits),
        TEST(test_gateway_from_before_a_signing_key_learns_of_it_from_a_partner),
        TEST(test_who_left_is_told_nothing_of_what_it_handed_in),
        TEST(test_what_a_partner_says_of_us_must_follow_from_what_we_know),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
