// SPDX-License-Identifier: Apache-2.0
#include "store/record.h"

#include "conf/units.h"

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

bool token_record_rotate(struct token_record *record, const uint8_t secret_hash[RECORD_HASH_SIZE],
                         uint64_t now_ms, uint64_t old_until_ms, struct error *err)
{
    char time[UNITS_TIMESTAMP_SIZE];

    if (record->revoked_ms != 0)
        return error_set(err, ERROR_REFUSED, "token %s was revoked at %s; make a new one",
                         record->id, units_print_timestamp(time, record->revoked_ms));
    if (record_has_expired(record->expires_ms, now_ms))
        return error_set(err, ERROR_REFUSED, "token %s expired at %s; make a new one", record->id,
                         units_print_timestamp(time, record->expires_ms));
    if (record->old_until_ms > now_ms && old_until_ms != 0)
        return error_set(err, ERROR_REFUSED,
                         "token %s was rotated before, and its old secret is good until %s; wait, "
                         "or rotate with a grace of 0, which ends every old secret now",
                         record->id, units_print_timestamp(time, record->old_until_ms));
    if (old_until_ms > now_ms) {
        memcpy(record->old_secret_hash, record->secret_hash, RECORD_HASH_SIZE);
        record->old_until_ms = old_until_ms;
    } else {
        memset(record->old_secret_hash, 0, RECORD_HASH_SIZE);
        record->old_until_ms = 0;
    }
    memcpy(record->secret_hash, secret_hash, RECORD_HASH_SIZE);
    record->rotated_ms = now_ms;
    return true;
}
