// SPDX-License-Identifier: Apache-2.0
/* An allocation's record as the ledger keeps it: deterministic dag-cbor. Pure; any thread. */
#ifndef FEDERATION_ALLOCATION_CODEC_H
#define FEDERATION_ALLOCATION_CODEC_H

#include "federation/allocation.h"

enum {
    ALLOCATION_CODEC_VERSION = 1,
    ALLOCATION_CODEC_CARRIED = 2, /* the same behind blocks that came with the reservation */
    ALLOCATION_CODEC_MAX = 2048,  /* without these */
};

void allocation_write(const struct allocation_record *record, struct text *out);
/* carried: blocks that are in no spool and not in the storage yet; empty: none. */
void allocation_write_carried(const struct allocation_record *record, struct slice carried,
                              struct text *out);
/* These, of what was written; borrowed. */
struct slice allocation_carried(struct slice bytes);
/* What is kept of both is the same. */
bool allocation_equal(const struct allocation_record *a, const struct allocation_record *b);
MUST_USE bool allocation_read(struct allocation_record *record, struct slice bytes,
                              struct error *err);

#endif
