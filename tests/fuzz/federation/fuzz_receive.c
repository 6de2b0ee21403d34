// SPDX-License-Identifier: Apache-2.0
/* The first byte says in what pieces the rest comes, the second where a stream is cut and another
 * begins. Whatever is sent: each block that is told is what its CID says and the next of the walk,
 * no more comes than was promised, and what is told does not depend on the pieces. The root is the
 * one that the first stream's header names. */
#include "federation/receive.h"

#include "ipfs/car.h"
#include "ipfs/hash.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BYTES_MAX = 1 << 16, BLOCKS_MAX = 300 };

struct taken {
    struct text names; /* of the blocks that were told */
    bool is_whole;
    struct walk_stats stats;
};

static bool on_block(void *taken_, const struct cid *cid, struct slice block, struct error *err)
{
    struct taken *taken = taken_;

    if (!hash_verify(cid, block, NULL))
        abort();
    cid_print(cid, CID_BASE_DEFAULT, &taken->names);
    text_put_char(&taken->names, '\n');
    return true;
}

static bool find_root(struct slice car, struct cid *root)
{
    const struct car_limits limits = {.header_max = 1024};
    struct car_reader *reader = car_reader_create(&limits);
    bool is_found =
        car_reader_next(reader, &car, NULL) == CAR_HEADER && car_reader_root_count(reader) == 1;

    if (is_found)
        *root = car_reader_root(reader, 0);
    car_reader_destroy(&reader);
    return is_found;
}

static bool stream(struct receive *receive, struct slice car, size_t step, struct taken *taken)
{
    receive_begin(receive, false);
    while (car.size > 0) {
        struct slice piece = {car.data, step == 0 || step > car.size ? car.size : step};

        if (!receive_take(receive, piece, on_block, taken, NULL))
            return false;
        car = (struct slice){car.data + piece.size, car.size - piece.size};
    }
    return receive_cut(receive, on_block, taken, &taken->is_whole, NULL);
}

static void take(const struct cid *root, struct slice car, size_t step, size_t cut,
                 struct taken *taken)
{
    static const struct cid_set_key key = {{3, 4}};
    const struct walk_limits limits = {.bytes = BYTES_MAX, .blocks = BLOCKS_MAX, .depth = 50};
    struct walk_memory *memory = walk_memory_create(&key, SIZE_MAX);
    struct receive *receive = receive_create(root, &limits, memory, NULL);

    if (stream(receive, (struct slice){car.data, cut}, step, taken) && cut < car.size &&
        !taken->is_whole)
        (void)stream(receive, (struct slice){car.data + cut, car.size - cut}, step, taken);
    taken->stats = *receive_stats(receive);
    if (taken->stats.bytes > BYTES_MAX || taken->stats.blocks > BLOCKS_MAX ||
        taken->stats.depth > 50)
        abort();
    receive_destroy(&receive);
    walk_memory_destroy(&memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct taken whole = {0}, pieces = {0};
    struct slice car;
    struct cid root;
    size_t cut;

    if (size < 2)
        return 0;
    car = (struct slice){(const char *)data + 2, size - 2};
    cut = data[1] == 0 ? car.size : car.size * data[1] / 256;
    if (!find_root(car, &root))
        return 0;
    take(&root, car, 0, cut, &whole);
    take(&root, car, 1 + data[0], cut, &pieces);
    if (whole.is_whole != pieces.is_whole ||
        !slice_equal(text_slice(&whole.names), text_slice(&pieces.names)))
        abort();
    text_dispose(&whole.names);
    text_dispose(&pieces.names);
    return 0;
}
