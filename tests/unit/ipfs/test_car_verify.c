// SPDX-License-Identifier: Apache-2.0
#include "ipfs/car_verify.h"

#include "tests/unit/ipfs/bytes.h"
#include "tests/unit/ipfs/dag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct cid_set_key key = {{3, 4}};

struct fixture {
    struct dag dag;
    struct walk_memory *memory;
    struct cid a, b, inline_leaf, shared, inner, root, foreign, other_root;
    struct text car;
    size_t offsets[32]; /* of its sections, and of its end */
};

/* root -> inner -> a, shared, inline;  shared -> b, a;  root -> shared, b, inner */
static int setup(void **state)
{
    struct fixture *f = memory_alloc(sizeof(*f));

    f->a = dag_put_raw(&f->dag, "aaaa");
    f->b = dag_put_raw(&f->dag, "bb");
    f->foreign = dag_put_raw(&f->dag, "foreign");
    hash_make_cid(&f->inline_leaf, 1, CODEC_RAW, HASH_IDENTITY, SLICE("inline"));
    f->shared = dag_put_links(&f->dag, "shared", (struct cid[]){f->b, f->a}, 2);
    f->inner = dag_put_links(&f->dag, "inner", (struct cid[]){f->a, f->shared, f->inline_leaf}, 3);
    f->root =
        dag_put_links(&f->dag, "root", (struct cid[]){f->inner, f->shared, f->b, f->inner}, 4);
    f->other_root = dag_put_links(&f->dag, "other", (struct cid[]){f->shared, f->foreign}, 2);
    f->memory = walk_memory_create(&key, 1 << 20);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    walk_memory_destroy(&f->memory);
    dag_dispose(&f->dag);
    text_dispose(&f->car);
    free(f);
    return 0;
}

/* A letter is a section: r(oot) i(nner) a s(hared) b f(oreign) o(ther root) I(nline)
 * X (a's CID, wrong data) J (inline's CID, wrong data) T (cut-off a) */
static void put_section(struct fixture *f, char letter)
{
    const struct {
        char letter;
        const struct cid *cid;
    } blocks[] = {{'r', &f->root}, {'i', &f->inner},   {'a', &f->a},         {'s', &f->shared},
                  {'b', &f->b},    {'f', &f->foreign}, {'o', &f->other_root}};

    for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
        if (blocks[i].letter == letter)
            dag_put_car_block(&f->dag, &f->car, blocks[i].cid);
    if (letter == 'I')
        dag_put_section(&f->car, &f->inline_leaf, SLICE("inline"));
    if (letter == 'J')
        dag_put_section(&f->car, &f->inline_leaf, SLICE("inlin_"));
    if (letter == 'X')
        dag_put_section(&f->car, &f->a, SLICE("aaab"));
    if (letter == 'T') {
        car_put_section(&f->car, &f->a, 4);
        text_put_text(&f->car, "aa");
    }
}

static void put_sections(struct fixture *f, const char *letters)
{
    f->offsets[0] = f->car.size;
    for (size_t i = 0; letters[i] != '\0'; i++) {
        put_section(f, letters[i]);
        f->offsets[i + 1] = f->car.size;
    }
}

/* Puts the offset of section N for each "@N". */
static struct text with_offsets(const struct fixture *f, const char *expected)
{
    struct text out = {0};

    for (; *expected != '\0'; expected++)
        if (*expected == '@')
            text_put_format(&out, "CAR byte %zu", f->offsets[*++expected - '0']);
        else
            text_put_char(&out, *expected);
    return out;
}

/* The data of the blocks given, each by its first letter; what came twice in capitals. */
static void note(const struct car_verify_block *block, struct text *out)
{
    const char *at = block->data.data;
    const char *last = at + block->data.size;

    /* dag-pb blocks end in their text */
    if (block->cid.codec == CODEC_DAG_PB)
        while (last[-1] >= 'a' && last[-1] <= 'z' && last - 1 > at)
            last--;
    text_put_char(out, block->cid.codec == CODEC_DAG_PB ? *last : *at);
    if (block->repeated)
        text_put_char(out, '2');
}

static enum car_verify_event drive(struct car_verify *verify, struct slice car, size_t step,
                                   struct text *out, struct error *err)
{
    for (;;) {
        struct slice input = {car.data, step < car.size ? step : car.size};
        char *copy = memory_copy(input.data, input.size); /* gone as soon as it may be */
        enum car_verify_event event;

        car.data += input.size;
        car.size -= input.size;
        input.data = copy;
        do {
            event = car_verify_next(verify, &input, err);
            if (event == CAR_VERIFY_BLOCK)
                note(car_verify_block(verify), out);
        } while (event == CAR_VERIFY_BLOCK || event == CAR_VERIFY_HEADER);
        free(copy);
        if (event == CAR_VERIFY_BAD)
            return event;
        if (car.size == 0)
            break;
    }
    for (;;) {
        enum car_verify_event event = car_verify_finish(verify, err);

        if (event != CAR_VERIFY_BLOCK)
            return event;
        note(car_verify_block(verify), out);
    }
}

static struct text verified(struct fixture *f, const struct car_verify_options *options,
                            size_t step)
{
    struct car_verify *verify;
    struct error err = {0};
    struct text out = {0};

    walk_memory_destroy(&f->memory);
    f->memory = walk_memory_create(&key, 1 << 20);
    verify = car_verify_create(options, f->memory);
    text_put_text(&out, "");
    if (drive(verify, text_slice(&f->car), step, &out, &err) == CAR_VERIFY_END)
        text_put_text(&out, ".");
    else
        text_put_format(&out, " ! %s", err.text);
    if (err.code != ERROR_NONE) {
        struct slice none = {"", 0};
        struct error again = {0};

        assert_int_equal(car_verify_next(verify, &none, &again), CAR_VERIFY_BAD);
        assert_string_equal(again.text, err.text);
        assert_true(car_verify_offset(verify) <= f->car.size);
    }
    car_verify_destroy(&verify);
    return out;
}

static void expect(struct fixture *f, const char *sections, const struct cid *roots, size_t count,
                   const struct car_verify_options *options, const char *expected)
{
    static const size_t steps[] = {1, 7, 100, 10000};
    static const size_t batches[] = {1, 20, 0};

    struct text wanted;

    text_clear(&f->car);
    car_put_header(&f->car, roots, count);
    put_sections(f, sections);
    wanted = with_offsets(f, expected);
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
        for (size_t j = 0; j < ARRAY_SIZE(batches); j++) {
            struct car_verify_options all = *options;
            struct text out;

            all.batch_bytes = batches[j];
            out = verified(f, &all, steps[i]);
            if (strncmp(out.data, wanted.data, wanted.size) != 0)
                fail_msg("%s by %zu: %s", sections, steps[i], out.data);
            text_dispose(&out);
        }
    text_dispose(&wanted);
}

static const struct car_verify_options plain;

static void test_car_verify_gives_every_block_of_a_whole_dag(void **state)
{
    struct fixture *f = *state;

    expect(f, "riasb", &f->root, 1, &plain, "riasb.");
    expect(f, "riasbI", &f->root, 1, &plain, "riasbi."); /* the identity block has a section */
    expect(f, "a", &f->a, 1, &plain, "a.");
    expect(f, "sbaof", (struct cid[]){f->shared, f->other_root}, 2, &plain, "sbaof.");
    expect(f, "sba", (struct cid[]){f->shared, f->a}, 2, &plain, "sba.");
}

static void test_car_verify_refuses_what_is_not_a_whole_dag_in_order(void **state)
{
    struct fixture *f = *state;
    const struct {
        const char *sections, *expected;
    } rows[] = {
        {"rias", "rias ! @4: the CAR ends here without bafkr"},
        {"", " ! @0: the CAR ends here without bafybei"},
        {"ria", "ria ! @3: the CAR ends here without bafybei"},
        {"irasb", " ! @0: out of order, or no block before it links to it: bafybei"},
        {"risab", "ri ! @2: out of order, or no block before it links to it: bafybei"},
        {"riabs", "ria ! @3: out of order, or no block before it links to it: bafkr"},
        {"fri", " ! @0: out of order, or no block before it links to it: bafkr"},
        {"riasbf", "riasb ! @5: no block before it links to bafkr"},
        {"riaasb", "ria ! @3: this block was there before: bafkr"},
        {"rr", "r ! @1: this block"},
        {"riXsb", "ri ! @2: the block of 4 bytes is not bafkr"},
        {"riasbJ", "riasb ! @5: the block of 6 bytes is not bafk"},
        {"riT", "ri ! @2: the section is cut off"},
        {"riXT", "ri ! @2: the block of 4 bytes is not"}, /* the first fault is told */
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        expect(f, rows[i].sections, &f->root, 1, &plain, rows[i].expected);
}

static void test_car_verify_allows_repeats_where_told_to(void **state)
{
    struct fixture *f = *state;
    struct car_verify_options repeats = {.allow_repeats = true};

    expect(f, "riasbasbabiasba", &f->root, 1, &repeats, "riasba2s2b2a2b2i2a2s2b2a2.");
    expect(f, "riasbIsI", &f->root, 1, &repeats, "riasbis2i2.");
    expect(f, "rbiasb", &f->root, 1, &repeats, "r ! @1: out of order");
    expect(f, "riasbf", &f->root, 1, &repeats, "riasb ! @5: no block");
}

static void test_car_verify_wants_the_roots_that_it_is_told(void **state)
{
    struct fixture *f = *state;
    struct car_verify_options options = {.roots = &f->shared, .root_count = 1};

    expect(f, "sba", &f->root, 1, &options, "sba."); /* whatever the header says */
    expect(f, "riasb", &f->root, 1, &options, " ! @0: out of order");
}

static void test_car_verify_keeps_its_limits(void **state)
{
    struct fixture *f = *state;
    struct car_verify_options options = {.limits = {.blocks = 6, .depth = 3, .bytes = 0}};
    uint64_t bytes = 0;

    expect(f, "riasb", &f->root, 1, &options, "riasb.");
    options.limits.blocks = 4;
    expect(f, "riasb", &f->root, 1, &options, "rias ! @4: bafkr");
    options.limits = (struct walk_limits){.depth = 2};
    expect(f, "riasb", &f->root, 1, &options, "rias ! @4: bafkr");
    for (size_t i = 0; i < f->dag.count; i++)
        if (!cid_equal(&f->dag.blocks[i].cid, &f->foreign) &&
            !cid_equal(&f->dag.blocks[i].cid, &f->other_root))
            bytes += f->dag.blocks[i].data.size;
    options.limits = (struct walk_limits){.bytes = bytes};
    expect(f, "riasb", &f->root, 1, &options, "riasb.");
    options.limits.bytes = bytes - 1;
    expect(f, "riasb", &f->root, 1, &options, "rias ! @4: more than the");
    options.allow_repeats = true; /* they count as well */
    options.limits.bytes = bytes;
    expect(f, "riasab", &f->root, 1, &options, "rias ! @4: more than the");
}

static void test_car_verify_refuses_codecs_and_hashes_by_name(void **state)
{
    struct fixture *f = *state;
    struct cid git = dag_put(&f->dag, CODEC_GIT_RAW, HASH_SHA2_256, SLICE("blob"));
    uint8_t digest[32] = {0};
    struct cid blake3;
    struct text out;

    cid_make(&blake3, 1, CODEC_RAW, 0x1e, digest, sizeof(digest));
    for (int i = 0; i < 2; i++) {
        text_clear(&f->car);
        car_put_header(&f->car, i == 0 ? &git : &blake3, 1);
        dag_put_section(&f->car, i == 0 ? &git : &blake3, SLICE("blob"));
        out = verified(f, &plain, 1000);
        assert_non_null(strstr(out.data, i == 0 ? "git-raw" : "blake3"));
        text_dispose(&out);
    }
}

static void test_car_verify_reads_other_hashes_and_versions(void **state)
{
    static const uint64_t hashes[] = {HASH_SHA1,        HASH_SHA2_512,    HASH_SHA3_256,
                                      HASH_BLAKE2B_256, HASH_BLAKE2S_256, HASH_DBL_SHA2_256};
    struct fixture *f = *state;
    struct text block = {0};
    struct cid links[ARRAY_SIZE(hashes)], root;
    struct text out;

    for (size_t i = 0; i < ARRAY_SIZE(hashes); i++)
        links[i] = dag_put(&f->dag, CODEC_RAW, hashes[i], SLICE("leaf"));
    for (size_t i = 0; i < ARRAY_SIZE(hashes); i++)
        dag_pb_put_link(&block, &(struct dag_pb_link){.cid = links[i]});
    hash_make_cid(&root, 0, CODEC_DAG_PB, HASH_SHA2_256, text_slice(&block));
    car_put_header(&f->car, &root, 1);
    dag_put_section(&f->car, &root, text_slice(&block));
    for (size_t i = 0; i < ARRAY_SIZE(hashes); i++)
        dag_put_section(&f->car, &links[i], SLICE("leaf"));
    out = verified(f, &plain, 100);
    assert_non_null(strstr(out.data, "llllll."));
    text_dispose(&out);
    text_dispose(&block);
}

/* After each block: what was remembered and the position are enough for another process. */
static void test_car_verify_goes_on_from_a_position(void **state)
{
    struct fixture *f = *state;

    car_put_header(&f->car, &f->root, 1);
    put_sections(f, "riasb");
    for (int blocks = 1; blocks <= 5; blocks++) {
        struct car_verify_options options = {.batch_bytes = 1};
        struct car_verify_position position;
        struct car_verify *verify;
        struct text out = {0};
        struct error err = {0};
        struct slice input = text_slice(&f->car);

        walk_memory_destroy(&f->memory);
        f->memory = walk_memory_create(&key, 1 << 20);
        verify = car_verify_create(&options, f->memory);
        assert_int_equal(car_verify_next(verify, &input, &err), CAR_VERIFY_HEADER);
        for (int i = 0; i < blocks; i++) {
            assert_int_equal(car_verify_next(verify, &input, &err), CAR_VERIFY_BLOCK);
            note(car_verify_block(verify), &out);
        }
        position = car_verify_position(verify);
        car_verify_destroy(&verify);

        verify = car_verify_create_at(&options, f->memory, &position);
        assert_int_equal(drive(verify,
                               (struct slice){f->car.data + position.car.offset,
                                              f->car.size - position.car.offset},
                               9, &out, &err),
                         CAR_VERIFY_END);
        assert_string_equal(out.data, "riasb");
        assert_int_equal(car_verify_stats(verify)->blocks, 6);
        car_verify_destroy(&verify);
        text_dispose(&out);
    }
}

/* Many blocks, so that batches fill by their number and by their bytes. */
static void test_car_verify_counts_what_kubo_counts(void **state)
{
    struct fixture *f = *state;
    struct car_verify_options options = {.batch_bytes = 5000};
    struct cid links[1000], root;
    struct car_verify *verify;
    struct error err = {0};
    struct text out = {0};
    uint64_t bytes = 0;

    for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
        char text[64];

        snprintf(text, sizeof(text), "%0*zu", (int)(i % 50) + 4, i);
        links[i] = dag_put_raw(&f->dag, text);
        bytes += strlen(text);
    }
    root = dag_put_links(&f->dag, "many", links, ARRAY_SIZE(links));
    bytes += f->dag.blocks[f->dag.count - 1].data.size;
    car_put_header(&f->car, &root, 1);
    dag_put_car_block(&f->dag, &f->car, &root);
    for (size_t i = 0; i < ARRAY_SIZE(links); i++)
        dag_put_car_block(&f->dag, &f->car, &links[i]);
    verify = car_verify_create(&options, f->memory);
    assert_int_equal(drive(verify, text_slice(&f->car), 4096, &out, &err), CAR_VERIFY_END);
    assert_int_equal(out.size, 1001);
    assert_int_equal(car_verify_stats(verify)->blocks, 1001);
    assert_int_equal(car_verify_stats(verify)->bytes, bytes);
    assert_int_equal(car_verify_stats(verify)->depth, 1);
    car_verify_destroy(&verify);
    text_dispose(&out);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_car_verify_gives_every_block_of_a_whole_dag),
        TEST(test_car_verify_refuses_what_is_not_a_whole_dag_in_order),
        TEST(test_car_verify_allows_repeats_where_told_to),
        TEST(test_car_verify_wants_the_roots_that_it_is_told),
        TEST(test_car_verify_keeps_its_limits),
        TEST(test_car_verify_refuses_codecs_and_hashes_by_name),
        TEST(test_car_verify_reads_other_hashes_and_versions),
        TEST(test_car_verify_goes_on_from_a_position),
        TEST(test_car_verify_counts_what_kubo_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
