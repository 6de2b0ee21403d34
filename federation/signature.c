// SPDX-License-Identifier: Apache-2.0
#include "federation/signature.h"

#include <assert.h>
#include <openssl/sha.h>

static bool put_message(const struct wire_signed *is, const struct signature_of *of,
                        struct text *out, struct error *err)
{
    uint8_t digest[SHA256_DIGEST_LENGTH];

    SHA256((const unsigned char *)(of->body.size > 0 ? of->body.data : ""), of->body.size, digest);
    return wire_signed_put(is, of->method, of->path, digest, out, err);
}

void signature_make(EVP_PKEY *key, struct wire_signed *is, const struct signature_of *of)
{
    struct text message = {0}, signature = {0};
    bool is_ours = put_message(is, of, &message, NULL);

    assert(is_ours);
    key_sign(key, SIGNATURE_CONTEXT, text_slice(&message), &signature);
    assert(signature.size == WIRE_SIGNATURE_SIZE);
    memcpy(is->signature, signature.data, WIRE_SIGNATURE_SIZE);
    text_dispose(&signature);
    text_dispose(&message);
}

static bool is_by_one_of(const struct roots *roots, const struct wire_signed *is,
                         struct slice message, struct error *err)
{
    struct slice signature = {(const char *)is->signature, WIRE_SIGNATURE_SIZE};
    int64_t at_s = (int64_t)(is->date_ms / 1000);

    for (size_t i = roots->key_count; i > 0; i--)
        if (roots_signed(roots, SIGNATURE_CONTEXT, message, roots->keys[i - 1].key, signature, at_s,
                         NULL))
            return true;
    return error_set(err, ERROR_MISMATCH,
                     "the signature is by none of the keys that %s lists for the message's date",
                     roots->org);
}

bool signature_check(const struct roots *roots, const struct wire_signed *is,
                     const struct signature_of *of, struct error *err)
{
    struct text message = {0};
    bool is_good =
        put_message(is, of, &message, err) && is_by_one_of(roots, is, text_slice(&message), err);

    text_dispose(&message);
    return is_good;
}
