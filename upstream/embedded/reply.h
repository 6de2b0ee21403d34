// SPDX-License-Identifier: Apache-2.0
/* How replies write what many of them have, byte for byte as Kubo's do: strings and CIDs. Pure. */
#ifndef UPSTREAM_EMBEDDED_REPLY_H
#define UPSTREAM_EMBEDDED_REPLY_H

#include "conf/error.h"
#include "conf/text.h"
#include "ipfs/call.h"
#include "ipfs/cid.h"

/* Appends a JSON string, its quotes included, as Go's encoding/json writes it: <, >, &, U+2028 and
 * U+2029 are escaped, and each byte that is no UTF-8 is written as U+FFFD. */
void reply_put_string(struct text *out, struct slice s);

/* Appends it as Go's %q writes it, its quotes included: in Kubo's messages. */
void reply_put_quoted(struct text *out, struct slice s);

/* In which form a call wants CIDs: options cid-base and upgrade-cidv0-in-output. */
struct reply_form {
    enum cid_base base; /* CID_BASE_DEFAULT: no option said */
    bool upgrades;      /* v0 CIDs are written as v1 */
};

/* Both: ERROR_UNSUPPORTED, in Kubo's words: there is no such base. */
MUST_USE bool reply_find_base(struct slice name, char *prefix, struct error *err);
MUST_USE bool reply_form_of(const struct call *call, struct reply_form *form, struct error *err);

/* Appends the CID, bare; reply_put_cid_string in quotes. */
void reply_put_cid(struct text *out, const struct reply_form *form, const struct cid *cid);
void reply_put_cid_string(struct text *out, const struct reply_form *form, const struct cid *cid);

#endif
