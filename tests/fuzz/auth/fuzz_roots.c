// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a signed roots document: what is read keeps every promise of the header, is written
 * back in the same bytes, and is known to whoever knows it. */
#include "auth/roots.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct roots *roots)
{
    char org[ORG_SIZE];

    assert(org_read(slice_of(roots->org), org, NULL));
    assert(roots->sequence >= 1 && roots->sequence < (uint64_t)1 << 53 && roots->issued_s >= 0);
    assert(roots->root_count >= 1 && roots->root_count <= ROOTS_MAX);
    assert(roots->next_count <= ROOTS_NEXT_MAX);
    assert(roots->key_count >= 1 && roots->key_count <= ROOTS_KEYS_MAX);
    for (size_t i = 0; i < roots->key_count; i++)
        assert(roots->keys[i].until_s > roots->keys[i].from_s &&
               (i == 0 || roots->keys[i].from_s > roots->keys[i - 1].from_s));
    assert(roots->signature_count >= 1 && roots->signature_count <= ROOTS_SIGNATURES_MAX);
}

/* One signature of a key that has nothing to do with it: the document within is the same. */
static void check_writing(const struct roots *roots)
{
    struct roots_signer signer = {.key = key_create(KEY_ED25519)};
    struct text bytes = {0};
    struct error err = {0};
    struct roots again;
    bool result = roots_write(roots, &signer, 1, &bytes, &err) &&
                  roots_read(&again, text_slice(&bytes), &err);

    assert(result && slice_equal(again.document, roots->document));
    assert(roots_accept(roots, &again, &err) == ROOTS_SAME);
    roots_dispose(&again);
    text_dispose(&bytes);
    EVP_PKEY_free(signer.key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = {(const char *)data, size};
    struct error err = {0};
    struct roots roots;
    bool is_newer;

    if (!roots_read(&roots, bytes, &err)) {
        assert(err.code != ERROR_NONE && err.text[0] != '\0');
        return 0;
    }
    assert(err.code == ERROR_NONE);
    check(&roots);
    check_writing(&roots);
    if (!roots_pin(&roots, roots.org, roots.roots[0].hash, &err))
        assert(err.code == ERROR_MISMATCH);
    assert(roots_follow(&roots, &bytes, 1, &is_newer, NULL) && !is_newer);
    roots_dispose(&roots);
    return 0;
}
