// SPDX-License-Identifier: Apache-2.0
#include "federation/transfers_private.h"

enum { BURST_MS = 250, STEP_MS = 50, PIECE_MIN = 16 << 10 };

uint64_t pace_wait_ms(struct pace *pace, uint64_t now_ms)
{
    int64_t most = (int64_t)(pace->rate * BURST_MS / 1000);
    uint64_t passed_ms = now_ms - pace->seen_ms;

    if (pace->rate == 0)
        return 0;
    if (passed_ms > 60000)
        passed_ms = 60000;
    pace->seen_ms = now_ms;
    pace->left += (int64_t)(pace->rate * passed_ms / 1000);
    if (pace->left > most)
        pace->left = most;
    if (pace->left > 0)
        return 0;
    return STEP_MS + (uint64_t)-pace->left * 1000 / pace->rate;
}

void pace_take(struct pace *pace, size_t size)
{
    if (pace->rate > 0)
        pace->left -= (int64_t)size;
}

size_t pace_piece(const struct pace *pace)
{
    size_t piece = (size_t)(pace->rate * BURST_MS / 1000);

    if (pace->rate == 0)
        return SIZE_MAX;
    return piece < PIECE_MIN ? PIECE_MIN : piece;
}
