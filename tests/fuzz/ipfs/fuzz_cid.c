// SPDX-License-Identifier: Apache-2.0
/* What is read as a CID, from text or from bytes, is the same after printing in any base and
 * reading again, and after taking it apart and making it from its parts. */
#include "ipfs/cid.h"

#include "ipfs/cid_format.h"
#include "ipfs/hash.h"

#include <assert.h>
#include <stdlib.h>

#define BASES "fFbBcCvVtTkKzmMuU"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const struct cid *cid, enum cid_base base)
{
    struct cid v1 = cid_to_v1(cid), again;
    struct text text = {0};
    bool read;

    cid_print(cid, base, &text);
    read = cid_parse(&again, text_slice(&text), NULL);
    assert(read);
    assert(cid_equal(&again, base == CID_BASE_DEFAULT ? cid : &v1));
    text_dispose(&text);
}

static void check_parts(const struct cid *cid)
{
    struct cid again;
    size_t used = 0;
    bool read;

    cid_make(&again, cid->version, cid->codec, cid->hash, cid_digest(cid), cid->digest_size);
    assert(cid_equal(&again, cid));
    assert(again.digest_offset == cid->digest_offset && again.hash_offset == cid->hash_offset);
    read = cid_read(&again, cid->bytes, cid->size, &used, NULL);
    assert(read && used == cid->size && again.codec == cid->codec && again.hash == cid->hash);
}

static void check_format(const struct cid *cid)
{
    struct text text = {0};

    cid_format(cid, cid->version == 0 ? CID_BASE_58BTC : CID_BASE_36,
               "%%%b%B%v%V%c%C%h%H%L%m%M%d%D"
               "%s%S%P",
               &text);
    assert(text.size > 0);
    text_dispose(&text);
}

static void check(const struct cid *cid, const uint8_t *data, size_t size)
{
    struct error err = {0};

    assert(cid->size <= CID_BYTES_MAX && cid->version <= 1);
    assert(cid->digest_offset + cid->digest_size == cid->size);
    check_text(cid, CID_BASE_DEFAULT);
    for (const char *base = BASES; *base != '\0'; base++)
        check_text(cid, (enum cid_base) * base);
    check_parts(cid);
    check_format(cid);
    if (!hash_verify(cid, (struct slice){(const char *)data, size}, &err))
        assert(err.code != ERROR_NONE && err.text[0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = {0};
    struct cid cid;

    if (cid_parse(&cid, (struct slice){(const char *)data, size}, &err))
        check(&cid, data, size);
    else
        assert(err.code != ERROR_NONE && err.text[0] != '\0');
    if (cid_from_bytes(&cid, data, size, NULL))
        check(&cid, data, size);
    return 0;
}
