// SPDX-License-Identifier: Apache-2.0
/* The first byte says in what pieces the rest comes: the same events come of any; what was read can
 * be read on from any position; the verifier gives no block that does not hash to its CID. */
#include "ipfs/car_verify.h"

#include "ipfs/hash.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct car_limits limits = {.header_max = 1 << 16, .section_max = 1 << 16};

/* One line for each event. */
static void describe(const struct car_reader *reader, enum car_event event, const struct error *err,
                     struct text *out)
{
    if (event == CAR_HEADER)
        text_put_format(out, "header %u\n", car_reader_root_count(reader));
    else if (event == CAR_BLOCK)
        text_put_format(out, "block %llu %zu %zu\n",
                        (unsigned long long)car_reader_block(reader)->offset,
                        car_reader_block(reader)->data.size, car_reader_block(reader)->section);
    else
        text_put_format(out, "%d %s\n", (int)event, err->text);
}

/* step 0: all at once. */
static void read_all(struct car_reader *reader, struct slice car, size_t step, struct text *out,
                     struct car_position *last)
{
    enum car_event event = CAR_MORE;
    struct error err = {0};

    while (event == CAR_MORE) {
        struct slice input = {car.data, step == 0 || step > car.size ? car.size : step};

        car.data += input.size;
        car.size -= input.size;
        while ((event = car_reader_next(reader, &input, &err)) == CAR_HEADER ||
               event == CAR_BLOCK) {
            describe(reader, event, &err, out);
            if (last != NULL)
                *last = car_reader_position(reader);
        }
        if (event == CAR_MORE && input.size != 0)
            abort();
        if (event == CAR_MORE && car.size == 0)
            event = car_reader_finish(reader, &err);
    }
    describe(reader, event, &err, out);
}

static void check_pieces(struct slice car, size_t step)
{
    struct car_reader *whole = car_reader_create(&limits), *pieces = car_reader_create(&limits);
    struct text a = {0}, b = {0}, c = {0};
    struct car_position last = {0};

    read_all(whole, car, 0, &a, NULL);
    read_all(pieces, car, step, &b, &last);
    if (!slice_equal(text_slice(&a), text_slice(&b)))
        abort();
    if (last.offset > 0) { /* what comes behind the last block says the same again */
        struct car_reader *rest = car_reader_create_at(&limits, &last);

        read_all(rest, (struct slice){car.data + last.offset, car.size - last.offset}, step, &c,
                 NULL);
        if (a.size < c.size || memcmp(a.data + a.size - c.size, c.data, c.size) != 0)
            abort();
        car_reader_destroy(&rest);
    }
    car_reader_destroy(&whole);
    car_reader_destroy(&pieces);
    text_dispose(&a);
    text_dispose(&b);
    text_dispose(&c);
}

static void check_verify(struct slice car)
{
    struct car_verify_options options = {
        .car = limits, .limits = {.bytes = 1 << 20, .depth = 50}, .allow_repeats = true};
    struct walk_memory *memory = walk_memory_create(&(struct cid_set_key){{1, 2}}, 1 << 20);
    struct car_verify *verify = car_verify_create(&options, memory);
    enum car_verify_event event;

    while ((event = car_verify_next(verify, &car, NULL)) == CAR_VERIFY_HEADER ||
           event == CAR_VERIFY_BLOCK)
        if (event == CAR_VERIFY_BLOCK &&
            !hash_verify(&car_verify_block(verify)->cid, car_verify_block(verify)->data, NULL))
            abort();
    if (event == CAR_VERIFY_MORE)
        while (car_verify_finish(verify, NULL) == CAR_VERIFY_BLOCK)
            ;
    car_verify_destroy(&verify);
    walk_memory_destroy(&memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    check_pieces((struct slice){(const char *)data + 1, size - 1}, data[0] % 64 + 1);
    check_verify((struct slice){(const char *)data + 1, size - 1});
    return 0;
}
