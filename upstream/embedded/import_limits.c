// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/import_limits.h"

#include "ipfs/hash.h"
#include "upstream/embedded/blocks.h"

size_t import_block_max(const struct call *call)
{
    return call_option_bool(call, OPT_ALLOW_BIG_BLOCK, false) ? BLOCKS_SIZE_MAX : IMPORT_BLOCK_MAX;
}

bool import_check_block_size(size_t size, size_t size_max, struct error *err)
{
    if (size <= size_max)
        return true;
    if (size_max > IMPORT_BLOCK_MAX)
        return error_set(err, ERROR_LIMIT,
                         "a block of more than %zu bytes: the embedded node stores none, whatever "
                         "the option allow-big-block says",
                         size_max);
    return error_set(err, ERROR_LIMIT,
                     "produced block is over 2MiB: big blocks can't be exchanged with other "
                     "peers. consider using UnixFS for automatic chunking of bigger files, or "
                     "pass --allow-big-block to override");
}

bool import_check_digest(uint64_t hash, size_t size, struct error *err)
{
    if (!hash_is_supported(hash))
        return hash_check(hash, size, err);
    if (hash == HASH_IDENTITY)
        return size <= CID_DIGEST_MAX ||
               error_set(err, ERROR_UNSUPPORTED,
                         "digest too large: identity digest got %zu bytes, maximum %d", size,
                         CID_DIGEST_MAX);
    if (hash_size(hash) < HASH_DIGEST_MIN)
        return error_set(err, ERROR_UNSUPPORTED, "potentially insecure hash functions not allowed");
    if (size < HASH_DIGEST_MIN)
        return error_set(err, ERROR_UNSUPPORTED,
                         "digest too small: %s digest got %zu bytes, minimum %d",
                         hash_name(hash).text, size, HASH_DIGEST_MIN);
    return size <= hash_size(hash) ||
           error_set(err, ERROR_UNSUPPORTED,
                     "invalid cid: requested length was too large for digest");
}
