// SPDX-License-Identifier: Apache-2.0
/* Whether a condition can hold at all, and whether it can fail: for finding conditions that say
 * nothing. Pure.
 *
 * What every value may be is known as far as its type tells (an hour is 0 to 23, a length not below
 * 0, a kind one of four); comparisons between two values that are both unknown count as free. So a
 * "no" is certain, a "yes" is not. */
#ifndef POLICY_SATISFY_H
#define POLICY_SATISFY_H

#include "policy/expression.h"

/* Whether it may become true, with no value missing that it needs. */
bool expression_can_hold(const struct expression *expression);
/* Whether it may become false. */
bool expression_can_fail(const struct expression *expression);

#endif
