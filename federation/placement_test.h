// SPDX-License-Identifier: Apache-2.0
/* Tests of placement that stand in a policy; policy/document_place.c says what they look like. What
 * a test does not say of a site is as good as it can be. Pure. */
#ifndef FEDERATION_PLACEMENT_TEST_H
#define FEDERATION_PLACEMENT_TEST_H

#include "policy/test.h"

/* A policy_place_cb. */
bool placement_test(const struct policy *policy, const struct document_place *test,
                    const struct yaml_node **node, struct text *why);

#endif
