// SPDX-License-Identifier: Apache-2.0
/* Tokens: cw1_<id: 10 letters>_<secret: 52 letters>, in base32 (RFC 4648, lower case, no padding).
 * The id finds the token and may be shown; the secret is 256 random bits, of which the ledger and
 * the process keep the SHA-256 alone. And the credentials in an Authorization header (RFC 6750, RFC
 * 7617), in three forms:
 *
 *   Bearer cw1_<id>_<secret>                 curl, HTTP libraries, `ipfs --api-auth bearer:...`
 *   Basic base64(<id>:<secret>)              the habit of users of hosted providers
 *   Basic base64(<member>:cw1_<id>_<secret>) tools that want a user's name
 *
 * Pure but for token_draw; any thread. Secrets are wiped from what this module keeps. */
#ifndef AUTH_TOKEN_H
#define AUTH_TOKEN_H

#include "conf/error.h"
#include "conf/id.h"
#include "store/record.h"

enum {
    TOKEN_SECRET_LETTERS = 52,
    TOKEN_TEXT_SIZE = 4 + (TOKEN_ID_SIZE - 1) + 1 + TOKEN_SECRET_LETTERS + 1, /* with the NUL */
};

/* A new id and secret from the system's random source; text is the whole token, to be shown once
 * and wiped. */
void token_draw(char id[TOKEN_ID_SIZE], char text[TOKEN_TEXT_SIZE],
                uint8_t secret_hash[RECORD_HASH_SIZE]);

/* A new secret for an id that exists: rotation. */
void token_draw_secret(const char id[TOKEN_ID_SIZE], char text[TOKEN_TEXT_SIZE],
                       uint8_t secret_hash[RECORD_HASH_SIZE]);

bool token_id_is_valid(struct slice id);

enum credential_form { CREDENTIAL_BEARER, CREDENTIAL_BASIC_ID, CREDENTIAL_BASIC_MEMBER };

/* What a header said, before it is known whether it is true. */
struct credential {
    enum credential_form form;
    char id[TOKEN_ID_SIZE];
    uint8_t secret_hash[RECORD_HASH_SIZE];
    char member[ID_SIZE]; /* with CREDENTIAL_BASIC_MEMBER: must own the token */
};

/* The value of an Authorization header. False: it is none of the three forms; err says what is
 * wrong with it and holds no byte of a secret. Strict: base64 with exact padding and zero spare
 * bits, the letters of the token in lower case, nothing around it. */
MUST_USE bool credential_parse(struct slice value, struct credential *credential,
                               struct error *err);

/* The id that a header which was refused is about, for the throttle: whole and wrong in any of the
 * forms, or broken behind the id of a Bearer token. False: it names none. */
bool credential_guess_id(struct slice value, char id[TOKEN_ID_SIZE]);

#endif
