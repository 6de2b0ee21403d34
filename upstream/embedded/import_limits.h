// SPDX-License-Identifier: Apache-2.0
/* What blocks that come from outside may be, in the words of Kubo. Pure. */
#ifndef UPSTREAM_EMBEDDED_IMPORT_LIMITS_H
#define UPSTREAM_EMBEDDED_IMPORT_LIMITS_H

#include "conf/error.h"
#include "ipfs/call.h"

#include <stddef.h>
#include <stdint.h>

#define IMPORT_BLOCK_MAX ((size_t)2 << 20) /* what other nodes exchange */

/* How large a block may be: with the option allow-big-block, as large as the store takes it. */
size_t import_block_max(const struct call *call);
MUST_USE bool import_check_block_size(size_t size, size_t size_max, struct error *err);

/* Whether a CID may have so many bytes of that hash's digest. */
MUST_USE bool import_check_digest(uint64_t hash, size_t size, struct error *err);

#endif
