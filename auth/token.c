// SPDX-License-Identifier: Apache-2.0
#include "auth/token.h"

#include "ipfs/hash.h"
#include "ipfs/multibase.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    ID_LETTERS = TOKEN_ID_SIZE - 1,
    SECRET_SIZE = 32,
    PREFIX_SIZE = 4,      /* "cw1_" */
    BASIC_SIZE_MAX = 192, /* decoded; the longest of our forms has 132 bytes */
};

_Static_assert(TOKEN_SECRET_LETTERS == (SECRET_SIZE * 8 + 4) / 5, "base32 has 5 bits a letter");

static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '2' && c <= '7');
}

static bool are_letters(struct slice s, size_t count)
{
    for (size_t i = 0; i < s.size; i++)
        if (!is_letter(s.data[i]))
            return false;
    return s.size == count;
}

static struct slice part(struct slice s, size_t from, size_t size)
{
    assert(from + size <= s.size);
    return (struct slice){s.data + from, size};
}

static void hash_secret(const uint8_t secret[SECRET_SIZE], uint8_t secret_hash[RECORD_HASH_SIZE])
{
    uint8_t digest[HASH_DIGEST_MAX];

    hash_block(HASH_SHA2_256, (struct slice){(const char *)secret, SECRET_SIZE}, digest);
    memcpy(secret_hash, digest, RECORD_HASH_SIZE);
}

/* ---- making */

static void draw(void *bytes, int size)
{
    if (RAND_priv_bytes(bytes, size) == 1)
        return;
    fprintf(stderr, "causeway: the system gives no random bytes\n");
    abort();
}

void token_draw_secret(const char id[TOKEN_ID_SIZE], char text[TOKEN_TEXT_SIZE],
                       uint8_t secret_hash[RECORD_HASH_SIZE])
{
    uint8_t secret[SECRET_SIZE];
    struct text encoded = {0};

    draw(secret, sizeof(secret));
    hash_secret(secret, secret_hash);
    multibase_encode_bare('b', secret, sizeof(secret), &encoded);
    assert(encoded.size == TOKEN_SECRET_LETTERS);
    snprintf(text, TOKEN_TEXT_SIZE, "cw1_%s_%s", id, encoded.data);
    OPENSSL_cleanse(secret, sizeof(secret));
    OPENSSL_cleanse(encoded.data, encoded.size);
    text_dispose(&encoded);
}

void token_draw(char id[TOKEN_ID_SIZE], char text[TOKEN_TEXT_SIZE],
                uint8_t secret_hash[RECORD_HASH_SIZE])
{
    uint8_t bytes[ID_LETTERS];

    draw(bytes, sizeof(bytes));
    for (size_t i = 0; i < ID_LETTERS; i++)
        id[i] = letters[bytes[i] % 32];
    id[ID_LETTERS] = '\0';
    token_draw_secret(id, text, secret_hash);
}

/* ---- reading. No error repeats what it read: it may be a secret in a wrong place. */

bool token_id_is_valid(struct slice id)
{
    return are_letters(id, ID_LETTERS);
}

static bool parse_secret(struct slice secret, uint8_t secret_hash[RECORD_HASH_SIZE],
                         struct error *err)
{
    uint8_t bytes[SECRET_SIZE];
    size_t size = 0;
    bool is_read;

    if (!are_letters(secret, TOKEN_SECRET_LETTERS))
        return error_set(err, ERROR_SYNTAX,
                         "the token's secret is not 52 letters of a-z and 2-7; was it copied "
                         "whole?");
    is_read = multibase_decode_bare('b', secret, bytes, sizeof(bytes), &size, NULL) &&
              size == sizeof(bytes);
    if (is_read)
        hash_secret(bytes, secret_hash);
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return is_read || error_set(err, ERROR_SYNTAX,
                                "the token's last letter is one that no token ends with; was it "
                                "copied whole?");
}

static bool parse_id(struct slice id, char out[TOKEN_ID_SIZE], struct error *err)
{
    if (!token_id_is_valid(id))
        return error_set(err, ERROR_SYNTAX, "the token's id is not 10 letters of a-z and 2-7");
    memcpy(out, id.data, ID_LETTERS);
    out[ID_LETTERS] = '\0';
    return true;
}

/* cw1_<id>_<secret> */
static bool parse_token(struct slice text, struct credential *credential, struct error *err)
{
    if (!slice_starts(text, "cw1_"))
        return error_set(err, ERROR_SYNTAX, "the token does not begin with cw1_");
    if (text.size != TOKEN_TEXT_SIZE - 1)
        return error_set(err, ERROR_SYNTAX,
                         "the token has %zu characters, not %d; was it copied whole?", text.size,
                         TOKEN_TEXT_SIZE - 1);
    if (text.data[PREFIX_SIZE + ID_LETTERS] != '_')
        return error_set(err, ERROR_SYNTAX, "the token has no '_' behind its id");
    return parse_id(part(text, PREFIX_SIZE, ID_LETTERS), credential->id, err) &&
           parse_secret(part(text, PREFIX_SIZE + TOKEN_ID_SIZE, TOKEN_SECRET_LETTERS),
                        credential->secret_hash, err);
}

static bool parse_pair(struct slice user, struct slice password, struct credential *credential,
                       struct error *err)
{
    if (!slice_starts(password, "cw1_")) {
        credential->form = CREDENTIAL_BASIC_ID;
        return parse_id(user, credential->id, err) &&
               parse_secret(password, credential->secret_hash, err);
    }
    credential->form = CREDENTIAL_BASIC_MEMBER;
    if (!id_is_valid(user))
        return error_set(err, ERROR_SYNTAX,
                         "the user name beside the token cannot be a member's; write your own");
    memcpy(credential->member, user.data, user.size);
    credential->member[user.size] = '\0';
    return parse_token(password, credential, err);
}

static bool parse_basic(struct slice encoded, struct credential *credential, struct error *err)
{
    uint8_t bytes[BASIC_SIZE_MAX];
    size_t size = 0;
    bool is_read;
    const char *colon;

    if (!multibase_decode_bare('M', encoded, bytes, sizeof(bytes), &size, NULL))
        return error_set(err, ERROR_SYNTAX,
                         "what follows Basic is not base64 of a name, ':' and a secret");
    colon = size > 0 ? memchr(bytes, ':', size) : NULL;
    if (colon == NULL) {
        is_read = error_set(err, ERROR_SYNTAX, "what follows Basic has no ':' in it");
    } else {
        struct slice user = {(const char *)bytes, (size_t)(colon - (const char *)bytes)};
        struct slice password = {colon + 1, size - user.size - 1};

        is_read = parse_pair(user, password, credential, err);
    }
    OPENSSL_cleanse(bytes, sizeof(bytes));
    return is_read;
}

/* Takes "scheme" and the blanks behind it off the front. */
static bool take_scheme(struct slice *value, struct slice scheme)
{
    size_t size = scheme.size;

    if (value->size <= size || value->data[size] != ' ' ||
        !slice_equal_caseless(part(*value, 0, size), scheme))
        return false;
    while (size < value->size && value->data[size] == ' ')
        size++;
    *value = part(*value, size, value->size - size);
    return true;
}

bool credential_parse(struct slice value, struct credential *credential, struct error *err)
{
    *credential = (struct credential){.form = CREDENTIAL_BEARER};
    if (take_scheme(&value, SLICE("Bearer")))
        return parse_token(value, credential, err);
    if (take_scheme(&value, SLICE("Basic")))
        return parse_basic(value, credential, err);
    return error_set(err, ERROR_SYNTAX,
                     "the Authorization header is neither 'Bearer cw1_...' nor 'Basic ...'");
}

bool credential_guess_id(struct slice value, char id[TOKEN_ID_SIZE])
{
    struct credential credential;

    if (credential_parse(value, &credential, NULL)) {
        memcpy(id, credential.id, TOKEN_ID_SIZE);
        return true;
    }
    return take_scheme(&value, SLICE("Bearer")) && slice_starts(value, "cw1_") &&
           value.size >= PREFIX_SIZE + ID_LETTERS &&
           parse_id(part(value, PREFIX_SIZE, ID_LETTERS), id, NULL);
}
