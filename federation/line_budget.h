// SPDX-License-Identifier: Apache-2.0
/* How many lines a second may be logged of what others cause; one thread. A second that has had its
 * lines says no more, and the first line behind it how many were left out. */
#ifndef FEDERATION_LINE_BUDGET_H
#define FEDERATION_LINE_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

struct line_budget {
    uint64_t second;
    uint32_t said, left_out;
};

/* True: the line may be said; *left_out: how many before it were not. */
static inline bool line_budget_spend(struct line_budget *lines, uint32_t max, uint64_t now_ms,
                                     uint32_t *left_out)
{
    if (lines->second != now_ms / 1000) {
        lines->second = now_ms / 1000;
        lines->said = 0;
    }
    if (lines->said == max) {
        lines->left_out++;
        return false;
    }
    lines->said++;
    *left_out = lines->left_out;
    lines->left_out = 0;
    return true;
}

#endif
