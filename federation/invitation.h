// SPDX-License-Identifier: Apache-2.0
/* An invitation: one line of text that is handed over by a way that both trust, and the proof that
 * whoever joins has it.
 *
 *   text   = "cwi1" and base32 in lower case without padding of: document, check
 *   check  = the first 4 bytes of the document's SHA-256: a slip of a paste is told from a forgery
 *   document = deterministic dag-cbor, a map of
 *     v: 1; org, link: texts; root: hash of the inviter's root; epoch; secret: 32 bytes;
 *     expires: ms since 1970; addresses: list of 1 to 4 texts, HOST:PORT, in the order to be tried
 *
 *   proof  = HMAC-SHA-256 under the secret's SHA-256 (the key) of: "causeway join 1", a NUL, the
 *            link's 26 letters, the TLS exporter of the connection, the inviter's root hash, the
 *            joiner's root hash
 *
 * The exporter (RFC 8446, section 7.5; label INVITATION_EXPORTER, no context, 32 bytes) binds the
 * proof to one connection: what a relay heard is of no use on its own. Whoever has the secret may
 * join: it is never logged. Who made it keeps the key alone, for as long as the invitation is open;
 * the key can prove too, so it is kept as tokens' hashes are. Pure; any thread. */
#ifndef FEDERATION_INVITATION_H
#define FEDERATION_INVITATION_H

#include "auth/gateway_id.h"
#include "conf/ulid.h"

#include <stdint.h>

#define INVITATION_EXPORTER "EXPORTER-causeway-link-1"

enum {
    INVITATION_ADDRESSES_MAX = 4,
    INVITATION_ADDRESS_SIZE = 320, /* HOST:PORT and a NUL */
    INVITATION_SECRET_SIZE = 32,
    INVITATION_KEY_SIZE = 32,
    INVITATION_TEXT_MAX = 4096,
    INVITATION_PROOF_SIZE = 32,
};

struct invitation {
    char link[ULID_SIZE];
    uint64_t epoch;
    char org[ORG_SIZE];
    uint8_t root[32];
    char addresses[INVITATION_ADDRESSES_MAX][INVITATION_ADDRESS_SIZE];
    size_t address_count;
    uint8_t secret[INVITATION_SECRET_SIZE];
    uint64_t expires_wall_ms;
};

/* Appends the line, without a newline. It is within the bounds above: asserted. Wipe the text. */
void invitation_print(const struct invitation *invitation, struct text *out);

/* White space in front, behind and in between (a mail program's) is passed over. No error repeats
 * the text. ERROR_MISMATCH: it was damaged on its way. ERROR_UNSUPPORTED: of a later version. */
MUST_USE bool invitation_parse(struct invitation *invitation, struct slice text, struct error *err);

struct invitation_bond {
    const char *link;
    uint8_t exporter[32];
    uint8_t inviter_root[32], joiner_root[32];
};

void invitation_key(const uint8_t secret[INVITATION_SECRET_SIZE], uint8_t key[INVITATION_KEY_SIZE]);
void invitation_prove(const uint8_t key[INVITATION_KEY_SIZE], const struct invitation_bond *bond,
                      uint8_t proof[INVITATION_PROOF_SIZE]);
/* Compares in constant time. */
bool invitation_is_proved(const uint8_t key[INVITATION_KEY_SIZE],
                          const struct invitation_bond *bond,
                          const uint8_t proof[INVITATION_PROOF_SIZE]);

#endif
