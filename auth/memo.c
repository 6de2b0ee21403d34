// SPDX-License-Identifier: Apache-2.0
#include "auth/memo.h"

#include "conf/memory.h"
#include "ipfs/hash.h"

#include <stdlib.h>

struct memo {
    uint8_t hash[RECORD_HASH_SIZE];
    uint64_t policy;
    uint64_t kept_ms;
    const struct principal *principal;
};

void memo_hash(struct slice value, uint8_t hash[RECORD_HASH_SIZE])
{
    uint8_t digest[HASH_DIGEST_MAX];

    hash_block(HASH_SHA2_256, value, digest);
    memcpy(hash, digest, RECORD_HASH_SIZE);
}

/* Also when the clock was set back. */
static bool is_too_old(const struct memo *memo, uint64_t now_ms)
{
    return now_ms < memo->kept_ms || now_ms - memo->kept_ms >= MEMO_MS ||
           record_has_expired(memo->principal->expires_ms, now_ms);
}

const struct principal *memo_find(const struct memo *memo, const struct directory *directory,
                                  uint64_t policy, const uint8_t hash[RECORD_HASH_SIZE],
                                  uint64_t now_ms)
{
    if (memo == NULL || memo->policy != policy || is_too_old(memo, now_ms) ||
        memo->principal->generation != directory_generation(directory) ||
        !record_hash_equal(memo->hash, hash))
        return NULL;
    return principal_ref(memo->principal);
}

void memo_keep(struct memo **memo_ptr, uint64_t policy, const uint8_t hash[RECORD_HASH_SIZE],
               const struct principal *principal, uint64_t now_ms)
{
    struct memo *memo = *memo_ptr;

    if (principal->has_old_secret) /* whose end changes nothing in the directory */
        return;
    if (memo == NULL)
        *memo_ptr = memo = memory_alloc(sizeof(*memo));
    principal_unref(&memo->principal);
    memcpy(memo->hash, hash, RECORD_HASH_SIZE);
    memo->policy = policy;
    memo->kept_ms = now_ms;
    memo->principal = principal_ref(principal);
}

void memo_destroy(struct memo **memo)
{
    if (*memo == NULL)
        return;
    principal_unref(&(*memo)->principal);
    free(*memo);
    *memo = NULL;
}
