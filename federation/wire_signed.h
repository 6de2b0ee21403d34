// SPDX-License-Identifier: Apache-2.0
/* What a message's signature is over, and the header it stands in.
 *
 * Pure; any thread; the signing itself (Ed25519, with the organization's key) is the caller's. The
 * bytes that are signed are eight lines:
 *
 *   causeway-link-1
 *   POST
 *   /link/v1/batch
 *   LINK            ULID
 *   EPOCH           decimal
 *   NODE SEQUENCE   who sends, and its number
 *   DATE            RFC 3339 with ms, UTC
 *   DIGEST          SHA-256 of the body as it is sent, in hex
 *
 * each ended by a newline. The header has what the request does not have elsewhere:
 *
 *   Causeway-Signed: link=LINK, epoch=EPOCH, node=NODE, sequence=SEQUENCE, date=DATE, signature=S
 *
 * in this order and spelling; S is 64 bytes in base64 without padding. An answer is signed in the
 * same way, its method being the status, such as 200. */
#ifndef FEDERATION_WIRE_SIGNED_H
#define FEDERATION_WIRE_SIGNED_H

#include "conf/error.h"
#include "conf/id.h"
#include "conf/text.h"
#include "conf/ulid.h"

#include <stdint.h>

enum {
    WIRE_SIGNATURE_SIZE = 64,
    WIRE_SIGNED_HEADER_MAX = 512,
    WIRE_PATH_MAX = 256,
};

#define WIRE_DATE_SKEW_MS UINT64_C(300000)

struct wire_signed {
    char link[ULID_SIZE];
    uint64_t epoch;
    char node[ID_SIZE];
    uint64_t sequence;
    uint64_t date_ms;
    uint8_t signature[WIRE_SIGNATURE_SIZE];
};

/* Appends what is to be signed. method: letters or digits; path: at most WIRE_PATH_MAX printable
 * ASCII bytes; ERROR_SYNTAX else, for the path may be a peer's. */
MUST_USE bool wire_signed_put(const struct wire_signed *is, struct slice method, struct slice path,
                              const uint8_t body_digest[32], struct text *out, struct error *err);

/* The header's value. */
void wire_signed_print(const struct wire_signed *is, struct text *out);
MUST_USE bool wire_signed_parse(struct wire_signed *is, struct slice value, struct error *err);

/* False: too far apart to be taken. *skew_ms: their clock ahead of ours. */
bool wire_date_is_near(uint64_t date_ms, uint64_t wall_ms, int64_t *skew_ms);

#endif
