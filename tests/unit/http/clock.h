// SPDX-License-Identifier: Apache-2.0
/* The monotonic clock of a test, which can be put ahead: timers of hours fire in an instant. For
 * executables linked with WRAP clock_gettime. */
#ifndef TESTS_HTTP_CLOCK_H
#define TESTS_HTTP_CLOCK_H

#include <stdint.h>

void clock_advance_ms(uint64_t ms);

#endif
