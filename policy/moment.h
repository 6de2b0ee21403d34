// SPDX-License-Identifier: Apache-2.0
/* Points in time as people write them: "2027-01-31" (its first moment) or "2027-01-31T12:00:00Z",
 * with a fraction of the second or without, always in UTC. Pure. */
#ifndef POLICY_MOMENT_H
#define POLICY_MOMENT_H

#include "conf/error.h"
#include "conf/text.h"

/* ms since 1970; years 1970 to 9999. */
MUST_USE bool moment_parse(struct slice text, uint64_t *ms, struct error *err);

#endif
