// SPDX-License-Identifier: Apache-2.0
#include "ipfs/car_verify.h"

#include "conf/memory.h"
#include "ipfs/hash.h"

#include <assert.h>
#include <stdlib.h>

#define BATCH_BLOCKS 256

/* A block that waits to be hashed. Its data are in the input (until that is used up) or in held. */
struct pending {
    struct cid cid;
    struct slice data; /* data.data == NULL: at held_offset */
    size_t held_offset;
    uint64_t offset;
    struct car_position behind;
};

struct car_verify {
    struct car_reader *reader;
    struct walk *walk;
    struct walk_memory *memory;
    struct cid *roots;
    size_t root_count;
    uint64_t bytes_max;
    size_t batch_bytes;
    bool allow_repeats;
    uint64_t received; /* bytes of data; given: of the blocks given */
    uint64_t given_bytes;

    struct pending pending[BATCH_BLOCKS];
    struct hash_claim claims[BATCH_BLOCKS];
    size_t count; /* of pending */
    size_t bytes; /* of their data */
    size_t given; /* of a hashed batch */
    bool hashed;
    bool all_hold;
    struct text held;

    bool stopped; /* by later, which is told after the blocks before it */
    struct error later;
    uint64_t later_offset;
    bool told; /* that all is over, because of problem */
    struct error problem;
    uint64_t problem_offset;
    struct car_verify_block block;
    struct car_position position; /* behind block */
};

static struct car_verify *create(const struct car_verify_options *options,
                                 struct walk_memory *memory)
{
    struct car_verify *verify = memory_alloc(sizeof(*verify));
    struct walk_limits limits = options->limits;

    verify->bytes_max = limits.bytes;
    limits.bytes = 0; /* counted here: before blocks are held, and with repeats */
    verify->memory = memory;
    verify->walk = walk_create(&limits, memory);
    verify->allow_repeats = options->allow_repeats;
    verify->batch_bytes = options->batch_bytes != 0 ? options->batch_bytes : CAR_VERIFY_BATCH;
    return verify;
}

struct car_verify *car_verify_create(const struct car_verify_options *options,
                                     struct walk_memory *memory)
{
    struct car_verify *verify = create(options, memory);

    verify->reader = car_reader_create(&options->car);
    if (options->roots != NULL) {
        assert(options->root_count > 0);
        verify->root_count = options->root_count;
        verify->roots = memory_resize_array(NULL, options->root_count, sizeof(*options->roots));
        memcpy(verify->roots, options->roots, options->root_count * sizeof(*options->roots));
    }
    return verify;
}

struct car_verify *car_verify_create_at(const struct car_verify_options *options,
                                        struct walk_memory *memory,
                                        const struct car_verify_position *position)
{
    struct car_verify *verify = create(options, memory);

    verify->reader = car_reader_create_at(&options->car, &position->car);
    verify->position = position->car;
    verify->received = verify->given_bytes = position->received;
    walk_restore(verify->walk, &position->stats);
    return verify;
}

void car_verify_destroy(struct car_verify **verify)
{
    if (*verify == NULL)
        return;
    car_reader_destroy(&(*verify)->reader);
    walk_destroy(&(*verify)->walk);
    free((*verify)->roots);
    text_dispose(&(*verify)->held);
    free(*verify);
    *verify = NULL;
}

const struct car_verify_block *car_verify_block(const struct car_verify *verify)
{
    return &verify->block;
}

const struct car_reader *car_verify_reader(const struct car_verify *verify)
{
    return verify->reader;
}

const struct walk_stats *car_verify_stats(const struct car_verify *verify)
{
    return walk_stats(verify->walk);
}

uint64_t car_verify_offset(const struct car_verify *verify)
{
    return verify->problem_offset;
}

struct car_verify_position car_verify_position(const struct car_verify *verify)
{
    return (struct car_verify_position){
        .car = verify->position,
        .stats = *walk_stats(verify->walk),
        .received = verify->given_bytes,
    };
}

/* verify->problem is set, without a place. */
static enum car_verify_event refuse(struct car_verify *verify, uint64_t offset)
{
    error_prefix(&verify->problem, "CAR byte %llu", (unsigned long long)offset);
    verify->problem_offset = offset;
    verify->told = true;
    return CAR_VERIFY_BAD;
}

static void stop(struct car_verify *verify, uint64_t offset)
{
    verify->stopped = true;
    verify->later_offset = offset;
}

static enum car_verify_event tell_later(struct car_verify *verify)
{
    verify->problem = verify->later;
    verify->problem_offset = verify->later_offset;
    verify->told = true;
    return CAR_VERIFY_BAD;
}

/* "WHAT <cid>". Always false. */
static bool set_about(struct car_verify *verify, enum error_code code, const char *what,
                      const struct cid *cid)
{
    struct text name = {0};

    cid_print(cid, CID_BASE_DEFAULT, &name);
    error_set(&verify->problem, code, "%s %s", what, name.data);
    text_dispose(&name);
    return false;
}

static struct slice data_of(const struct car_verify *verify, const struct pending *pending)
{
    if (pending->data.data != NULL)
        return pending->data;
    return (struct slice){verify->held.data + pending->held_offset, pending->data.size};
}

static void hold(struct car_verify *verify, struct pending *pending)
{
    pending->held_offset = verify->held.size;
    text_put_slice(&verify->held, pending->data);
    pending->data.data = NULL;
}

/* The input is about to go: keep what lies in it. */
static void hold_all(struct car_verify *verify)
{
    for (size_t i = 0; i < verify->count; i++)
        if (verify->pending[i].data.data != NULL)
            hold(verify, &verify->pending[i]);
}

static void hash_batch(struct car_verify *verify)
{
    for (size_t i = 0; i < verify->count; i++)
        verify->claims[i] = (struct hash_claim){.cid = &verify->pending[i].cid,
                                                .block = data_of(verify, &verify->pending[i])};
    verify->all_hold = hash_verify_many(verify->claims, verify->count, NULL);
    verify->hashed = true;
}

static void begin_batch(struct car_verify *verify)
{
    verify->count = verify->given = verify->bytes = 0;
    verify->hashed = false;
    text_clear(&verify->held);
}

/* Moves the walk on to this block. */
static bool meet(struct car_verify *verify, const struct cid *cid, struct slice data)
{
    struct error *err = &verify->problem;

    for (;;) {
        enum walk_step step = walk_next(verify->walk, err);

        if (step == WALK_BAD)
            return false;
        if (step == WALK_DONE)
            return set_about(verify, ERROR_SYNTAX, "no block before it links to", cid);
        if (cid_equal(walk_wanted(verify->walk), cid))
            return step == WALK_INLINE || walk_supply(verify->walk, data, err);
        if (step == WALK_WANT)
            break;
        /* an identity CID needs no section: on to the next */
    }
    set_about(verify, ERROR_SYNTAX, "out of order, or no block before it links to it:", cid);
    return false;
}

static bool place(struct car_verify *verify, const struct cid *cid, struct slice data)
{
    struct car_verify_block *block = &verify->block;

    if (!verify->memory->ops->saw(verify->memory, cid, &block->repeated, &verify->problem))
        return false;
    if (block->repeated && !verify->allow_repeats)
        return set_about(verify, ERROR_SYNTAX, "this block was there before:", cid);
    if (!block->repeated && !meet(verify, cid, data))
        return false;
    block->depth = block->repeated ? 0 : walk_wanted_depth(verify->walk);
    return true;
}

/* The next block of a hashed batch. */
static enum car_verify_event give(struct car_verify *verify)
{
    const struct hash_claim *claim = &verify->claims[verify->given];
    const struct pending *pending = &verify->pending[verify->given++];

    if (!verify->all_hold && !claim->holds) {
        if (hash_verify(&pending->cid, claim->block, &verify->problem))
            error_set(&verify->problem, ERROR_MISMATCH, "the block changed while it was read");
        return refuse(verify, pending->offset);
    }
    if (!place(verify, &pending->cid, claim->block))
        return refuse(verify, pending->offset);
    verify->block.cid = pending->cid;
    verify->block.data = claim->block;
    verify->block.offset = pending->offset;
    verify->position = pending->behind;
    verify->given_bytes += claim->block.size;
    return CAR_VERIFY_BLOCK;
}

/* What can be told without reading on. CAR_VERIFY_MORE: nothing. */
static enum car_verify_event give_ready(struct car_verify *verify)
{
    if (verify->told)
        return CAR_VERIFY_BAD;
    if (verify->hashed && verify->given < verify->count)
        return give(verify);
    if (verify->hashed)
        begin_batch(verify);
    return verify->stopped && verify->count == 0 ? tell_later(verify) : CAR_VERIFY_MORE;
}

static bool start_walk(struct car_verify *verify)
{
    struct error *err = &verify->later;

    if (verify->roots != NULL)
        return walk_add_roots(verify->walk, verify->roots, verify->root_count, err);
    for (uint32_t i = car_reader_root_count(verify->reader); i-- > 0;) {
        struct cid root = car_reader_root(verify->reader, i); /* the first comes to lie on top */

        if (!walk_add_roots(verify->walk, &root, 1, err))
            return false;
    }
    return true;
}

/* in_input: the block lies in the caller's bytes, which stay until all are taken. */
static bool add_pending(struct car_verify *verify, bool in_input)
{
    const struct car_block *block = car_reader_block(verify->reader);
    struct pending *pending = &verify->pending[verify->count];

    verify->received += block->data.size;
    if (verify->bytes_max != 0 && verify->received > verify->bytes_max)
        return error_set(&verify->later, ERROR_LIMIT,
                         "CAR byte %llu: more than the %llu bytes of blocks allowed",
                         (unsigned long long)block->offset, (unsigned long long)verify->bytes_max);
    *pending = (struct pending){.cid = block->cid,
                                .data = block->data,
                                .offset = block->offset,
                                .behind = car_reader_position(verify->reader)};
    if (!in_input)
        hold(verify, pending);
    verify->count++;
    verify->bytes += block->data.size;
    return true;
}

static bool lies_in(struct slice data, const char *start, const char *end)
{
    return (uintptr_t)data.data >= (uintptr_t)start && (uintptr_t)data.data <= (uintptr_t)end;
}

/* Reads until there is something to tell (CAR_VERIFY_BLOCK stands for that), the header, or no more
 * input. */
static enum car_verify_event read_on(struct car_verify *verify, struct slice *input)
{
    const char *start = input->data;

    for (;;) {
        const struct car_block *block = car_reader_block(verify->reader);

        switch (car_reader_next(verify->reader, input, &verify->later)) {
        case CAR_MORE:
            return CAR_VERIFY_MORE;
        case CAR_HEADER:
            if (start_walk(verify))
                return CAR_VERIFY_HEADER;
            stop(verify, 0);
            return CAR_VERIFY_BLOCK;
        case CAR_BLOCK:
            if (!add_pending(verify, lies_in(block->data, start, input->data)))
                stop(verify, block->offset);
            else if (verify->count < BATCH_BLOCKS && verify->bytes < verify->batch_bytes)
                break;
            hash_batch(verify);
            return CAR_VERIFY_BLOCK;
        case CAR_END:
        case CAR_BAD:
            stop(verify, car_reader_offset(verify->reader));
            hash_batch(verify);
            return CAR_VERIFY_BLOCK;
        }
    }
}

static enum car_verify_event next_event(struct car_verify *verify, struct slice *input)
{
    for (;;) {
        enum car_verify_event event = give_ready(verify);

        if (event != CAR_VERIFY_MORE)
            return event;
        event = read_on(verify, input);
        if (event == CAR_VERIFY_MORE && verify->count > 0 &&
            verify->bytes >= verify->batch_bytes / 2)
            hash_batch(verify); /* rather than copy so much of the input */
        else if (event == CAR_VERIFY_MORE)
            hold_all(verify);
        if (event != CAR_VERIFY_BLOCK && !verify->hashed)
            return event;
    }
}

/* The file ended well: does the walk? */
static enum car_verify_event end_walk(struct car_verify *verify)
{
    enum walk_step step;

    do
        step = walk_next(verify->walk, &verify->problem);
    while (step == WALK_INLINE);
    if (step == WALK_DONE)
        return CAR_VERIFY_END;
    if (step == WALK_WANT)
        set_about(verify, ERROR_NOT_FOUND, "the CAR ends here without", walk_wanted(verify->walk));
    return refuse(verify, car_reader_offset(verify->reader));
}

static enum car_verify_event finish_event(struct car_verify *verify)
{
    for (;;) {
        enum car_verify_event event = give_ready(verify);

        if (event != CAR_VERIFY_MORE)
            return event;
        if (verify->count > 0)
            hash_batch(verify);
        else if (car_reader_finish(verify->reader, &verify->later) == CAR_END)
            return end_walk(verify);
        else
            stop(verify, car_reader_offset(verify->reader));
    }
}

static enum car_verify_event with_problem(const struct car_verify *verify,
                                          enum car_verify_event event, struct error *err)
{
    if (event == CAR_VERIFY_BAD && err != NULL && err->code == ERROR_NONE)
        *err = verify->problem;
    return event;
}

enum car_verify_event car_verify_next(struct car_verify *verify, struct slice *input,
                                      struct error *err)
{
    return with_problem(verify, next_event(verify, input), err);
}

enum car_verify_event car_verify_finish(struct car_verify *verify, struct error *err)
{
    return with_problem(verify, finish_event(verify), err);
}
