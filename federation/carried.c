// SPDX-License-Identifier: Apache-2.0
#include "federation/carried.h"

#include "federation/receive.h"
#include "ipfs/car.h"

/* Of the walk: links to a few hundred blocks. */
#define MEMORY_MAX ((size_t)1 << 20)

static bool put_section(void *sections_, const struct cid *cid, struct slice block,
                        struct error *err)
{
    struct text *sections = sections_;

    (void)err;
    car_put_section(sections, cid, block.size);
    text_put_slice(sections, block);
    return true;
}

static bool check(struct receive *receive, struct slice car, uint64_t bytes, struct text *sections,
                  struct error *err)
{
    bool is_whole = false;

    receive_begin(receive, false);
    if (!receive_take(receive, car, put_section, sections, err) ||
        !receive_end(receive, put_section, sections, &is_whole, err))
        return false;
    if (!is_whole)
        return error_set(err, ERROR_MISMATCH, "blocks of the object are missing");
    return receive_stats(receive)->bytes == bytes ||
           error_set(err, ERROR_MISMATCH, "its blocks are %llu bytes, and not %llu",
                     (unsigned long long)receive_stats(receive)->bytes, (unsigned long long)bytes);
}

bool carried_check(const struct cid *root, uint64_t bytes, struct slice car, struct text *sections,
                   uint64_t *blocks, struct error *err)
{
    static const struct cid_set_key key = {0}; /* too few to choose collisions among */
    const struct walk_limits limits = {.bytes = bytes};
    struct walk_memory *memory;
    struct receive *receive;
    bool is_it;

    if (bytes > CARRIED_BYTES_MAX || car.size > CARRIED_CAR_MAX)
        return error_set(
            err, ERROR_LIMIT,
            "only objects of at most %d bytes, in a CAR of at most %d, come with their "
            "reservation",
            CARRIED_BYTES_MAX, CARRIED_CAR_MAX);
    memory = walk_memory_create(&key, MEMORY_MAX);
    receive = receive_create(root, &limits, memory, err);
    is_it = receive != NULL && check(receive, car, bytes, sections, err);
    if (is_it)
        *blocks = receive_stats(receive)->blocks;
    receive_destroy(&receive);
    walk_memory_destroy(&memory);
    return is_it;
}
