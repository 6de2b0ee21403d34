// SPDX-License-Identifier: Apache-2.0
/* The check that the storage's blocks are whole: all of them are read and hashed. Reads and writes
 * go on meanwhile. Control thread. */
#ifndef PROXY_VERIFICATION_H
#define PROXY_VERIFICATION_H

#include "http/loop.h"
#include "upstream/upstream.h"

#include <jansson.h>

struct verification;

/* upstream: of the control thread's loop. now_ms: wall clock, since 1970. */
struct verification *verification_create(struct upstream *upstream, uint64_t (*now_ms)(void));
/* At a reload. One under way fails if the storage is another one. */
void verification_use(struct verification *verification, struct upstream *upstream);
/* Before the storage. NULL is fine. */
void verification_destroy(struct verification **verification);

/* ERROR_REFUSED: one is under way. */
MUST_USE bool verification_start(struct verification *verification, struct error *err);

/* {"phase": "verifying" or "idle", "checked", "last": {"finished", "took_ms", "checked", "damaged",
 * "examples", "fault"?} or null}. The caller's. */
json_t *verification_describe(const struct verification *verification);

#endif
