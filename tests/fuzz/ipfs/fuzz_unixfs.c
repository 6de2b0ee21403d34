// SPDX-License-Identifier: Apache-2.0
/* A message that is read can be written, and what is written reads back the same. The bytes also
 * name the shape of a small file: its root is the same in whatever pieces its bytes come. */
#include "ipfs/unixfs.h"

#include "ipfs/unixfs_build.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_message(struct slice message)
{
    struct unixfs node, again;
    struct unixfs_sizes iterator;
    struct text out = {0};
    uint64_t *sizes;
    uint32_t count = 0;

    if (!unixfs_read(&node, message, NULL))
        return;
    sizes = calloc(node.block_count + 1, sizeof(*sizes));
    unixfs_sizes_begin(&iterator, &node);
    while (count < node.block_count && unixfs_next_size(&iterator, &sizes[count]))
        count++;
    if (count != node.block_count || unixfs_next_size(&iterator, &sizes[count]))
        abort();
    unixfs_put(&out, &node, sizes, count);
    if (!unixfs_read(&again, text_slice(&out), NULL) || again.type != node.type ||
        !slice_equal(again.data, node.data) || again.file_size != node.file_size ||
        again.block_count != node.block_count || again.fanout != node.fanout ||
        again.stat.mode != node.stat.mode || again.stat.has_mtime != node.stat.has_mtime)
        abort();
    (void)!unixfs_check_shard(&node, NULL);
    free(sizes);
    text_dispose(&out);
}

static bool ignore(void *arg, const struct cid *cid, struct slice block, struct error *err)
{
    return true;
}

static struct cid build(const struct unixfs_profile *profile, struct slice bytes, size_t step)
{
    struct unixfs_file *file = unixfs_file_create(profile, ignore, NULL);
    struct unixfs_entry entry;

    while (bytes.size > 0) {
        size_t size = step < bytes.size ? step : bytes.size;

        if (!unixfs_file_write(file, (struct slice){bytes.data, size}, NULL))
            abort();
        bytes.data += size;
        bytes.size -= size;
    }
    if (!unixfs_file_finish(file, NULL, &entry, NULL))
        abort();
    unixfs_file_destroy(&file);
    return entry.cid;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct unixfs_profile profile = unixfs_profile_v1();
    struct slice bytes = {(const char *)data, size};
    struct cid whole, pieces;

    check_message(bytes);
    if (size < 3 || size > 4096)
        return 0;
    profile.chunk_size = data[0] % 40 + 1;
    profile.file_links = data[1] % 5 + 2;
    profile.raw_leaves = data[2] & 1;
    whole = build(&profile, bytes, size);
    pieces = build(&profile, bytes, data[2] % 50 + 1);
    if (!cid_equal(&whole, &pieces))
        abort();
    return 0;
}
