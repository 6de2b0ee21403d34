// SPDX-License-Identifier: Apache-2.0
/* Pairs of bytes that come in any order and are wanted in that of their keys: what Kubo answers out
 * of a map, which Go prints sorted. However many they are, they take about a megabyte of memory;
 * the rest is in a file without a name, for what lives no longer than the process. One thread at a
 * time. */
#ifndef UPSTREAM_EMBEDDED_SORTER_H
#define UPSTREAM_EMBEDDED_SORTER_H

#include "conf/error.h"
#include "conf/text.h"

struct sorter;

/* The file is made in folder. NULL with err: it cannot be. */
struct sorter *sorter_create(const char *folder, struct error *err);
void sorter_destroy(struct sorter **sorter); /* NULL is fine; does not wait */

/* Of one key the last value stays. Before the first sorter_next. */
MUST_USE bool sorter_put(struct sorter *sorter, struct slice key, struct slice value,
                         struct error *err);
/* The next pair, until the next call; *is_end: there was none. */
MUST_USE bool sorter_next(struct sorter *sorter, struct slice *key, struct slice *value,
                          bool *is_end, struct error *err);

#endif
