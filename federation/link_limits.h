// SPDX-License-Identifier: Apache-2.0
/* What our operator lets a link cost: bytes a second, and the hours in which data may move. Control
 * messages are small and never held back, so that a link stays what it says it is.
 *
 * Pure; any thread. */
#ifndef FEDERATION_LINK_LIMITS_H
#define FEDERATION_LINK_LIMITS_H

#include "conf/error.h"
#include "conf/text.h"

#include <stdint.h>

#define LINK_HOURS_ALL     UINT32_C(0xffffff)
#define LINK_BANDWIDTH_MIN UINT64_C(16384)     /* less would not move a block in its time */
#define LINK_BANDWIDTH_MAX (UINT64_C(1) << 40) /* bytes a second */

/* {0}: nothing is limited. */
struct link_limits {
    uint64_t bandwidth; /* bytes a second, of each direction; 0: not limited */
    uint32_t hours;     /* bit h: data may move from h:00 to h:59 UTC; 0: always */
};

/* "20-6", "0-24", "22-23,1-5": hours of the day in UTC, the second one is the end and not among
 * them. "always" is 0. */
MUST_USE bool link_limits_parse_hours(struct slice text, uint32_t *hours, struct error *err);
/* "10MiB" or "10MiB/s"; "none" is 0. */
MUST_USE bool link_limits_parse_bandwidth(struct slice text, uint64_t *bandwidth,
                                          struct error *err);

/* As they are written: "20-6", "always". */
void link_limits_put_hours(uint32_t hours, struct text *out);

/* May data move at this time? If not, *wait_ms says how long not. */
bool link_limits_may_move(const struct link_limits *limits, uint64_t wall_ms, uint64_t *wait_ms);

#endif
