// SPDX-License-Identifier: Apache-2.0
#include "auth/words.h"

#include "conf/suggest.h"
#include "ipfs/dag_cbor.h"
#include "ipfs/dag_cbor_scan.h"
#include "ipfs/hash.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    BITS = 11, /* a word's */
    STRETCHED_SIZE = (WORDS_COUNT * BITS + 7) / 8,
    LETTERS_MIN = 4,
    LETTERS_MAX = 8,
    SCRYPT_N = 1 << 14,
    SCRYPT_R = 8,
    SCRYPT_P = 1,
    SCRYPT_MEMORY = 64 << 20, /* a bound for OpenSSL, above what it takes */
};

/* ---- from a transcript */

static void put_bytes(struct text *out, enum cbor_major major, const void *bytes, size_t size)
{
    dag_cbor_put_head(out, major, size);
    text_put(out, bytes, size);
}

static void put_side(struct text *out, const struct words_side *side)
{
    put_bytes(out, CBOR_TEXT, side->org, strlen(side->org));
    put_bytes(out, CBOR_BYTES, side->root, sizeof(side->root));
}

static void hash_transcript(const struct words_transcript *transcript,
                            uint8_t digest[HASH_DIGEST_MAX])
{
    struct text out = {0};

    dag_cbor_put_head(&out, CBOR_LIST, 7);
    put_bytes(&out, CBOR_TEXT, transcript->link.data, transcript->link.size);
    dag_cbor_put_head(&out, CBOR_UINT, transcript->epoch);
    put_side(&out, &transcript->inviter);
    put_side(&out, &transcript->joiner);
    put_bytes(&out, CBOR_BYTES, transcript->exporter, sizeof(transcript->exporter));
    hash_block(HASH_SHA2_256, text_slice(&out), digest);
    text_dispose(&out);
}

static void stretch(const uint8_t *digest, uint8_t out[STRETCHED_SIZE])
{
    static const char salt[] = "causeway words 1";
    int result = EVP_PBE_scrypt((const char *)digest, KEY_HASH_SIZE, (const unsigned char *)salt,
                                sizeof(salt) - 1, SCRYPT_N, SCRYPT_R, SCRYPT_P, SCRYPT_MEMORY, out,
                                STRETCHED_SIZE);

    if (result == 1)
        return;
    fprintf(stderr, "causeway: no memory to make the words that two operators compare\n");
    abort();
}

static unsigned take_bits(const uint8_t *bytes, unsigned from)
{
    unsigned value = 0;

    for (unsigned bit = from; bit < from + BITS; bit++)
        value = value << 1 | (bytes[bit / 8] >> (7 - bit % 8) & 1);
    return value;
}

const char *words_of(const struct words_transcript *transcript, char words[WORDS_SIZE])
{
    uint8_t digest[HASH_DIGEST_MAX], bits[STRETCHED_SIZE];
    size_t size = 0;

    hash_transcript(transcript, digest);
    stretch(digest, bits);
    for (unsigned i = 0; i < WORDS_COUNT; i++)
        size += (size_t)snprintf(words + size, WORDS_SIZE - size, "%s%s", i > 0 ? " " : "",
                                 words_list[take_bits(bits, i * BITS)]);
    assert(size < WORDS_SIZE);
    return words;
}

/* ---- from a person */

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_between(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '-' || c == ',';
}

/* The whole word, or a beginning of it that is its alone. */
static bool is_meant(const char *listed, const char *typed, size_t size)
{
    size_t whole = strlen(listed);

    return size == whole ? memcmp(listed, typed, size) == 0
                         : size >= LETTERS_MIN && size < whole && memcmp(listed, typed, size) == 0;
}

static const char *find(const char *typed, size_t size)
{
    for (size_t i = 0; i < WORDS_LISTED; i++)
        if (is_meant(words_list[i], typed, size))
            return words_list[i];
    return NULL;
}

static bool refuse(const char *typed, size_t size, size_t number, struct error *err)
{
    struct suggestion suggestion;

    suggestion_init(&suggestion, (struct slice){typed, size});
    for (size_t i = 0; i < WORDS_LISTED; i++)
        suggestion_offer(&suggestion, words_list[i]);
    if (suggestion.best.size == 0)
        return error_set(err, ERROR_NOT_FOUND, "word %zu, '%.*s', is not in the list", number,
                         (int)size, typed);
    return error_set(err, ERROR_NOT_FOUND,
                     "word %zu, '%.*s', is not in the list; was '%.*s' meant?", number, (int)size,
                     typed, SLICE_ARGS(suggestion.best));
}

/* The next word in lower case; size 0: there is none. */
static bool take_word(struct slice *typed, size_t number, char word[LETTERS_MAX], size_t *size,
                      struct error *err)
{
    *size = 0;
    while (typed->size > 0 && is_between(typed->data[0]))
        typed->data++, typed->size--;
    for (; typed->size > 0 && !is_between(typed->data[0]); typed->data++, typed->size--) {
        char c = typed->data[0];

        if (!is_letter(c))
            return error_set(err, ERROR_SYNTAX, "word %zu has something in it that is no letter",
                             number);
        if (*size == LETTERS_MAX)
            return error_set(err, ERROR_SYNTAX, "word %zu is longer than any in the list", number);
        word[(*size)++] = (char)(c | 0x20);
    }
    return true;
}

static bool refuse_count(size_t count, struct error *err)
{
    return error_set(err, ERROR_SYNTAX, "there are %s%zu words, and not %d",
                     count > WORDS_COUNT ? "more than " : "",
                     count > WORDS_COUNT ? (size_t)WORDS_COUNT : count, WORDS_COUNT);
}

bool words_read(struct slice typed, char words[WORDS_SIZE], struct error *err)
{
    size_t used = 0, size;
    char word[LETTERS_MAX];

    words[0] = '\0';
    for (size_t count = 0;; count++) {
        const char *listed;

        if (!take_word(&typed, count + 1, word, &size, err))
            return false;
        if (size == 0)
            return count == WORDS_COUNT || refuse_count(count, err);
        if (count == WORDS_COUNT)
            return refuse_count(count + 1, err);
        listed = find(word, size);
        if (listed == NULL)
            return refuse(word, size, count + 1, err);
        used +=
            (size_t)snprintf(words + used, WORDS_SIZE - used, "%s%s", count > 0 ? " " : "", listed);
    }
}
