// SPDX-License-Identifier: Apache-2.0
/* Six words that two people compare over the telephone: the same on both sides only if their
 * gateways spoke with each other and with nobody between, and mean the same link.
 *
 * The transcript is bound to the channel by the TLS exporter (RFC 8446, section 7.5), so whoever
 * stands between two channels makes two transcripts. Of 66 bits it could still search two with the
 * same words, by trying roots or handshakes on both sides, in 2^33 tries; each is made to cost 16
 * MiB and some 50 ms by scrypt (RFC 7914: N 2^14, r 8, p 1), so that this takes decades, and not
 * the seconds that a joining may last. Run it on a job, not on a loop.
 *
 *   words = 6 x 11 bits, the first bits first, of
 *           scrypt(password: SHA-256 of the transcript, salt: "causeway words 1", 9 bytes)
 *   transcript = dag-cbor list [link, epoch, org, root hash of the inviter, org, root hash of the
 *                joiner, exporter]
 *
 * The words are of BIP-39's English list: four letters tell any two apart. Pure; any thread. */
#ifndef AUTH_WORDS_H
#define AUTH_WORDS_H

#include "auth/gateway_id.h"
#include "auth/key.h"

enum {
    WORDS_COUNT = 6,
    WORDS_LISTED = 2048,
    WORDS_SIZE = WORDS_COUNT * 9, /* of up to eight letters, spaces between, a NUL */
    WORDS_EXPORTER_SIZE = 32,
};

extern const char *const words_list[WORDS_LISTED]; /* in order */

struct words_side {
    const char *org;
    uint8_t root[KEY_HASH_SIZE];
};

struct words_transcript {
    struct slice link; /* its id */
    uint64_t epoch;
    struct words_side inviter, joiner;
    uint8_t exporter[WORDS_EXPORTER_SIZE]; /* of the connection that joined */
};

/* "able zoo ...". Returns words. */
const char *words_of(const struct words_transcript *transcript, char words[WORDS_SIZE]);

/* What a person typed, in the form of words_of: any case, blanks, commas or hyphens between, and of
 * each word at least the first four letters. Says which word is none of the list, and what may have
 * been meant. */
MUST_USE bool words_read(struct slice typed, char words[WORDS_SIZE], struct error *err);

#endif
