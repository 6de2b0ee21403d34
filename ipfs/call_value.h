// SPDX-License-Identifier: Apache-2.0
/* Option values: read as Kubo reads them, written in one form. Part of call.c. Pure. */
#ifndef IPFS_CALL_VALUE_H
#define IPFS_CALL_VALUE_H

#include "conf/text.h"
#include "ipfs/catalogue.h"

#include <stdbool.h>
#include <stdint.h>

#define CALL_NUMBER_TEXT_MAX 24 /* a canonical number and its NUL */

/* Booleans as Go's strconv.ParseBool after lower-casing; "" is true. */
bool call_value_bool(struct slice text, int64_t *value);

/* Integers as Go's strconv.ParseInt and ParseUint with base 0: 0x10, 0b1, 0o17, 017, 1_000.
 * `canonical` receives decimal text. */
bool call_value_integer(enum command_option_type type, struct slice text, int64_t *value,
                        char canonical[CALL_NUMBER_TEXT_MAX]);

/* Durations as Go's time.ParseDuration: "1h30m", "-1.5s", "0". Beyond an int64 of nanoseconds they
 * are refused. */
bool call_value_duration(struct slice text, int64_t *nanoseconds);

#endif
