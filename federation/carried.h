// SPDX-License-Identifier: Apache-2.0
/* Small objects whose blocks go with their reservation (docs/link-protocol.md, "Allocations"): what
 * such a CAR must be, which is what must come by PUT (receive.h): every block that a depth first
 * walk from the root wants, in its order, and nothing else. Pure; any thread. */
#ifndef FEDERATION_CARRIED_H
#define FEDERATION_CARRIED_H

#include "conf/error.h"
#include "conf/text.h"
#include "ipfs/cid.h"

#include <stdint.h>

enum {
    CARRIED_BYTES_MAX = 8 * 1024, /* of the object's blocks */
    CARRIED_CAR_MAX = 11 * 1024,  /* of the CAR: many tiny blocks may make it more; they are sent */
};

/* It came from a partner. sections: its blocks as a CAR has them behind its header are appended;
 * *blocks: of the walk, inline ones too. ERROR_MISMATCH, ERROR_LIMIT, ERROR_SYNTAX,
 * ERROR_UNSUPPORTED: it is not the object, or not of so many bytes. */
MUST_USE bool carried_check(const struct cid *root, uint64_t bytes, struct slice car,
                            struct text *sections, uint64_t *blocks, struct error *err);

#endif
