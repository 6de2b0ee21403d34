// SPDX-License-Identifier: Apache-2.0
/* The readers' side: nothing here waits, locks or allocates. */
#include "auth/directory_private.h"

#include <assert.h>
#include <string.h>

static const char *const answers[] = {
    [DIRECTORY_FOUND] = "the token is good",
    [DIRECTORY_UNKNOWN] = "there is no token of this id",
    [DIRECTORY_WRONG] = "the secret is not this token's",
    [DIRECTORY_SUPERSEDED] = "the secret was replaced by a rotation",
    [DIRECTORY_OTHER_OWNER] = "the token belongs to another member than the one named",
    [DIRECTORY_EXPIRED] = "the credential has expired",
    [DIRECTORY_REVOKED] = "the token was revoked",
    [DIRECTORY_SUSPENDED] = "the member is suspended",
    [DIRECTORY_ENDED] = "the principal's sessions were ended",
};

const char *directory_answer_text(enum directory_answer answer)
{
    assert((size_t)answer < ARRAY_SIZE(answers));
    return answers[answer];
}

uint64_t directory_key_of_id(const char *id)
{
    uint64_t key = 0;

    for (size_t i = 0; i < TOKEN_ID_SIZE - 1; i++)
        key = key << 5 | (uint64_t)(id[i] >= 'a' ? id[i] - 'a' : id[i] - '2' + 26);
    return key;
}

/* FNV-1a. Ids are given by operators; two that collide end each other's sessions and are suspended
 * together, and no more. */
uint64_t directory_key_of_principal(enum principal_kind kind, struct slice id)
{
    uint64_t hash = (UINT64_C(0xcbf29ce484222325) ^ (uint64_t)kind) * UINT64_C(0x100000001b3);

    for (size_t i = 0; i < id.size; i++)
        hash = (hash ^ (unsigned char)id.data[i]) * UINT64_C(0x100000001b3);
    return hash >> 1;
}

struct directory_entry *directory_find_entry(const struct directory *directory, const char *id)
{
    uint64_t value;

    if (!table_get(atomic_load(&directory->tokens), directory_key_of_id(id), &value))
        return NULL;
    return directory_entry_of(value);
}

static enum directory_answer judge(const struct directory_entry *entry,
                                   const struct credential *credential, uint64_t now_ms,
                                   bool *is_old)
{
    *is_old = false;
    if (entry == NULL)
        return DIRECTORY_UNKNOWN;
    if (!record_hash_equal(entry->secret_hash, credential->secret_hash)) {
        *is_old = entry->old_until_ms != 0 &&
                  record_hash_equal(entry->old_secret_hash, credential->secret_hash);
        if (!*is_old)
            return DIRECTORY_WRONG;
    }
    if (credential->form == CREDENTIAL_BASIC_MEMBER &&
        (entry->owner_kind != OWNER_MEMBER ||
         !slice_is((struct slice){entry->bytes, entry->owner_size}, credential->member)))
        return DIRECTORY_OTHER_OWNER;
    if (entry->revoked_ms != 0)
        return DIRECTORY_REVOKED;
    if (record_has_expired(entry->expires_ms, now_ms))
        return DIRECTORY_EXPIRED;
    return *is_old && now_ms >= entry->old_until_ms ? DIRECTORY_SUPERSEDED : DIRECTORY_FOUND;
}

/* Roles are separated by one space each. */
static void split_roles(struct directory_token *token, size_t size)
{
    char *at = token->role_text, *end = token->role_text + size;

    token->role_count = 0;
    while (at < end && token->role_count < TOKEN_ROLES_MAX) {
        char *space = memchr(at, ' ', (size_t)(end - at));
        char *stop = space != NULL ? space : end;

        token->roles[token->role_count++] = (struct slice){at, (size_t)(stop - at)};
        at = stop + 1;
    }
}

/* What it says of its pins. */
static void copy_pins(const struct directory_entry *entry, struct directory_token *token)
{
    const char *at = entry->bytes + entry->owner_size + entry->roles_size;

    token->pin_expire_ms = entry->pin_expire_ms;
    token->pin_min_copies = entry->pin_min_copies;
    memcpy(token->pin_group, at, entry->pin_group_size);
    token->pin_group[entry->pin_group_size] = '\0';
    memcpy(token->pin_labels, at + entry->pin_group_size, entry->pin_labels_size);
    token->pin_labels[entry->pin_labels_size] = '\0';
}

static void copy_entry(const struct directory_entry *entry, struct directory_token *token)
{
    memcpy(token->id, entry->id, sizeof(token->id));
    token->owner_kind = (enum owner_kind)entry->owner_kind;
    memcpy(token->owner, entry->bytes, entry->owner_size);
    token->owner[entry->owner_size] = '\0';
    token->expires_ms = entry->expires_ms;
    token->is_narrowed = entry->roles_size > 0;
    memcpy(token->role_text, entry->bytes + entry->owner_size, entry->roles_size);
    split_roles(token, entry->roles_size);
    copy_pins(entry, token);
}

/* Writes only now and then: a cache line that all workers write to would cost them all. */
static void mark_used(struct directory_entry *entry, uint64_t now_ms)
{
    uint32_t now_s = (uint32_t)(now_ms / 1000);
    uint32_t used_s = atomic_load_explicit(&entry->used_s, memory_order_relaxed);

    if (now_s >= used_s + DIRECTORY_USE_MS / 1000)
        atomic_store_explicit(&entry->used_s, now_s, memory_order_relaxed);
}

/* Within an epoch. */
static bool is_suspended(const struct directory *directory, enum principal_kind kind,
                         struct slice id)
{
    uint64_t value;

    return table_get(atomic_load(&directory->suspended), directory_key_of_principal(kind, id),
                     &value);
}

bool directory_is_suspended(struct directory_view *reader, enum principal_kind kind,
                            struct slice id)
{
    bool result;

    epoch_enter(&reader->directory->epochs, reader->epoch);
    result = is_suspended(reader->directory, kind, id);
    epoch_leave(reader->epoch);
    return result;
}

enum directory_answer directory_authenticate(struct directory_view *reader,
                                             const struct credential *credential, uint64_t now_ms,
                                             struct directory_token *token)
{
    struct directory *directory = reader->directory;
    enum directory_answer answer;
    struct directory_entry *entry;

    /* Before the entry: what is taken away in between has a later generation. */
    token->generation = atomic_load(&directory->generation);
    epoch_enter(&directory->epochs, reader->epoch);
    entry = directory_find_entry(directory, credential->id);
    answer = judge(entry, credential, now_ms, &token->has_old_secret);
    if (answer == DIRECTORY_FOUND && entry->owner_kind == OWNER_MEMBER &&
        is_suspended(directory, PRINCIPAL_MEMBER, (struct slice){entry->bytes, entry->owner_size}))
        answer = DIRECTORY_SUSPENDED;
    if (answer == DIRECTORY_FOUND) {
        copy_entry(entry, token);
        mark_used(entry, now_ms);
    }
    epoch_leave(reader->epoch);
    return answer;
}

void directory_token_describe(const struct directory_token *token, struct principal *facts)
{
    static const enum principal_kind kinds[] = {
        [OWNER_MEMBER] = PRINCIPAL_MEMBER,
        [OWNER_GROUP] = PRINCIPAL_ANONYMOUS, /* groups own pins, and no tokens */
        [OWNER_PARTNER] = PRINCIPAL_PARTNER,
        [OWNER_OPERATOR] = PRINCIPAL_OPERATOR,
    };

    assert(token->owner_kind != OWNER_GROUP);
    facts->kind = kinds[token->owner_kind];
    facts->id = slice_of(token->owner);
    facts->token_id = slice_of(token->id);
    facts->token_roles = token->is_narrowed ? token->roles : NULL;
    facts->token_role_count = token->role_count;
    facts->expires_ms = token->expires_ms;
    facts->pin_group = slice_of(token->pin_group);
    facts->pin_expire_ms = token->pin_expire_ms;
    facts->pin_labels = slice_of(token->pin_labels);
    facts->pin_min_copies = token->pin_min_copies;
    facts->generation = token->generation;
    facts->has_old_secret = token->has_old_secret;
}

static enum directory_answer check_token(const struct directory *directory,
                                         const struct principal *principal, uint64_t now_ms)
{
    char id[TOKEN_ID_SIZE];
    const struct directory_entry *entry;
    bool is_old;

    assert(principal->token_id.size == TOKEN_ID_SIZE - 1);
    memcpy(id, principal->token_id.data, TOKEN_ID_SIZE - 1);
    id[TOKEN_ID_SIZE - 1] = '\0';
    entry = directory_find_entry(directory, id);
    if (entry == NULL)
        return DIRECTORY_UNKNOWN;
    if (entry->revoked_ms != 0)
        return DIRECTORY_REVOKED;
    is_old = principal->has_old_secret || principal->generation < entry->secret_generation;
    if (is_old && now_ms >= entry->old_until_ms)
        return DIRECTORY_SUPERSEDED;
    return record_has_expired(entry->expires_ms, now_ms) ? DIRECTORY_EXPIRED : DIRECTORY_FOUND;
}

enum directory_answer directory_check(struct directory_view *reader,
                                      const struct principal *principal, uint64_t now_ms)
{
    struct directory *directory = reader->directory;
    bool has_expired = record_has_expired(principal->expires_ms, now_ms);
    enum directory_answer answer = DIRECTORY_FOUND;
    uint64_t ended;

    if (principal->generation == atomic_load(&directory->generation) && !has_expired &&
        !principal->has_old_secret)
        return DIRECTORY_FOUND;
    epoch_enter(&directory->epochs, reader->epoch);
    if (is_suspended(directory, principal->kind, principal->id))
        answer = DIRECTORY_SUSPENDED;
    else if (table_get(atomic_load(&directory->sessions),
                       directory_key_of_principal(principal->kind, principal->id), &ended) &&
             principal->generation < ended)
        answer = DIRECTORY_ENDED;
    else if (principal->token_id.size > 0) /* whose expiry may have been put off */
        answer = check_token(directory, principal, now_ms);
    else if (has_expired)
        answer = DIRECTORY_EXPIRED;
    epoch_leave(reader->epoch);
    return answer;
}
