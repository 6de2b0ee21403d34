// SPDX-License-Identifier: Apache-2.0
/* What the ledger keeps of a link as bytes: the machine's record (link.h) and what goes with it.
 *
 * JSON of one form, read strictly, by the tables of wire_shape.h: a person can read a row. Numbers
 * and replies are rows of their own. Pure; any thread. */
#ifndef FEDERATION_LINK_CODEC_H
#define FEDERATION_LINK_CODEC_H

#include "auth/gateway_id.h"
#include "federation/link.h"

#include "conf/text.h"

enum { LINK_CODEC_VERSION = 1, LINK_KEPT_ADDRESS_MAX = 319 };

struct link_kept {
    struct link_record record;
    char org[ORG_SIZE]; /* theirs; before they joined: who alone may; "": any */
    /* Where we can be dialled for this link; "": as configured; "none": nowhere. */
    char our_address[LINK_KEPT_ADDRESS_MAX + 1];
};

/* Appends. */
void link_codec_print(const struct link_kept *kept, struct text *out);
/* ERROR_UNSUPPORTED: of a later version of this program. */
MUST_USE bool link_codec_parse(struct link_kept *kept, struct slice bytes, struct error *err);

#endif
