// SPDX-License-Identifier: Apache-2.0
#include "federation/receive.h"

#include "conf/memory.h"
#include "ipfs/car.h"
#include "ipfs/hash.h"

#include <assert.h>
#include <stdlib.h>

enum { HEADER_MAX = 1024, BLOCKS_LEAST = 64, BLOCK_BYTES_LEAST = 4 };

struct pending {
    struct cid cid;
    size_t start, size; /* of its bytes in held */
    uint64_t offset, behind;
};

struct receive {
    struct cid root;
    struct walk *walk;
    uint64_t bytes_max;
    struct car_reader *reader; /* of the stream under way; NULL: none */
    bool has_header, trusts;
    bool is_broken; /* the walk is over before its end */
    struct pending pending[RECEIVE_BATCH_BLOCKS];
    struct hash_claim claims[RECEIVE_BATCH_BLOCKS];
    size_t count;
    struct text held;
    uint64_t offset;
};

struct receive *receive_create(const struct cid *root, const struct walk_limits *limits,
                               struct walk_memory *memory, struct error *err)
{
    struct receive *receive = memory_alloc(sizeof(*receive));
    struct walk_limits bounds = *limits;

    if (bounds.depth == 0)
        bounds.depth = RECEIVE_DEPTH_MAX;
    if (bounds.blocks == 0)
        bounds.blocks = bounds.bytes / BLOCK_BYTES_LEAST + BLOCKS_LEAST;
    receive->root = *root;
    receive->bytes_max = bounds.bytes;
    receive->walk = walk_create(&bounds, memory);
    if (!walk_add_roots(receive->walk, root, 1, err))
        receive_destroy(&receive);
    return receive;
}

void receive_destroy(struct receive **receive)
{
    if (*receive == NULL)
        return;
    car_reader_destroy(&(*receive)->reader);
    walk_destroy(&(*receive)->walk);
    text_dispose(&(*receive)->held);
    free(*receive);
    *receive = NULL;
}

const struct walk_stats *receive_stats(const struct receive *receive)
{
    return walk_stats(receive->walk);
}

uint64_t receive_offset(const struct receive *receive)
{
    return receive->offset;
}

void receive_begin(struct receive *receive, bool trusts)
{
    const struct car_limits limits = {.header_max = HEADER_MAX};

    assert(receive->reader == NULL && receive->count == 0);
    receive->reader = car_reader_create(&limits);
    receive->has_header = false;
    receive->trusts = trusts;
    receive->offset = 0;
}

static bool fail_at(uint64_t offset, struct error *err)
{
    return error_prefix(err, "byte %llu of the stream", (unsigned long long)offset);
}

/* ---- a block that is what its CID says: is it the one that is wanted? */

static bool not_wanted(const struct cid *cid, const struct cid *wanted, struct error *err)
{
    struct text text = {0};

    cid_print(cid, CID_BASE_DEFAULT, &text);
    if (wanted == NULL) {
        text_put_text(&text, " comes when nothing is missing any more");
    } else {
        text_put_text(&text, " comes where only this one may: ");
        cid_print(wanted, CID_BASE_DEFAULT, &text);
    }
    error_set(err, ERROR_SYNTAX, "%s", text.data);
    text_dispose(&text);
    return false;
}

static bool answer(struct receive *receive, const struct cid *cid, struct slice block,
                   struct error *err)
{
    if (cid_equal(walk_wanted(receive->walk), cid)) {
        receive->is_broken = !walk_supply(receive->walk, block, err);
        return !receive->is_broken;
    }
    not_wanted(cid, walk_wanted(receive->walk), err);
    receive->is_broken = !walk_put_back(receive->walk, err);
    return false;
}

/* Identity CIDs may come or be left out. */
static bool place(struct receive *receive, const struct cid *cid, struct slice block,
                  struct error *err)
{
    for (;;) {
        switch (walk_next(receive->walk, err)) {
        case WALK_BAD:
            receive->is_broken = true;
            return false;
        case WALK_DONE:
            return not_wanted(cid, NULL, err);
        case WALK_INLINE:
            if (cid_equal(walk_wanted(receive->walk), cid))
                return true;
            break;
        case WALK_WANT:
            return answer(receive, cid, block, err);
        }
    }
}

static struct slice data_of(const struct receive *receive, const struct pending *pending)
{
    return (struct slice){receive->held.data + pending->start, pending->size};
}

static bool take_pending(struct receive *receive, size_t index, receive_block_cb on_block,
                         void *arg, struct error *err)
{
    const struct pending *pending = &receive->pending[index];
    struct slice block = data_of(receive, pending);

    if (!receive->trusts && !receive->claims[index].holds &&
        !hash_verify(&pending->cid, block, err))
        return fail_at(pending->offset, err);
    if (!place(receive, &pending->cid, block, err))
        return fail_at(pending->offset, err);
    receive->offset = pending->behind;
    return pending->cid.hash == HASH_IDENTITY || on_block(arg, &pending->cid, block, err);
}

bool receive_flush(struct receive *receive, receive_block_cb on_block, void *arg, struct error *err)
{
    bool is_fine = true;

    for (size_t i = 0; i < receive->count; i++)
        receive->claims[i] = (struct hash_claim){.cid = &receive->pending[i].cid,
                                                 .block = data_of(receive, &receive->pending[i])};
    if (!receive->trusts && receive->count > 0)
        (void)!hash_verify_many(receive->claims, receive->count, NULL); /* each says so itself */
    for (size_t i = 0; is_fine && i < receive->count; i++)
        is_fine = take_pending(receive, i, on_block, arg, err);
    receive->count = 0;
    text_clear(&receive->held);
    return is_fine;
}

/* ---- the stream */

static bool take_header(struct receive *receive, struct error *err)
{
    struct cid root;

    receive->has_header = true;
    receive->offset = car_reader_offset(receive->reader);
    if (car_reader_version(receive->reader) != 1 || car_reader_root_count(receive->reader) != 1)
        return error_set(err, ERROR_SYNTAX, "the stream is no CAR of version 1 with one root");
    root = car_reader_root(receive->reader, 0);
    return cid_equal(&root, &receive->root) ||
           error_set(err, ERROR_SYNTAX, "the stream's root is another one than the allocation's");
}

/* Before it is hashed: nobody has us hash more than was promised. */
static bool gather(struct receive *receive, struct error *err)
{
    const struct car_block *block = car_reader_block(receive->reader);
    struct pending *pending = &receive->pending[receive->count++];
    uint64_t known = receive_stats(receive)->bytes + receive->held.size;

    if (block->cid.hash != HASH_IDENTITY && known + block->data.size > receive->bytes_max) {
        error_set(err, ERROR_LIMIT, "more than the %llu bytes that were reserved",
                  (unsigned long long)receive->bytes_max);
        return fail_at(block->offset, err);
    }
    *pending = (struct pending){.cid = block->cid,
                                .start = receive->held.size,
                                .size = block->data.size,
                                .offset = block->offset,
                                .behind = car_reader_offset(receive->reader)};
    text_put_slice(&receive->held, block->data);
    return true;
}

bool receive_take(struct receive *receive, struct slice input, receive_block_cb on_block, void *arg,
                  struct error *err)
{
    for (;;) {
        switch (car_reader_next(receive->reader, &input, err)) {
        case CAR_MORE:
            return receive->has_header ||
                   car_reader_offset(receive->reader) <= UINT64_C(2) * HEADER_MAX ||
                   error_set(err, ERROR_SYNTAX, "the stream has no header where it begins");
        case CAR_HEADER:
            if (!take_header(receive, err))
                return false;
            break;
        case CAR_BLOCK:
            if (!gather(receive, err))
                return false;
            if ((receive->count == RECEIVE_BATCH_BLOCKS || receive->held.size >= RECEIVE_BATCH) &&
                !receive_flush(receive, on_block, arg, err))
                return false;
            break;
        case CAR_END:
        case CAR_BAD:
            return false;
        }
    }
}

/* Identity CIDs at the end are there with the block above them. */
static bool look(struct receive *receive, bool *is_whole, struct error *err)
{
    enum walk_step step;

    car_reader_destroy(&receive->reader);
    do
        step = walk_next(receive->walk, err);
    while (step == WALK_INLINE);
    *is_whole = step == WALK_DONE;
    if (step == WALK_WANT)
        return walk_put_back(receive->walk, err);
    return step == WALK_DONE;
}

bool receive_end(struct receive *receive, receive_block_cb on_block, void *arg, bool *is_whole,
                 struct error *err)
{
    return receive_flush(receive, on_block, arg, err) &&
           car_reader_finish(receive->reader, err) == CAR_END && look(receive, is_whole, err);
}

bool receive_cut(struct receive *receive, receive_block_cb on_block, void *arg, bool *is_whole,
                 struct error *err)
{
    return receive_flush(receive, on_block, arg, err) && look(receive, is_whole, err);
}

bool receive_recover(struct receive *receive, receive_block_cb on_block, void *arg, bool *is_whole,
                     struct error *err)
{
    struct error torn = {0};

    if (!receive_flush(receive, on_block, arg, &torn) &&
        (receive->is_broken || torn.code == ERROR_IO))
        return error_copy(err, &torn);
    if (receive->is_broken)
        return error_set(err, ERROR_MISMATCH, "what was kept is not of this object");
    return look(receive, is_whole, err);
}
