// SPDX-License-Identifier: Apache-2.0
/* Takes pins over that exist in the storage and are not this gateway's: one object after the other
 * is looked at, and becomes an owner's through the tracker (TRACKER_ADOPT). Nothing is unpinned
 * before the owner's claim is durable. One run at a time; it goes on when its asker has left.
 *
 * Of all pins: what the storage lists is kept while it is worked through, about 200 bytes a pin.
 * Control thread. */
#ifndef PROXY_ADOPTION_H
#define PROXY_ADOPTION_H

#include "proxy/write_gate.h"
#include "upstream/tracker.h"

#include <jansson.h>

struct adoption_settings {
    struct loop *loop;
    struct store *store;
    struct tracker *tracker;
    struct upstream *upstream; /* of that loop */
    struct write_gate *gate;
};

struct adoption;

struct adoption *adoption_create(const struct adoption_settings *settings);
/* Before the storage is another one: what runs ends. */
void adoption_use(struct adoption *adoption, struct upstream *upstream);
/* Before the tracker ends. NULL is fine. */
void adoption_destroy(struct adoption **adoption);

/* cids NULL: all. ERROR_REFUSED: one is under way. */
MUST_USE bool adoption_start(struct adoption *adoption, const struct owner *owner,
                             const struct cid *cids, size_t count, struct error *err);

/* {"running", "found", "done", "adopted", "ours", "failed", "faults": ["CID: why", ...], "fault"?}:
 * found of them to look at, done so far; ours: they were no others' pins; the first few faults.
 * fault: it did not come to its end. The caller's. */
json_t *adoption_describe(const struct adoption *adoption);

#endif
