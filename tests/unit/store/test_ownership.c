// SPDX-License-Identifier: Apache-2.0
/* One row of events at a time. Interleavings by the thousand are in test_ownership_model.c. */
#include "store/ownership.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct ownership object;
static struct ownership_actions actions;

static int setup(void **state)
{
    object = (struct ownership){0};
    actions = (struct ownership_actions){0};
    return 0;
}

static int teardown(void **state)
{
    ownership_dispose(&object);
    ownership_actions_dispose(&actions);
    return 0;
}

static struct ownership_event event_of(enum ownership_event_kind kind, const char *id,
                                       const char *owner, enum pin_mode mode)
{
    struct ownership_event event = {.kind = kind, .owner.kind = OWNER_MEMBER, .mode = mode};

    snprintf(event.id, sizeof(event.id), "%s", id);
    snprintf(event.owner.id, sizeof(event.owner.id), "%s", owner);
    return event;
}

static void step(enum ownership_event_kind kind, const char *id, const char *owner,
                 enum pin_mode mode)
{
    struct ownership_event event = event_of(kind, id, owner, mode);

    ownership_step(&object, &event, &actions);
}

static void done_look(enum pin_mode ours, enum pin_mode foreign)
{
    struct ownership_event event = {.kind = OWNERSHIP_DONE, .mode = ours, .foreign = foreign};

    assert_int_equal(object.under_way, OPERATION_LOOK);
    ownership_step(&object, &event, &actions);
}

static void done(uint64_t bytes)
{
    struct ownership_event event = {
        .kind = OWNERSHIP_DONE, .has_bytes = bytes != 0, .bytes = bytes};

    ownership_step(&object, &event, &actions);
}

static void expect_operation(enum ownership_operation operation, enum pin_mode mode)
{
    assert_int_equal(actions.operation, operation);
    if (operation != OPERATION_NONE)
        assert_int_equal(actions.mode, mode);
}

/* Exactly one answer. kind -1: none at all. */
static void expect_answer(const char *id, int kind)
{
    assert_int_equal(actions.answer_count, kind < 0 ? 0 : 1);
    if (kind < 0)
        return;
    assert_string_equal(actions.answers[0].id, id);
    assert_int_equal(actions.answers[0].kind, kind);
}

/* Exactly one charge, of this owner. */
static void expect_charge(const char *owner, int64_t bytes, int objects)
{
    assert_int_equal(actions.charge_count, 1);
    assert_string_equal(actions.charges[0].owner.id, owner);
    assert_int_equal(actions.charges[0].bytes, bytes);
    assert_int_equal(actions.charges[0].objects, objects);
}

static void expect_state(const char *id, enum pin_state expected)
{
    const struct ownership_pin *pin = ownership_pin(&object, id);

    assert_non_null(pin);
    assert_string_equal(pin_state_name(ownership_state(&object, pin)), pin_state_name(expected));
}

/* alice's pin "a" of 100 bytes, ours. */
static void pin_a(void)
{
    step(OWNERSHIP_CLAIM, "a", "alice", PIN_RECURSIVE);
    done_look(PIN_NONE, PIN_NONE);
    done(100);
    expect_answer("a", ANSWER_PINNED);
}

static void test_ownership_names_an_object_by_the_v1_form(void **state)
{
    struct cid v0, v1, raw, key;

    assert_true(cid_parse(&v0, SLICE("QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG"), NULL));
    assert_true(
        cid_parse(&v1, SLICE("bafybeie5nqv6kd3qnfjupgvz34woh3oksc3iau6abmyajn7qvtf6d2ho34"), NULL));
    cid_make(&raw, 1, CODEC_RAW, v1.hash, cid_digest(&v1), v1.digest_size);
    key = ownership_key(&v0);
    assert_true(cid_equal(&key, &v1));
    assert_int_equal(key.codec, CODEC_DAG_PB);
    key = ownership_key(&raw);
    assert_false(cid_equal(&key, &v1));
}

static void test_ownership_first_claim_looks_then_pins_then_charges(void **state)
{
    step(OWNERSHIP_CLAIM, "a", "alice", PIN_RECURSIVE);
    assert_string_equal(actions.claim, "a");
    expect_operation(OPERATION_LOOK, PIN_NONE);
    expect_state("a", PIN_QUEUED);
    done_look(PIN_NONE, PIN_NONE);
    expect_operation(OPERATION_PIN, PIN_RECURSIVE);
    expect_state("a", PIN_PINNING);
    expect_answer("a", -1);
    done(100);
    expect_operation(OPERATION_NONE, PIN_NONE);
    expect_answer("a", ANSWER_PINNED);
    expect_charge("alice", 100, 1);
    assert_int_equal(actions.org_bytes, 100);
    assert_int_equal(actions.org_objects, 1);
    expect_state("a", PIN_PINNED);
}

static void test_ownership_a_pin_without_a_size_is_measured_before_it_is_answered(void **state)
{
    step(OWNERSHIP_CLAIM, "a", "alice", PIN_RECURSIVE);
    done_look(PIN_NONE, PIN_NONE);
    done(0);
    expect_answer("a", -1);
    expect_operation(OPERATION_MEASURE, PIN_RECURSIVE);
    done(100);
    expect_answer("a", ANSWER_PINNED);
    expect_charge("alice", 100, 1);
}

static void test_ownership_second_owner_is_answered_at_once_and_the_org_not_charged(void **state)
{
    pin_a();
    step(OWNERSHIP_CLAIM, "b", "bob", PIN_RECURSIVE);
    expect_operation(OPERATION_NONE, PIN_NONE);
    expect_answer("b", ANSWER_PINNED);
    expect_charge("bob", 100, 1);
    assert_int_equal(actions.org_objects, 0);
    assert_int_equal(actions.org_bytes, 0);
}

static void test_ownership_last_one_out_unpins(void **state)
{
    pin_a();
    step(OWNERSHIP_CLAIM, "b", "bob", PIN_RECURSIVE);
    step(OWNERSHIP_RELEASE, "a", "", PIN_NONE);
    expect_operation(OPERATION_NONE, PIN_NONE);
    expect_answer("a", ANSWER_REMOVED);
    expect_charge("alice", -100, -1);
    assert_int_equal(actions.org_objects, 0);
    step(OWNERSHIP_RELEASE, "b", "", PIN_NONE);
    expect_operation(OPERATION_UNPIN, PIN_NONE);
    expect_answer("b", -1);
    expect_state("b", PIN_REMOVING);
    done(0);
    expect_answer("b", ANSWER_REMOVED);
    assert_int_equal(actions.org_bytes, -100);
    assert_true(ownership_is_empty(&object));
}

static void test_ownership_claims_of_one_owner_share_slot_0_and_one_charge(void **state)
{
    struct ownership_event psa = event_of(OWNERSHIP_CLAIM, "p", "alice", PIN_RECURSIVE);

    pin_a();
    step(OWNERSHIP_CLAIM, "x", "alice", PIN_RECURSIVE);
    assert_string_equal(actions.claim, "a");
    expect_answer("a", ANSWER_PINNED);
    assert_int_equal(object.count, 1);
    psa.takes_slot = true;
    for (int i = 0; i < 3; i++) {
        psa.id[0] = "pqr"[i];
        ownership_step(&object, &psa, &actions);
        expect_answer(psa.id, ANSWER_PINNED);
        assert_int_equal(actions.charge_count, 0);
    }
    assert_int_equal(ownership_pin(&object, "r")->slot, 3);
    step(OWNERSHIP_RELEASE, "a", "", PIN_NONE);
    expect_answer("a", ANSWER_REMOVED);
    assert_int_equal(actions.charge_count, 0); /* three are left */
}

static void test_ownership_direct_over_recursive_is_refused_as_kubo_does(void **state)
{
    pin_a();
    step(OWNERSHIP_CLAIM, "x", "alice", PIN_DIRECT);
    expect_answer("x", ANSWER_PINNED_RECURSIVELY);
    step(OWNERSHIP_RELEASE, "a", "", PIN_DIRECT);
    expect_answer("a", ANSWER_PINNED_RECURSIVELY);
    step(OWNERSHIP_RELEASE, "z", "", PIN_NONE);
    expect_answer("z", ANSWER_NOT_PINNED);
    step(OWNERSHIP_CLAIM, "b", "bob", PIN_DIRECT); /* another owner's own affair */
    expect_operation(OPERATION_MEASURE, PIN_DIRECT);
    done(7);
    expect_answer("b", ANSWER_PINNED);
    expect_charge("bob", 7, 1);
}

static void test_ownership_an_upgrade_that_fails_leaves_the_direct_pin(void **state)
{
    step(OWNERSHIP_CLAIM, "a", "alice", PIN_DIRECT);
    done_look(PIN_NONE, PIN_NONE);
    expect_operation(OPERATION_PIN, PIN_DIRECT);
    done(7);
    step(OWNERSHIP_CLAIM, "x", "alice", PIN_RECURSIVE);
    expect_operation(OPERATION_PIN, PIN_RECURSIVE);
    expect_state("a", PIN_PINNED);
    step(OWNERSHIP_FAILED, "", "", PIN_NONE);
    expect_answer("a", ANSWER_FAILED);
    expect_operation(OPERATION_LOOK, PIN_NONE);
    done_look(PIN_DIRECT, PIN_NONE);
    expect_operation(OPERATION_NONE, PIN_NONE);
    expect_state("a", PIN_PINNED);
    step(OWNERSHIP_CLAIM, "x", "alice", PIN_RECURSIVE);
    done(100);
    expect_answer("a", ANSWER_PINNED);
    expect_charge("alice", 93, 0);
}

static void test_ownership_a_weaker_claim_that_stays_is_pinned_behind_the_unpin(void **state)
{
    pin_a();
    step(OWNERSHIP_CLAIM, "b", "bob", PIN_DIRECT);
    done(7);
    step(OWNERSHIP_RELEASE, "a", "", PIN_NONE);
    expect_operation(OPERATION_UNPIN, PIN_NONE);
    done(0);
    expect_answer("a", ANSWER_REMOVED);
    expect_operation(OPERATION_PIN, PIN_DIRECT);
    expect_state("b", PIN_PINNED);
    assert_int_equal(actions.org_bytes, -93);
    done(7);
    expect_answer("b", -1); /* and bob noticed nothing */
    expect_state("b", PIN_PINNED);
}

static void test_ownership_a_cancel_cuts_what_nobody_else_waits_for(void **state)
{
    step(OWNERSHIP_CLAIM, "a", "alice", PIN_RECURSIVE);
    done_look(PIN_NONE, PIN_NONE);
    step(OWNERSHIP_CLAIM, "b", "bob", PIN_RECURSIVE);
    expect_state("b", PIN_PINNING);
    step(OWNERSHIP_CANCEL, "a", "", PIN_NONE);
    assert_false(actions.cancel);
    step(OWNERSHIP_CANCEL, "b", "", PIN_NONE);
    assert_true(actions.cancel);
    step(OWNERSHIP_CLAIM, "c", "carol", PIN_RECURSIVE); /* must not fail with what was cut */
    expect_state("c", PIN_QUEUED);
    step(OWNERSHIP_FAILED, "", "", PIN_NONE);
    expect_answer("c", -1);
    expect_operation(OPERATION_LOOK, PIN_NONE);
    done_look(PIN_NONE, PIN_NONE);
    expect_operation(OPERATION_PIN, PIN_RECURSIVE);
    done(100);
    expect_answer("c", ANSWER_PINNED);
}

static void test_ownership_a_pin_that_won_against_its_cancel_is_taken_back(void **state)
{
    step(OWNERSHIP_CLAIM, "a", "alice", PIN_RECURSIVE);
    done_look(PIN_NONE, PIN_NONE);
    step(OWNERSHIP_CANCEL, "a", "", PIN_NONE);
    done(100);
    expect_operation(OPERATION_UNPIN, PIN_NONE);
    assert_int_equal(actions.charge_count, 0);
    done(0);
    assert_true(ownership_is_empty(&object));
}

static void test_ownership_a_claim_during_the_unpin_waits_for_its_end(void **state)
{
    pin_a();
    step(OWNERSHIP_RELEASE, "a", "", PIN_NONE);
    expect_operation(OPERATION_UNPIN, PIN_NONE);
    step(OWNERSHIP_CLAIM, "x", "alice", PIN_RECURSIVE);
    assert_string_equal(actions.claim, "x");
    expect_answer("a", ANSWER_REMOVED);
    expect_state("x", PIN_QUEUED);
    done(0);
    expect_operation(OPERATION_PIN, PIN_RECURSIVE);
    done(100);
    expect_answer("x", ANSWER_PINNED);
}

static void test_ownership_an_unpin_that_fails_leaves_the_pin_and_is_not_tried_again(void **state)
{
    pin_a();
    step(OWNERSHIP_RELEASE, "a", "", PIN_NONE);
    step(OWNERSHIP_FAILED, "", "", PIN_NONE);
    expect_answer("a", ANSWER_FAILED);
    expect_operation(OPERATION_NONE, PIN_NONE);
    expect_state("a", PIN_PINNED);
    step(OWNERSHIP_RELEASE, "a", "", PIN_NONE);
    expect_operation(OPERATION_LOOK, PIN_NONE);
    done_look(PIN_RECURSIVE, PIN_NONE);
    expect_operation(OPERATION_UNPIN, PIN_NONE);
    done(0);
    expect_answer("a", ANSWER_REMOVED);
}

static void test_ownership_a_foreign_pin_serves_and_stays(void **state)
{
    step(OWNERSHIP_CLAIM, "a", "alice", PIN_RECURSIVE);
    done_look(PIN_NONE, PIN_RECURSIVE);
    expect_operation(OPERATION_MEASURE, PIN_RECURSIVE);
    done(100);
    expect_answer("a", ANSWER_PINNED);
    step(OWNERSHIP_RELEASE, "a", "", PIN_NONE);
    expect_operation(OPERATION_NONE, PIN_NONE);
    expect_answer("a", ANSWER_REMOVED);
}

static void test_ownership_a_foreign_pin_that_is_too_weak_refuses_the_claim(void **state)
{
    step(OWNERSHIP_CLAIM, "a", "alice", PIN_RECURSIVE);
    done_look(PIN_NONE, PIN_DIRECT);
    expect_answer("a", ANSWER_FOREIGN);
    expect_operation(OPERATION_NONE, PIN_NONE);
    assert_int_equal(object.count, 0);
}

static void done_look_v0(enum pin_mode ours, enum pin_mode foreign, enum pin_mode v0)
{
    struct ownership_event event = {
        .kind = OWNERSHIP_DONE, .mode = ours, .foreign = foreign, .foreign_v0 = v0};

    assert_int_equal(object.under_way, OPERATION_LOOK);
    ownership_step(&object, &event, &actions);
}

static void test_ownership_a_v0_pin_stands_in_nobodys_way(void **state)
{
    step(OWNERSHIP_CLAIM, "a", "alice", PIN_RECURSIVE);
    done_look_v0(PIN_NONE, PIN_NONE, PIN_DIRECT);
    expect_operation(OPERATION_PIN, PIN_RECURSIVE);
    done(100);
    expect_answer("a", ANSWER_PINNED);
    expect_operation(OPERATION_NONE, PIN_NONE);
    step(OWNERSHIP_RELEASE, "a", "alice", PIN_RECURSIVE);
    expect_operation(OPERATION_UNPIN, PIN_NONE);
    done(0);
    expect_answer("a", ANSWER_REMOVED);
    expect_operation(OPERATION_NONE, PIN_NONE);
}

static void test_ownership_a_v0_pin_is_adopted_by_a_pin_of_ours_and_then_removed(void **state)
{
    step(OWNERSHIP_ADOPT, "a", "alice", PIN_RECURSIVE);
    done_look_v0(PIN_NONE, PIN_NONE, PIN_RECURSIVE);
    expect_operation(OPERATION_PIN, PIN_RECURSIVE);
    expect_answer("a", -1);
    done(100);
    expect_answer("a", ANSWER_PINNED);
    expect_charge("alice", 100, 1);
    expect_operation(OPERATION_SHED, PIN_RECURSIVE);
    done(0);
    expect_operation(OPERATION_NONE, PIN_NONE);
    assert_int_equal(object.foreign_v0, PIN_NONE);
    assert_int_equal(object.upstream, PIN_RECURSIVE);
    assert_false(object.is_adopted);
}

static void test_ownership_both_forms_are_adopted_at_once(void **state)
{
    step(OWNERSHIP_ADOPT, "a", "alice", PIN_RECURSIVE);
    done_look_v0(PIN_NONE, PIN_RECURSIVE, PIN_DIRECT);
    expect_operation(OPERATION_MEASURE, PIN_RECURSIVE);
    done(100);
    expect_answer("a", ANSWER_PINNED);
    assert_true(object.is_adopted);
    expect_operation(OPERATION_SHED, PIN_DIRECT);
    done(0);
    step(OWNERSHIP_RELEASE, "a", "alice", PIN_RECURSIVE);
    expect_operation(OPERATION_UNPIN, PIN_NONE);
}

/* Removed only once somebody's claim on it is confirmed. */
static void test_ownership_a_v0_pin_that_cannot_be_adopted_stays(void **state)
{
    step(OWNERSHIP_ADOPT, "a", "alice", PIN_RECURSIVE);
    done_look_v0(PIN_NONE, PIN_NONE, PIN_RECURSIVE);
    step(OWNERSHIP_FAILED, "", "", PIN_NONE);
    expect_answer("a", ANSWER_FAILED);
    done_look_v0(PIN_NONE, PIN_NONE, PIN_RECURSIVE);
    expect_operation(OPERATION_NONE, PIN_NONE);
    step(OWNERSHIP_ADOPT, "b", "alice", PIN_DIRECT);
    expect_answer("b", ANSWER_NOT_PINNED);
    expect_operation(OPERATION_NONE, PIN_NONE);
}

static void test_ownership_a_v0_pin_that_was_not_removed_can_be_adopted_again(void **state)
{
    pin_a();
    for (int i = 0; i < 2; i++) {
        object.is_seen = false;
        step(OWNERSHIP_ADOPT, "b", "alice", PIN_RECURSIVE);
        done_look_v0(PIN_RECURSIVE, PIN_NONE, PIN_RECURSIVE);
        expect_answer("a", ANSWER_PINNED);
        expect_operation(OPERATION_SHED, PIN_RECURSIVE);
        step(OWNERSHIP_FAILED, "", "", PIN_NONE);
        expect_operation(OPERATION_LOOK, PIN_NONE);
        done_look_v0(PIN_RECURSIVE, PIN_NONE, PIN_RECURSIVE);
        expect_operation(OPERATION_NONE, PIN_NONE);
    }
}

static void test_ownership_a_foreign_pin_can_be_adopted(void **state)
{
    step(OWNERSHIP_ADOPT, "a", "alice", PIN_RECURSIVE);
    done_look(PIN_NONE, PIN_RECURSIVE);
    expect_operation(OPERATION_MEASURE, PIN_RECURSIVE);
    done(100);
    expect_answer("a", ANSWER_PINNED);
    step(OWNERSHIP_DOUBT, "", "", PIN_NONE);
    done_look(PIN_NONE, PIN_RECURSIVE); /* it still bears its old name */
    expect_state("a", PIN_PINNED);
    assert_int_equal(object.foreign, PIN_NONE);
    step(OWNERSHIP_RELEASE, "a", "", PIN_NONE);
    expect_operation(OPERATION_UNPIN, PIN_NONE);
}

static void test_ownership_what_is_missing_is_lost_until_it_is_repaired(void **state)
{
    pin_a();
    step(OWNERSHIP_DOUBT, "", "", PIN_NONE);
    expect_operation(OPERATION_LOOK, PIN_NONE);
    done_look(PIN_NONE, PIN_NONE);
    expect_operation(OPERATION_NONE, PIN_NONE);
    expect_state("a", PIN_LOST);
    assert_int_equal(actions.charge_count, 0);
    step(OWNERSHIP_REPAIR, "", "", PIN_NONE);
    done_look(PIN_NONE, PIN_NONE);
    expect_operation(OPERATION_PIN, PIN_RECURSIVE);
    done(100);
    expect_state("a", PIN_PINNED);
    expect_answer("a", -1);
}

static void test_ownership_a_lost_pin_can_be_claimed_again(void **state)
{
    pin_a();
    step(OWNERSHIP_DOUBT, "", "", PIN_NONE);
    done_look(PIN_NONE, PIN_NONE);
    step(OWNERSHIP_CLAIM, "x", "alice", PIN_RECURSIVE);
    assert_string_equal(actions.claim, "a");
    expect_operation(OPERATION_PIN, PIN_RECURSIVE);
    expect_answer("a", -1);
    step(OWNERSHIP_FAILED, "", "", PIN_NONE);
    expect_answer("a", ANSWER_FAILED);
    done_look(PIN_NONE, PIN_NONE);
    expect_state("a", PIN_LOST);
}

static void test_ownership_a_failure_is_kept_for_who_asks(void **state)
{
    struct ownership_event psa = event_of(OWNERSHIP_CLAIM, "p", "alice", PIN_RECURSIVE);

    psa.takes_slot = psa.keeps_failure = true;
    ownership_step(&object, &psa, &actions);
    step(OWNERSHIP_FAILED, "", "", PIN_NONE);
    expect_answer("p", ANSWER_FAILED);
    expect_state("p", PIN_FAILED);
    expect_operation(OPERATION_NONE, PIN_NONE);
    step(OWNERSHIP_RELEASE, "p", "", PIN_NONE);
    expect_answer("p", ANSWER_REMOVED);
}

static void test_ownership_pins_of_who_is_gone_are_the_orgs_until_transferred(void **state)
{
    pin_a();
    step(OWNERSHIP_OWNER_GONE, "", "alice", PIN_NONE);
    expect_state("a", PIN_OWNERLESS);
    expect_charge("alice", -100, -1);
    assert_int_equal(actions.org_objects, 0);
    step(OWNERSHIP_TRANSFER, "a", "bob", PIN_NONE);
    expect_charge("bob", 100, 1);
    expect_state("a", PIN_PINNED);
    assert_int_equal(ownership_pin(&object, "a")->slot, SLOT_KUBO);
}

static void test_ownership_a_transfer_onto_a_taken_slot_gets_another(void **state)
{
    pin_a();
    step(OWNERSHIP_CLAIM, "b", "bob", PIN_RECURSIVE);
    step(OWNERSHIP_TRANSFER, "a", "bob", PIN_NONE);
    expect_charge("alice", -100, -1);
    assert_int_equal(ownership_pin(&object, "a")->slot, 1);
    assert_int_equal(ownership_pin(&object, "b")->slot, SLOT_KUBO);
}

static void test_ownership_a_member_that_comes_back_has_its_pins(void **state)
{
    pin_a();
    step(OWNERSHIP_OWNER_GONE, "", "alice", PIN_NONE);
    step(OWNERSHIP_OWNER_BACK, "", "alice", PIN_NONE);
    expect_charge("alice", 100, 1);
    expect_state("a", PIN_PINNED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_ownership_names_an_object_by_the_v1_form),
        TEST(test_ownership_first_claim_looks_then_pins_then_charges),
        TEST(test_ownership_a_pin_without_a_size_is_measured_before_it_is_answered),
        TEST(test_ownership_second_owner_is_answered_at_once_and_the_org_not_charged),
        TEST(test_ownership_last_one_out_unpins),
        TEST(test_ownership_claims_of_one_owner_share_slot_0_and_one_charge),
        TEST(test_ownership_direct_over_recursive_is_refused_as_kubo_does),
        TEST(test_ownership_an_upgrade_that_fails_leaves_the_direct_pin),
        TEST(test_ownership_a_weaker_claim_that_stays_is_pinned_behind_the_unpin),
        TEST(test_ownership_a_cancel_cuts_what_nobody_else_waits_for),
        TEST(test_ownership_a_pin_that_won_against_its_cancel_is_taken_back),
        TEST(test_ownership_a_claim_during_the_unpin_waits_for_its_end),
        TEST(test_ownership_an_unpin_that_fails_leaves_the_pin_and_is_not_tried_again),
        TEST(test_ownership_a_foreign_pin_serves_and_stays),
        TEST(test_ownership_a_foreign_pin_that_is_too_weak_refuses_the_claim),
        TEST(test_ownership_a_v0_pin_stands_in_nobodys_way),
        TEST(test_ownership_a_v0_pin_is_adopted_by_a_pin_of_ours_and_then_removed),
        TEST(test_ownership_both_forms_are_adopted_at_once),
        TEST(test_ownership_a_v0_pin_that_cannot_be_adopted_stays),
        TEST(test_ownership_a_v0_pin_that_was_not_removed_can_be_adopted_again),
        TEST(test_ownership_a_foreign_pin_can_be_adopted),
        TEST(test_ownership_what_is_missing_is_lost_until_it_is_repaired),
        TEST(test_ownership_a_lost_pin_can_be_claimed_again),
        TEST(test_ownership_a_failure_is_kept_for_who_asks),
        TEST(test_ownership_pins_of_who_is_gone_are_the_orgs_until_transferred),
        TEST(test_ownership_a_transfer_onto_a_taken_slot_gets_another),
        TEST(test_ownership_a_member_that_comes_back_has_its_pins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
