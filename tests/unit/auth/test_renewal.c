// SPDX-License-Identifier: Apache-2.0
#include "auth/renewal.h"

#include "conf/text.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NOW  INT64_C(1800000000)
#define HOUR INT64_C(3600)
#define DAY  (24 * HOUR)

/* As it is on the day after it was made. */
static const struct renewal_state fresh = {
    .now_s = NOW + DAY,
    .leaf = {NOW - HOUR, NOW + 7 * DAY},
    .issuer = {NOW - HOUR, NOW + 365 * DAY},
    .root = {NOW - HOUR, NOW + 3653 * DAY},
    .leaf_is_of_issuer = true,
    .issuer_is_of_root = true,
};

static void test_renewal_has_nothing_to_do_on_the_first_day(void **state)
{
    struct renewal_plan plan = renewal_step(&fresh);

    for (size_t i = 0; i < RENEWALS; i++)
        assert_false(plan.items[i].is_due);
    assert_true(plan.items[RENEWAL_LEAF].due_s == NOW + 7 * DAY - (7 * DAY + HOUR) / 2);
    assert_true(plan.items[RENEWAL_LEAF].too_late_s == NOW + 7 * DAY);
    assert_false(plan.items[RENEWAL_LEAF].needs_root);
    assert_true(plan.items[RENEWAL_ISSUER].due_s == NOW + 305 * DAY);
    assert_true(plan.items[RENEWAL_ISSUER].needs_root);
    assert_true(plan.items[RENEWAL_ANNOUNCE_ROOT].due_s == NOW + 3288 * DAY);
    assert_true(plan.items[RENEWAL_SWITCH_ROOT].due_s == RENEWAL_NEVER);
    assert_true(plan.items[RENEWAL_RETIRE_ROOT].due_s == RENEWAL_NEVER);
    assert_true(plan.wake_s == NOW + 2 * DAY);
}

enum { LEAF = 1, ISSUER = 2, ANNOUNCE = 4, SWITCH = 8, RETIRE = 16 };

static unsigned due(const struct renewal_plan *plan)
{
    unsigned set = 0;

    for (size_t i = 0; i < RENEWALS; i++)
        set |= plan->items[i].is_due ? 1U << i : 0;
    return set;
}

static unsigned blocked(const struct renewal_plan *plan)
{
    unsigned set = 0;

    for (size_t i = 0; i < RENEWALS; i++)
        set |= plan->items[i].is_blocked ? 1U << i : 0;
    return set;
}

static void test_renewal_is_due_when_it_says(void **state)
{
    struct {
        const char *name;
        struct renewal_state state;
        unsigned due, blocked;
    } cases[40];
    size_t count = 0;

#define CASE(NAME, DUE, BLOCKED, ...)                                                              \
    do {                                                                                           \
        struct renewal_state s = fresh;                                                            \
        __VA_ARGS__;                                                                               \
        cases[count].name = NAME;                                                                  \
        cases[count].state = s;                                                                    \
        cases[count].due = DUE;                                                                    \
        cases[count++].blocked = BLOCKED;                                                          \
    } while (0)

    CASE("before half a leaf's life", 0, 0, s.now_s = NOW + 7 * DAY - (7 * DAY + HOUR) / 2 - 1);
    CASE("half a leaf's life", LEAF, 0, s.now_s = NOW + 7 * DAY - (7 * DAY + HOUR) / 2);
    CASE("a leaf is over", LEAF, 0, s.now_s = NOW + 8 * DAY);
    CASE("no leaf", LEAF, 0, s.leaf = (struct renewal_span){0});
    CASE("a leaf of another CA", LEAF, 0, s.leaf_is_of_issuer = false);
    CASE("the clock went back", LEAF | ISSUER, LEAF | ISSUER, s.now_s = NOW - 2 * HOUR);
    CASE("a leaf from the future", LEAF, 0, s.leaf.from_s = NOW + 2 * DAY);
    CASE("no issuing CA", LEAF | ISSUER, LEAF, s.issuer = (struct renewal_span){0};
         s.leaf_is_of_issuer = false);
    CASE("an issuing CA of the old root", ISSUER, 0, s.issuer_is_of_root = false);
    CASE("before 60 days to the CA's end", 0, 0, s.now_s = NOW + 305 * DAY - 1;
         s.leaf = (struct renewal_span){NOW + 304 * DAY, NOW + 311 * DAY});
    CASE("60 days to the CA's end", ISSUER, 0, s.now_s = NOW + 305 * DAY;
         s.leaf = (struct renewal_span){NOW + 304 * DAY, NOW + 311 * DAY});
    /* a new leaf would end as this one does: it is the CA that is due */
    CASE("the last leaf of a CA", ISSUER, 0, s.now_s = NOW + 364 * DAY;
         s.leaf = (struct renewal_span){NOW + 360 * DAY, NOW + 365 * DAY});
    CASE("leaf and CA are over", LEAF | ISSUER, LEAF, s.now_s = NOW + 366 * DAY;
         s.leaf = (struct renewal_span){NOW + 360 * DAY, NOW + 365 * DAY});
    CASE("a year to the root's end", ANNOUNCE, 0, s.now_s = NOW + 3288 * DAY;
         s.leaf = (struct renewal_span){NOW + 3287 * DAY, NOW + 3294 * DAY};
         s.issuer = (struct renewal_span){NOW + 3287 * DAY, NOW + 3652 * DAY});
    /* a new CA would end as this one does: it is the root that is due */
    CASE("the last CA of a root", ANNOUNCE, 0, s.now_s = NOW + 3640 * DAY;
         s.leaf = (struct renewal_span){NOW + 3639 * DAY, NOW + 3646 * DAY};
         s.issuer = (struct renewal_span){NOW + 3300 * DAY, NOW + 3653 * DAY});
    CASE("a short root", ANNOUNCE, 0,
         s.root = (struct renewal_span){NOW - 20 * DAY, NOW + 10 * DAY};
         s.issuer = (struct renewal_span){NOW - HOUR, NOW + 10 * DAY});
    CASE("announced, 29 days ago", 0, 0, s.has_next_root = true;
         s.announced_s = s.now_s - 29 * DAY);
    CASE("announced, 30 days ago", SWITCH, 0, s.has_next_root = true;
         s.announced_s = s.now_s - 30 * DAY);
    CASE("announced to all, 23 hours ago", 0, 0, s.has_next_root = true; s.is_known_to_all = true;
         s.announced_s = s.now_s - 23 * HOUR);
    CASE("announced to all, a day ago", SWITCH, 0, s.has_next_root = true; s.is_known_to_all = true;
         s.announced_s = s.now_s - DAY);
    CASE("announced, and the root is over", SWITCH | LEAF | ISSUER, LEAF | ISSUER,
         s.has_next_root = true;
         s.now_s = NOW + 3653 * DAY; s.announced_s = s.now_s - 5);
    CASE("two in force and one announced", SWITCH, SWITCH, s.has_next_root = true;
         s.has_old_root = true; s.announced_s = s.now_s - 30 * DAY; s.switched_s = s.now_s - DAY);
    CASE("switched, 29 days ago", 0, 0, s.has_old_root = true; s.switched_s = s.now_s - 29 * DAY);
    CASE("switched, 30 days ago", RETIRE, 0, s.has_old_root = true;
         s.switched_s = s.now_s - 30 * DAY);
#undef CASE

    for (size_t i = 0; i < count; i++) {
        struct renewal_plan plan = renewal_step(&cases[i].state);

        if (due(&plan) != cases[i].due || blocked(&plan) != cases[i].blocked)
            fail_msg("%s: due 0x%x, blocked 0x%x", cases[i].name, due(&plan), blocked(&plan));
        assert_true(plan.wake_s > cases[i].state.now_s &&
                    plan.wake_s <= cases[i].state.now_s + DAY);
    }
}

static void test_renewal_wakes_when_the_next_one_is_due(void **state)
{
    struct renewal_state soon = fresh;
    struct renewal_plan plan;

    soon.now_s = NOW + 7 * DAY - (7 * DAY + HOUR) / 2 - 5;
    plan = renewal_step(&soon);
    assert_true(plan.wake_s == soon.now_s + 5);
    assert_string_equal(renewal_name(RENEWAL_ISSUER), "issuing CA");
}

/* Years of looking whenever the plan says so, doing what is due: nothing ever ends. */
static void test_renewal_carried_out_never_lets_anything_end(void **state)
{
    struct renewal_state s = fresh;
    struct renewal_span next_root = {0};
    unsigned switches = 0, steps = 0, leaves = 0;

    for (s.now_s = NOW; s.now_s < NOW + 25 * 365 * DAY; steps++) {
        struct renewal_plan plan = renewal_step(&s);

        assert_true(s.now_s < s.leaf.until_s && s.now_s < s.issuer.until_s &&
                    s.now_s < s.root.until_s);
        if (plan.items[RENEWAL_RETIRE_ROOT].is_due)
            s.has_old_root = false;
        if (plan.items[RENEWAL_SWITCH_ROOT].is_due && !plan.items[RENEWAL_SWITCH_ROOT].is_blocked) {
            s.root = next_root;
            s.has_next_root = false;
            s.has_old_root = true;
            s.switched_s = s.now_s;
            s.issuer_is_of_root = false;
            switches++;
        }
        if (plan.items[RENEWAL_ANNOUNCE_ROOT].is_due) {
            next_root = (struct renewal_span){s.now_s - HOUR, s.now_s + 3653 * DAY};
            s.has_next_root = true;
            s.announced_s = s.now_s;
        }
        if (plan.items[RENEWAL_ISSUER].is_due || !s.issuer_is_of_root) {
            int64_t until_s = s.now_s + 365 * DAY;

            s.issuer.from_s = s.now_s - HOUR;
            s.issuer.until_s = until_s < s.root.until_s ? until_s : s.root.until_s;
            s.issuer_is_of_root = true;
            s.leaf_is_of_issuer = false;
        }
        if (plan.items[RENEWAL_LEAF].is_due || !s.leaf_is_of_issuer) {
            int64_t until_s = s.now_s + 7 * DAY;

            s.leaf.from_s = s.now_s - HOUR;
            s.leaf.until_s = until_s < s.issuer.until_s ? until_s : s.issuer.until_s;
            s.leaf_is_of_issuer = true;
            leaves++;
        }
        s.now_s = plan.wake_s;
    }
    assert_int_equal(switches, 2);
    assert_true(leaves > 2500 && leaves < 3000); /* one in 3.5 days, and one with each CA */
    assert_true(steps < 25 * 365 * 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_renewal_has_nothing_to_do_on_the_first_day),
        cmocka_unit_test(test_renewal_is_due_when_it_says),
        cmocka_unit_test(test_renewal_wakes_when_the_next_one_is_due),
        cmocka_unit_test(test_renewal_carried_out_never_lets_anything_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
