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

static const char *const pin_modes[] = {
    [PIN_NONE] = "none",
    [PIN_DIRECT] = "direct",
    [PIN_RECURSIVE] = "recursive",
};

static const char *const pin_states[] = {
    [PIN_QUEUED] = "queued",     [PIN_PINNING] = "pinning", [PIN_PINNED] = "pinned",
    [PIN_FAILED] = "failed",     [PIN_LOST] = "lost",       [PIN_OWNERLESS] = "ownerless",
    [PIN_REMOVING] = "removing",
};

/* The place of name in names, of which those below first have none; count: it is not there. */
static size_t find_name(const char *const *names, size_t first, size_t count, struct slice name)
{
    size_t i = first;

    while (i < count && !slice_is(name, names[i]))
        i++;
    return i;
}

const char *pin_mode_name(enum pin_mode mode)
{
    assert((size_t)mode < ARRAY_SIZE(pin_modes));
    return pin_modes[mode];
}

bool pin_mode_parse(enum pin_mode *mode, struct slice name)
{
    size_t i = find_name(pin_modes, PIN_NONE, ARRAY_SIZE(pin_modes), name);

    if (i == ARRAY_SIZE(pin_modes))
        return false;
    *mode = (enum pin_mode)i;
    return true;
}

const char *pin_state_name(enum pin_state state)
{
    assert((size_t)state < ARRAY_SIZE(pin_states) && pin_states[state] != NULL);
    return pin_states[state];
}

bool pin_state_parse(enum pin_state *state, struct slice name)
{
    size_t i = find_name(pin_states, PIN_QUEUED, ARRAY_SIZE(pin_states), name);

    if (i == ARRAY_SIZE(pin_states))
        return false;
    *state = (enum pin_state)i;
    return true;
}

bool owner_equal(const struct owner *a, const struct owner *b)
{
    return a->kind == b->kind && strcmp(a->id, b->id) == 0;
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
