// SPDX-License-Identifier: Apache-2.0
/* Reads and hashes every block of the node. What is damaged is noted by the block store, so that
 * putting it again repairs it (blocks.h). In slices, on threads of the job pool, one at a time. */
#ifndef UPSTREAM_EMBEDDED_VERIFY_H
#define UPSTREAM_EMBEDDED_VERIFY_H

#include "conf/error.h"
#include "ipfs/cid.h"

#include <stdbool.h>
#include <stdint.h>

struct node;
struct task;
struct verify;

struct verify_counts {
    uint64_t checked;          /* blocks */
    uint64_t damaged, dropped; /* of them */
};

/* One was checked (v1, raw). why NULL: it is whole. */
typedef void (*verify_checked_cb)(void *arg, const struct cid *cid, const struct error *why,
                                  const struct verify_counts *counts);

/* drops: what is damaged is removed. Nobody writes meanwhile (gate.h), so that none goes whose put
 * was just answered, since it was found in the index. */
struct verify *verify_create(struct node *node, bool drops, verify_checked_cb on_checked,
                             void *arg);
void verify_destroy(struct verify **verify); /* NULL is fine; does not wait: fits dispose */

enum verify_step {
    VERIFY_MORE,  /* the slice is due */
    VERIFY_WAITS, /* somebody writes: again in a moment */
    VERIFY_DONE,
    VERIFY_BAD, /* gate.h's errors; ERROR_IO */
};

enum verify_step verify_run(struct verify *verify, struct task *task, struct error *err);

const struct verify_counts *verify_counts(const struct verify *verify);

#endif
