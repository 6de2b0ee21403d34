// SPDX-License-Identifier: Apache-2.0
/* Runs the tests that stand in a policy. Pure.
 *
 * A test knows only what it says: without `at` the time is missing (and nobody's membership is
 * over), without `from` the address, without `content_length` the length of the body. Under `mode:
 * report` it asks what would be decided if the policy were enforced. */
#ifndef POLICY_TEST_H
#define POLICY_TEST_H

#include "policy/policy.h"

struct document_place;
struct findings;
struct yaml_node;

/* Answers one test of placement: federation/placement_test.h, which is above this folder. False:
 * what is wrong is put into why, and *node is what it is about, or left as it is. */
typedef bool (*policy_place_cb)(const struct policy *policy, const struct document_place *test,
                                const struct yaml_node **node, struct text *why);

struct policy_test_counts {
    size_t passed, failed; /* tests, each with all its callers and calls */
};

/* True: none failed. Each failure is added to findings as an error at the test. place NULL: tests
 * of placement fail. */
bool policy_run_tests(const struct policy *policy, policy_place_cb place, struct findings *findings,
                      struct policy_test_counts *counts);

#endif
