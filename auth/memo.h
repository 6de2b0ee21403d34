// SPDX-License-Identifier: Apache-2.0
/* What the last credential of one connection turned out to be, so that a client that sends the same
 * one with every request is not looked up every time. Kept is the SHA-256 of the header's value,
 * never the value. What is kept counts for nothing as soon as
 *
 *   - the directory changed: a token was revoked, rotated or changed, sessions were ended;
 *   - the policy in force is another one, which may say something else of the member;
 *   - the credential has expired, or MEMO_MS have passed: the use of a token is noted in lookups.
 *
 * It is about one client: not for a connection on which a proxy brings many. One thread. */
#ifndef AUTH_MEMO_H
#define AUTH_MEMO_H

#include "auth/directory.h"

struct memo;

enum { MEMO_MS = DIRECTORY_USE_MS };

void memo_hash(struct slice value, uint8_t hash[RECORD_HASH_SIZE]);

/* A reference for the caller, or NULL: look it up. memo may be NULL. policy: any number that is
 * another one for another policy. */
const struct principal *memo_find(const struct memo *memo, const struct directory *directory,
                                  uint64_t policy, const uint8_t hash[RECORD_HASH_SIZE],
                                  uint64_t now_ms);

/* Keeps another reference, in place of what was kept before. */
void memo_keep(struct memo **memo, uint64_t policy, const uint8_t hash[RECORD_HASH_SIZE],
               const struct principal *principal, uint64_t now_ms);

void memo_destroy(struct memo **memo);

#endif
