// SPDX-License-Identifier: Apache-2.0
/* What is odd about a policy that compiles: what can never matter, what reaches further than it
 * looks, what nobody has. Runs its tests, too. Pure. */
#ifndef POLICY_CHECK_H
#define POLICY_CHECK_H

#include "policy/policy.h"
#include "policy/test.h"

struct findings;

/* Adds to findings: errors for tests that fail, warnings and notes for the rest. now_ms (0: not
 * known) tells whose membership is over. */
void policy_check(const struct policy *policy, uint64_t now_ms, policy_place_cb place,
                  struct findings *findings, struct policy_test_counts *tests);

#endif
