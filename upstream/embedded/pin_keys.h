// SPDX-License-Identifier: Apache-2.0
/* How the arguments of a call are pinned: directly, recursively, or below which recursive pin. For
 * pin/ls; in slices, on threads of the job pool, one at a time. */
#ifndef UPSTREAM_EMBEDDED_PIN_KEYS_H
#define UPSTREAM_EMBEDDED_PIN_KEYS_H

#include "upstream/embedded/task.h"

struct pin_keys;

/* type: "recursive", "direct", "indirect". via: the pin it lies below; NULL: it is one itself. */
typedef bool (*pin_keys_found)(void *arg, const struct cid *cid, struct slice type,
                               const struct cid *via, struct slice name, struct error *err);

/* type: of the pins that count, or "all"; borrowed. */
struct pin_keys *pin_keys_create(const struct task *task, struct slice type,
                                 pin_keys_found on_found, void *arg);
void pin_keys_destroy(struct pin_keys **keys); /* NULL is fine */

/* A slice. *is_end: all were found, and told in the order of the arguments. ERROR_NOT_FOUND: "path
 * '<argument>' is not pinned". */
MUST_USE bool pin_keys_run(struct pin_keys *keys, struct task *task, bool *is_end,
                           struct error *err);

#endif
