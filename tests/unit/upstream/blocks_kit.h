// SPDX-License-Identifier: Apache-2.0
/* What the tests of the block store share: a store in a folder of its own, blocks made of numbers,
 * and writes and reads that are waited for. */
#ifndef TESTS_UNIT_UPSTREAM_BLOCKS_KIT_H
#define TESTS_UNIT_UPSTREAM_BLOCKS_KIT_H

#include "conf/memory.h"
#include "ipfs/hash.h"
#include "upstream/embedded/blocks.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { KIT_SEGMENT = 64 << 10, KIT_SEEN = 64 };

struct kit {
    char base[64];
    struct blocks_settings settings;
    char folder[96];
    struct jobs *jobs;
    struct loop *loop;
    struct blocks *blocks;
    struct blocks_opened opened;
};

/* What a callback was told. */
struct seen {
    unsigned calls;
    struct blocks_written written;
    struct error err;
    size_t count;
    enum error_code states[KIT_SEEN];
    uint32_t sizes[KIT_SEEN];
    struct cid cids[KIT_SEEN];
    uint8_t digests[KIT_SEEN][HASH_DIGEST_MAX]; /* sha2-256 of the data */
};

static inline void kit_open(struct kit *kit)
{
    struct error err = {0};

    if (!blocks_open(&kit->blocks, &kit->settings, &kit->opened, &err))
        fail_msg("%s", err.text);
}

static inline void kit_reopen(struct kit *kit)
{
    blocks_close(&kit->blocks);
    kit_open(kit);
}

static inline int kit_setup(void **state)
{
    struct kit *kit = memory_alloc(sizeof(*kit));

    snprintf(kit->base, sizeof(kit->base), "/tmp/causeway-test-XXXXXX");
    assert_non_null(mkdtemp(kit->base));
    snprintf(kit->folder, sizeof(kit->folder), "%s/blocks", kit->base);
    kit->jobs = jobs_create(2, 64);
    kit->loop = loop_create(NULL);
    kit->settings = (struct blocks_settings){
        .folder = kit->folder, .jobs = kit->jobs, .segment_max = KIT_SEGMENT};
    kit_open(kit);
    *state = kit;
    return 0;
}

static inline int kit_teardown(void **state)
{
    struct kit *kit = *state;
    char command[160];

    blocks_close(&kit->blocks);
    jobs_destroy(&kit->jobs);
    loop_turn(kit->loop, 0);
    loop_destroy(&kit->loop);
    snprintf(command, sizeof(command), "rm -rf '%s'", kit->base);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): a path of ours
    free(kit);
    return 0;
}

static inline void kit_path(const struct kit *kit, const char *name, char path[160])
{
    snprintf(path, 160, "%s/%s", kit->folder, name);
}

/* Block n of this size: the same one each time. */
static inline struct slice kit_block(unsigned n, size_t size, char *bytes, struct cid *cid)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)(n * 2654435761U >> (i % 24));
    if (size >= sizeof(n))
        memcpy(bytes, &n, sizeof(n));
    hash_make_cid(cid, 1, CODEC_RAW, HASH_SHA2_256, (struct slice){bytes, size});
    return (struct slice){bytes, size};
}

static inline void kit_put(struct blocks_write *write, unsigned n, size_t size)
{
    char *bytes = memory_alloc(size + 1);
    struct error err = {0};
    struct cid cid;
    struct slice block = kit_block(n, size, bytes, &cid);

    if (!blocks_write_put(write, &cid, block, &err))
        fail_msg("%s", err.text);
    free(bytes);
}

static inline struct cid kit_cid(unsigned n, size_t size)
{
    char *bytes = memory_alloc(size + 1);
    struct cid cid;

    kit_block(n, size, bytes, &cid);
    free(bytes);
    return cid;
}

/* ---- callbacks */

static inline void kit_on_written(void *seen_, const struct blocks_written *result,
                                  const struct error *err)
{
    struct seen *seen = seen_;

    seen->calls++;
    seen->written = *result;
    if (err != NULL)
        seen->err = *err;
}

static inline void kit_on_found(void *seen_, const struct block_found *found, size_t count,
                                const struct error *err)
{
    struct seen *seen = seen_;

    seen->calls++;
    seen->count = count;
    if (err != NULL)
        seen->err = *err;
    for (size_t i = 0; i < count && i < KIT_SEEN; i++) {
        seen->states[i] = found[i].state;
        seen->sizes[i] = found[i].size;
        seen->cids[i] = found[i].cid;
        if (found[i].data.data != NULL)
            hash_block(HASH_SHA2_256, found[i].data, seen->digests[i]);
    }
}

static inline void kit_await(struct kit *kit, const struct seen *seen)
{
    for (int turns = 0; seen->calls == 0 && turns < 2000; turns++)
        loop_turn(kit->loop, 10);
    assert_int_equal(seen->calls, 1);
}

static inline struct seen kit_write(struct kit *kit, struct blocks_write *write)
{
    struct seen seen = {0};

    if (!blocks_write_start(kit->blocks, kit->loop, write, kit_on_written, &seen, &seen.err))
        fail_msg("%s", seen.err.text);
    assert_int_equal(seen.calls, 0);
    kit_await(kit, &seen);
    return seen;
}

/* Blocks first to first + count - 1. */
static inline struct seen kit_write_many(struct kit *kit, unsigned first, unsigned count,
                                         size_t size)
{
    struct blocks_write *write = blocks_write_create();

    for (unsigned n = first; n < first + count; n++)
        kit_put(write, n, size);
    return kit_write(kit, write);
}

static inline struct seen kit_remove_many(struct kit *kit, unsigned first, unsigned count,
                                          size_t size)
{
    struct blocks_write *write = blocks_write_create();

    for (unsigned n = first; n < first + count; n++) {
        struct cid cid = kit_cid(n, size);

        blocks_write_remove(write, &cid);
    }
    return kit_write(kit, write);
}

static inline struct seen kit_compact(struct kit *kit)
{
    struct blocks_write *write = blocks_write_create();

    blocks_write_compact(write);
    return kit_write(kit, write);
}

static inline struct seen kit_read(struct kit *kit, struct blocks_read *read)
{
    struct seen seen = {0};

    if (!blocks_read_start(kit->blocks, kit->loop, read, kit_on_found, &seen, &seen.err))
        fail_msg("%s", seen.err.text);
    assert_int_equal(seen.calls, 0);
    kit_await(kit, &seen);
    return seen;
}

static inline struct seen kit_read_one(struct kit *kit, enum blocks_mode mode,
                                       const struct cid *cid)
{
    struct blocks_read *read = blocks_read_create(mode);

    blocks_read_add(read, cid);
    return kit_read(kit, read);
}

/* Each of these blocks is there and whole, or (is_there false) none is. */
static inline void kit_expect(struct kit *kit, unsigned first, unsigned count, size_t size,
                              bool is_there)
{
    for (unsigned n = first; n < first + count; n++) {
        struct cid cid = kit_cid(n, size);
        struct seen seen = kit_read_one(kit, BLOCKS_CHECKED, &cid);

        assert_int_equal(seen.count, 1);
        if (seen.states[0] != (is_there ? ERROR_NONE : ERROR_NOT_FOUND))
            fail_msg("block %u: state %d: %s", n, seen.states[0], seen.err.text);
        if (is_there) {
            assert_int_equal(seen.sizes[0], size);
            assert_memory_equal(seen.digests[0], cid_digest(&cid), 32);
        }
    }
}

static inline void kit_expect_totals(struct kit *kit, uint64_t count, uint64_t bytes)
{
    struct blocks_totals totals = blocks_totals(kit->blocks);

    assert_int_equal(totals.count, count);
    assert_int_equal(totals.bytes, bytes);
}

#endif
