// SPDX-License-Identifier: Apache-2.0
#include "clock.h"

#include <stdatomic.h>
#include <time.h>

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

static _Atomic uint64_t ahead_ms;

void clock_advance_ms(uint64_t ms)
{
    ahead_ms += ms;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = __real_clock_gettime(clock, now);
    uint64_t ahead = ahead_ms;

    if (clock != CLOCK_MONOTONIC)
        return result;
    now->tv_sec += (time_t)(ahead / 1000);
    now->tv_nsec += (long)(ahead % 1000) * 1000000;
    if (now->tv_nsec >= 1000000000) {
        now->tv_nsec -= 1000000000;
        now->tv_sec++;
    }
    return result;
}
