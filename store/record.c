// SPDX-License-Identifier: Apache-2.0
#include "store/record.h"

#include <assert.h>
#include <openssl/crypto.h>

static const char *const owner_kinds[] = {
    [OWNER_MEMBER] = "member",
    [OWNER_GROUP] = "group",
    [OWNER_PARTNER] = "partner",
    [OWNER_OPERATOR] = "operator",
};

const char *owner_kind_name(enum owner_kind kind)
{
    assert((size_t)kind < ARRAY_SIZE(owner_kinds) && owner_kinds[kind] != NULL);
    return owner_kinds[kind];
}

bool owner_kind_parse(enum owner_kind *kind, struct slice name)
{
    for (size_t i = OWNER_MEMBER; i < ARRAY_SIZE(owner_kinds); i++)
        if (slice_is(name, owner_kinds[i])) {
            *kind = (enum owner_kind)i;
            return true;
        }
    return false;
}

bool record_hash_equal(const uint8_t a[RECORD_HASH_SIZE], const uint8_t b[RECORD_HASH_SIZE])
{
    return CRYPTO_memcmp(a, b, RECORD_HASH_SIZE) == 0;
}
