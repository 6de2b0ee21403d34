// SPDX-License-Identifier: Apache-2.0
/* Sizes and durations as people write them, and time as logs print it. All arithmetic is checked.
 * Any thread; no allocation. */
#ifndef CONF_UNITS_H
#define CONF_UNITS_H

#include "conf/error.h"
#include "conf/text.h"

#include <stdint.h>

enum { UNITS_TEXT_SIZE = 32, UNITS_TIMESTAMP_SIZE = 25 };

/* Decimal digits only: no sign, no leading zero, no point. */
MUST_USE bool units_parse_integer(struct slice text, uint64_t *value, struct error *err);

/* "65536", "512 B", "64 KiB", "10GiB", "1 MB": KiB, MiB, GiB, TiB, PiB are powers of 1024; kB (or
 * KB), MB, GB, TB, PB of 1000. One space may stand before the unit. */
MUST_USE bool units_parse_size(struct slice text, uint64_t *bytes, struct error *err);

/* "500ms", "30s", "5m", "1h", "2d", and "0". A bare number other than 0 is refused: of what? */
MUST_USE bool units_parse_duration(struct slice text, uint64_t *milliseconds, struct error *err);

/* Exact, in the largest unit that leaves no remainder: 65536 is "64 KiB", 65537 "65537 B". What is
 * printed parses back to the same value. Returns out. */
const char *units_print_size(char out[UNITS_TEXT_SIZE], uint64_t bytes);
const char *units_print_duration(char out[UNITS_TEXT_SIZE], uint64_t milliseconds);

/* RFC 3339 in UTC with milliseconds: "2026-01-31T23:59:59.123Z". Takes no lock, unlike gmtime_r.
 * Milliseconds since 1970; years 1970 to 9999. Returns out. */
const char *units_print_timestamp(char out[UNITS_TIMESTAMP_SIZE], uint64_t unix_ms);

#endif
