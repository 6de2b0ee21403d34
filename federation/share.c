// SPDX-License-Identifier: Apache-2.0
#include "federation/share.h"

void share_use(struct share *share, uint64_t used_us)
{
    share->used_us += used_us;
}

uint64_t share_wait_ms(struct share *share, uint64_t now_us)
{
    uint64_t earned_us = (now_us - share->at_us) / SHARE_PARTS;

    share->at_us += earned_us * SHARE_PARTS; /* the rest of the division counts the next time */
    share->used_us -= earned_us < share->used_us ? earned_us : share->used_us;
    if (share->used_us <= SHARE_BURST_US)
        return 0;
    return (share->used_us - SHARE_BURST_US) * SHARE_PARTS / 1000 + 1;
}
