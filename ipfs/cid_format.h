// SPDX-License-Identifier: Apache-2.0
/* CIDs by a format, with the signs of Kubo's `ipfs cid format`. Pure. */
#ifndef IPFS_CID_FORMAT_H
#define IPFS_CID_FORMAT_H

#include "conf/error.h"
#include "conf/text.h"
#include "ipfs/cid.h"

#include <stdbool.h>

/* Whether the format has only signs that cid_format knows, and at least one. */
MUST_USE bool cid_format_check(const char *format, struct error *err);

/* Appends cid by the format: %% %b %B %v %V %c %C %h %H %L %m %M %d %D %s %S %P, explained in the
 * help of `causeway cid`. base is a prefix of multibase.h; a v0 CID takes CID_BASE_58BTC only.
 * Codes without a name are written as Kubo does: "Code(1234)", "hash?1234". */
void cid_format(const struct cid *cid, char base, const char *format, struct text *out);

#endif
