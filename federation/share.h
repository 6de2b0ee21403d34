// SPDX-License-Identifier: Apache-2.0
/* How much of a thread's time one of many has had, and whether it must wait: a part of the time is
 * its own, and a burst ahead of it. Pure; monotonic microseconds. */
#ifndef FEDERATION_SHARE_H
#define FEDERATION_SHARE_H

#include <stdint.h>

enum {
    SHARE_PARTS = 4
}; /* the time is so many times what one may use of it: a thousand receipts a
       second are verified in less */

#define SHARE_BURST_US UINT64_C(200000)

struct share {
    uint64_t used_us, at_us; /* used_us is as it was at at_us */
};

/* It had so much time of the processor, once. */
void share_use(struct share *share, uint64_t used_us);
/* 0: it may go on; else how long it must wait before. */
uint64_t share_wait_ms(struct share *share, uint64_t now_us);

#endif
