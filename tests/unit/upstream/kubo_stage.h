// SPDX-License-Identifier: Apache-2.0
/* A Kubo upstream whose node is played by the test, behind a server with a client
 * (tests/unit/http/stage.h). */
#ifndef TESTS_UPSTREAM_KUBO_STAGE_H
#define TESTS_UPSTREAM_KUBO_STAGE_H

#include "tests/unit/http/stage.h"
#include "upstream/kubo.h"

struct kubo_stage {
    struct stage *stage;
    struct kubo_settings settings; /* change before the first use */
    struct upstream *kubo;
    struct call *call; /* of the newest relay */
    char fixed[200];   /* what stands in every request's head */
};

int kubo_stage_setup(void **state);
int kubo_stage_teardown(void **state);

/* Makes the upstream, if need be. */
void kubo_stage_start(struct kubo_stage *s);

/* The next of what the node is asked: this request line, the fixed headers, then rest. */
struct peer *kubo_stage_expect(struct kubo_stage *s, const char *target, const char *rest);
void kubo_stage_expect_on(struct kubo_stage *s, struct peer *node, const char *target,
                          const char *rest);

#define KUBO_TEST(test) cmocka_unit_test_setup_teardown(test, kubo_stage_setup, kubo_stage_teardown)

#endif
