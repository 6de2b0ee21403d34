// SPDX-License-Identifier: Apache-2.0
/* Pairs of bytes that come in any order and are wanted in that of their keys: what Kubo answers out
 * of a map, which Go prints sorted, or sorts itself. However many they are, they take about a
 * megabyte of memory; beyond that all of them are in a file without a name, for what lives no
 * longer than the process. One thread at a time. */
#ifndef UPSTREAM_EMBEDDED_SORTER_H
#define UPSTREAM_EMBEDDED_SORTER_H

#include "conf/error.h"
#include "conf/text.h"

#define SORTER_MEMORY ((size_t)1 << 20)

struct sorter;

/* folder: for the file; borrowed as long as the sorter lives. memory_max: bytes; 0: SORTER_MEMORY.
 */
struct sorter *sorter_create(const char *folder, size_t memory_max);
void sorter_destroy(struct sorter **sorter); /* NULL is fine; does not wait */

/* Copies. Of one key the last value stays. Before the first sorter_next. ERROR_IO: the file. */
MUST_USE bool sorter_put(struct sorter *sorter, struct slice key, struct slice value,
                         struct error *err);
/* The next pair, until the next call; *is_end: there was none. Keys are in the order of memcmp, one
 * before what begins with it. */
MUST_USE bool sorter_next(struct sorter *sorter, struct slice *key, struct slice *value,
                          bool *is_end, struct error *err);

#endif
