// SPDX-License-Identifier: Apache-2.0
#include "ipfs/car.h"

#include "ipfs/hash.h"
#include "tests/unit/ipfs/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* specs/transport/car/fixture/carv1-basic.car of github.com/ipld/ipld (Apache-2.0 or MIT): two
 * roots, eight blocks of three codecs. */
#define BASIC_HEADER                                                                               \
    "63a265726f6f747382d82a58250001711220f88bc853804cf294fe417e4fa83028689fcdb1b1592c5102e1474dbc" \
    "200fab8bd82a5825000171122069ea0740f9807a28f4d932c62e7c1c83be055e55072c90266ab3e79df63a365b67" \
    "76657273696f6e01"
#define BASIC_BLOCKS                                                                               \
    "280155122061be55a8e2f6b4e172338bddf184d6dbee29c98853e0a0485ecee7f27b9af0b461616161"           \
    "280155122081cc5b17018674b401b42f35ba07bb79e211239c23bffe658da1577e3e64687762626262"           \
    "2801551220b6fbd675f98e2abd22d4ed29fdc83150fedc48597e92dd1a7a24381d44a2745163636363"           \
    "511220e7dc486e97e6ebe5cdabab3e392bdad128b6e09acc94bb4e2aa2af7b986d24d0122d0a240155122061be55" \
    "a8e2f6b4e172338bddf184d6dbee29c98853e0a0485ecee7f27b9af0b412036361741804"                     \
    "8001122079a982de3c9907953d4d323cee1d0fb1ed8f45f8ef02870c0cb9e09246bd530a122d0a24015512208"    \
    "1cc5b17018674b401b42f35ba07bb79e211239c23bffe658da1577e3e6468771203646f671804122d0a221220e7"  \
    "dc486e97e6ebe5cdabab3e392bdad128b6e09acc94bb4e2aa2af7b986d24d01205666972737418338301122002ac" \
    "ecc5de2438ea4126a3010ecb1f8a599c8eff22fff1a1dcffe999b27fd3de122e0a2401551220b6fbd675f98e2abd" \
    "22d4ed29fdc83150fedc48597e92dd1a7a24381d44a274511204626561721804122f0a22122079a982de3c990795" \
    "3d4d323cee1d0fb1ed8f45f8ef02870c0cb9e09246bd530a12067365636f6e641895015b01711220f88bc853804c" \
    "f294fe417e4fa83028689fcdb1b1592c5102e1474dbc200fab8ba2646c696e6bd82a582300122002acecc5de2438" \
    "ea4126a3010ecb1f8a599c8eff22fff1a1dcffe999b27fd3de646e616d6564626c6970360171122069ea0740f980" \
    "7a28f4d932c62e7c1c83be055e55072c90266ab3e79df63a365ba2646c696e6bf6646e616d65656c696d626f"

/* A header of one short root, and its only block: 31 + 12 bytes. */
#define CID    "015500050001020304"
#define HEADER "1ea265726f6f747381d82a4a00" CID "6776657273696f6e01"
#define BLOCK  "0b" CID "0102"

/* CARv2: pragma, 16 of characteristics, data at 51, size, index. */
#define PRAGMA "0aa16776657273696f6e02"
#define V2(size, index)                                                                            \
    PRAGMA "00000000000000000000000000000000"                                                      \
           "3300000000000000" size "00000000000000" index "00000000000000"

/* Feeds hex in pieces of `step` bytes: "H<version>:<root> B<offset>:<bytes of data> ... end", or
 * "! <refusal>". */
static struct text told(const char *hex, size_t step, const struct car_limits *limits)
{
    struct car_reader *reader = car_reader_create(limits);
    struct text car = bytes_from_hex(hex), out = {0};
    struct slice rest = text_slice(&car), input = {0};
    enum car_event event = CAR_MORE;
    struct error err = {0};

    text_put_text(&out, "");
    while (event != CAR_BAD && event != CAR_END) {
        event = car_reader_next(reader, &input, &err);
        if (event == CAR_HEADER) {
            text_put_format(&out, "H%d:%u ", car_reader_version(reader),
                            car_reader_root_count(reader));
        } else if (event == CAR_BLOCK) {
            text_put_format(&out, "B%d:%zu ", (int)car_reader_block(reader)->offset,
                            car_reader_block(reader)->data.size);
        } else if (event == CAR_MORE && rest.size > 0) {
            assert_int_equal(input.size, 0);
            input = (struct slice){rest.data, step < rest.size ? step : rest.size};
            rest.data += input.size;
            rest.size -= input.size;
        } else if (event == CAR_MORE) {
            event = car_reader_finish(reader, &err);
        }
    }
    text_put_format(&out, event == CAR_END ? "end" : "! %s", err.text);
    if (event == CAR_BAD)
        assert_int_equal(car_reader_next(reader, &input, NULL), CAR_BAD);
    car_reader_destroy(&reader);
    text_dispose(&car);
    return out;
}

static const struct {
    const char *hex, *told;
} good[] = {
    {BASIC_HEADER BASIC_BLOCKS,
     "H1:2 B100:4 B141:4 B182:4 B223:47 B305:94 B435:97 B568:55 B660:18 end"},
    {HEADER, "H1:1 end"},
    {HEADER BLOCK, "H1:1 B31:2 end"},
    {HEADER "09" CID, "H1:1 B31:0 end"},
    {HEADER BLOCK BLOCK, "H1:1 B31:2 B43:2 end"},
    /* version before roots */
    {"1ea2"
     "6776657273696f6e01"
     "65726f6f747381d82a4a00" CID BLOCK,
     "H1:1 B31:2 end"},
    {V2("1f", "00") HEADER, "H2:1 end"},
    {V2("2b", "00") HEADER BLOCK, "H2:1 B82:2 end"},
    {V2("2b", "00") HEADER BLOCK "ffffffff", "H2:1 B82:2 end"},
    {V2("2b", "60") HEADER BLOCK "0000"
                                 "8108",
     "H2:1 B82:2 end"},
};

static void test_car_reads_versions_1_and_2_in_pieces_of_any_size(void **state)
{
    static const size_t steps[] = {1, 2, 3, 7, 40, 1000};

    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        for (size_t j = 0; j < ARRAY_SIZE(steps); j++) {
            struct text out = told(good[i].hex, steps[j], NULL);

            if (strcmp(out.data, good[i].told) != 0)
                fail_msg("%zu by %zu: %s", i, steps[j], out.data);
            text_dispose(&out);
        }
}

static const struct {
    const char *hex, *told;
} bad[] = {
    {"", "! CAR byte 0: there are no bytes"},
    {"00", "! CAR byte 0: the header is empty"},
    {"ff", "! CAR byte 1: the CAR ends inside its header"},
    {"a000", "! CAR byte 0: the length "},
    {"ffffffffffffffffff01", "! CAR byte 0: the length "},
    {"81804000", "! CAR byte 0: the header has 1048577 bytes, more than the 1048576 allowed"},
    {"1ea265", "! CAR byte 3: the CAR ends inside its header"},
    {"01a0", "! CAR byte 0: the header has no version"},
    {"0101", "! CAR byte 0: the header has no version"},
    {"0a"
     "a16776657273696f6e01",
     "! CAR byte 0: the header does not list one root or more"},
    {"0a"
     "a16776657273696f6e03",
     "! CAR byte 0: version 3 is not supported"},
    {"0a"
     "a16776657273696f6e61",
     "! CAR byte 0: the header: dag-cbor: byte 9"},
    {"11"
     "a265726f6f7473806776657273696f6e01",
     "! CAR byte 0: the header does not list"},
    {"12"
     "a265726f6f747381016776657273696f6e01",
     "! CAR byte 0: root 0 of the header is not a CID"},
    {"12"
     "a265726f6f747381806776657273696f6e01",
     "! CAR byte 0: root 0 of the header is not a CID"},
    {"1fa265726f6f747381d82a4a00" CID "6776657273696f6e0100", "! CAR byte 0: the header: dag-cbor: "
                                                              "byte 30: more bytes behind"},
    {"21a365726f6f747381d82a4a00" CID "6776657273696f6e01616101",
     "! CAR byte 0: the header has more than version and roots"},
    {HEADER "00", "H1:1 ! CAR byte 31: a section is empty"},
    {HEADER BLOCK "00", "H1:1 B31:2 ! CAR byte 43: a section is empty"},
    {HEADER "0b" CID "01", "H1:1 ! CAR byte 31: the section is cut off"},
    {HEADER "8b", "H1:1 ! CAR byte 31: the section is cut off"},
    {HEADER "8b00" CID "0102", "H1:1 ! CAR byte 31: the length "},
    {HEADER "81808004", "H1:1 ! CAR byte 31: the section has 8388609 bytes, more than the 8388608"},
    {HEADER "05" CID, "H1:1 ! CAR byte 31: the section's CID: "},
    {HEADER "020155", "H1:1 ! CAR byte 31: the section's CID: "},
    {HEADER "0b"
            "ff5500050001020304"
            "0102",
     "H1:1 ! CAR byte 31: the section's CID: "},
    {PRAGMA, "! CAR byte 11: the CAR ends inside its header"},
    {V2("00", "00") HEADER, "! CAR byte 35: the data of a CARv2 cannot have that size"},
    {V2("1f", "33") HEADER, "! CAR byte 43: the index of a CARv2 cannot begin inside its data"},
    {V2("2b", "00") HEADER, "H2:1 ! CAR byte 82: the CARv2 ends inside its data"},
    {V2("2a", "00") HEADER BLOCK, "H2:1 ! CAR byte 82: this part runs past the end"},
    {V2("1e", "00") HEADER BLOCK, "! CAR byte 51: this part runs past the end"},
    {V2("20", "00") HEADER "8b00", "H2:1 ! CAR byte 82: "},
    {V2("2b", "7f") HEADER BLOCK, "H2:1 B82:2 ! CAR byte 94: the CARv2 ends before its index"},
    {V2("0b", "00") PRAGMA, "! CAR byte 51: version 2 inside a CARv2 is not supported"},
    {PRAGMA "00000000000000000000000000000000"
            "3200000000000000"
            "2100000000000000"
            "0000000000000000",
     "! CAR byte 27: the data of a CARv2 cannot begin inside its header"},
    {PRAGMA "00000000000000000000000000000000"
            "ffffffffffffffff"
            "2100000000000000"
            "0000000000000000",
     "! CAR byte 27: the data of a CARv2 cannot begin inside its header"},
    {PRAGMA "00000000000000000000000000000000"
            "3300000000000000"
            "ffffffffffffffff"
            "0000000000000000",
     "! CAR byte 35: the data of a CARv2 cannot have that size"},
};

static void test_car_refuses_with_what_and_at_which_byte(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        for (size_t step = 1; step < 1000; step *= 6) {
            struct text out = told(bad[i].hex, step, NULL);

            if (strncmp(out.data, bad[i].told, strlen(bad[i].told)) != 0)
                fail_msg("%zu by %zu: %s", i, step, out.data);
            text_dispose(&out);
        }
}

static void test_car_ends_at_zero_padding_where_told_to(void **state)
{
    struct car_limits padded = {.zero_padded = true};
    struct text zeros = told(HEADER BLOCK "00000000", 3, &padded);
    struct text data = told(HEADER BLOCK "0000" BLOCK, 3, &padded);

    assert_string_equal(zeros.data, "H1:1 B31:2 end");
    assert_string_equal(data.data,
                        "H1:1 B31:2 ! CAR byte 45: data behind the section that ends it");
    text_dispose(&zeros);
    text_dispose(&data);
}

static void test_car_keeps_its_limits(void **state)
{
    struct car_limits fits = {.header_max = 30, .section_max = 11};
    struct car_limits small_header = {.header_max = 29}, small_section = {.section_max = 10};
    struct text a = told(HEADER BLOCK, 5, &fits), b = told(HEADER BLOCK, 5, &small_header);
    struct text c = told(HEADER BLOCK, 5, &small_section);

    assert_string_equal(a.data, "H1:1 B31:2 end");
    assert_string_equal(b.data, "! CAR byte 0: the header has 30 bytes, more than the 29 allowed");
    assert_string_equal(c.data,
                        "H1:1 ! CAR byte 31: the section has 11 bytes, more than the 10 allowed");
    text_dispose(&a);
    text_dispose(&b);
    text_dispose(&c);
}

/* A length that is announced costs nothing until its bytes come. */
static void test_car_does_not_reserve_what_is_only_announced(void **state)
{
    struct car_limits limits = {.section_max = UINT32_MAX};
    struct text car = bytes_from_hex(HEADER "ffffffff0f");

    for (int i = 0; i < 100; i++) { /* 400 GiB, were they reserved */
        struct car_reader *reader = car_reader_create(&limits);
        struct slice input = text_slice(&car);

        assert_int_equal(car_reader_next(reader, &input, NULL), CAR_HEADER);
        assert_int_equal(car_reader_next(reader, &input, NULL), CAR_MORE);
        car_reader_destroy(&reader);
    }
    text_dispose(&car);
}

static void test_car_writes_what_it_read(void **state)
{
    struct text car = bytes_from_hex(BASIC_HEADER BASIC_BLOCKS), out = {0};
    struct car_reader *reader = car_reader_create(NULL);
    struct slice input = text_slice(&car);
    struct cid roots[2];

    assert_int_equal(car_reader_next(reader, &input, NULL), CAR_HEADER);
    for (uint32_t i = 0; i < 2; i++)
        roots[i] = car_reader_root(reader, i);
    car_put_header(&out, roots, 2);
    while (car_reader_next(reader, &input, NULL) == CAR_BLOCK) {
        const struct car_block *block = car_reader_block(reader);
        size_t before = out.size;

        assert_true(hash_verify(&block->cid, block->data, NULL));
        car_put_section(&out, &block->cid, block->data.size);
        text_put_slice(&out, block->data);
        assert_int_equal(out.size - before, block->section);
        assert_int_equal(out.size - before, car_section_size(&block->cid, block->data.size));
    }
    assert_int_equal(car_reader_finish(reader, NULL), CAR_END);
    assert_true(slice_equal(text_slice(&out), text_slice(&car)));
    car_reader_destroy(&reader);
    text_dispose(&car);
    text_dispose(&out);
}

static void test_car_writes_the_headers_that_kubo_writes(void **state)
{
    static const struct {
        const char *cid, *before, *behind;
        size_t size;
    } rows[] = {
        {"bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354",
         "3aa265726f6f747381d82a58250001701220", "6776657273696f6e01", 59},
        {"QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn", "38a265726f6f747381d82a5823001220",
         "6776657273696f6e01", 57},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct text out = {0}, hex;
        struct cid root;

        assert_true(cid_parse(&root, slice_of(rows[i].cid), NULL));
        car_put_header(&out, &root, 1);
        hex = bytes_to_hex(text_slice(&out));
        assert_int_equal(out.size, rows[i].size);
        assert_true(slice_starts(text_slice(&hex), rows[i].before));
        assert_string_equal(hex.data + hex.size - strlen(rows[i].behind), rows[i].behind);
        text_dispose(&out);
        text_dispose(&hex);
    }
}

/* From behind every block, version 1 and 2, another reader reads on as the first would have. */
static void test_car_goes_on_from_a_position(void **state)
{
    static const char *const cars[] = {HEADER BLOCK "09" CID BLOCK,
                                       V2("41", "74") HEADER BLOCK "09" CID BLOCK "8108"};

    for (size_t i = 0; i < ARRAY_SIZE(cars); i++)
        for (int blocks = 0; blocks <= 3; blocks++) {
            struct text car = bytes_from_hex(cars[i]);
            struct slice input = text_slice(&car);
            struct car_reader *reader = car_reader_create(NULL);
            struct car_position position;
            int rest = 0;

            assert_int_equal(car_reader_next(reader, &input, NULL), CAR_HEADER);
            for (int j = 0; j < blocks; j++)
                assert_int_equal(car_reader_next(reader, &input, NULL), CAR_BLOCK);
            position = car_reader_position(reader);
            car_reader_destroy(&reader);
            reader = car_reader_create_at(NULL, &position);
            input = (struct slice){car.data + position.offset, car.size - position.offset};
            while (car_reader_next(reader, &input, NULL) == CAR_BLOCK)
                rest++;
            assert_int_equal(rest, 3 - blocks);
            assert_int_equal(car_reader_finish(reader, NULL), CAR_END);
            car_reader_destroy(&reader);
            text_dispose(&car);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_car_reads_versions_1_and_2_in_pieces_of_any_size),
        cmocka_unit_test(test_car_refuses_with_what_and_at_which_byte),
        cmocka_unit_test(test_car_ends_at_zero_padding_where_told_to),
        cmocka_unit_test(test_car_keeps_its_limits),
        cmocka_unit_test(test_car_does_not_reserve_what_is_only_announced),
        cmocka_unit_test(test_car_writes_what_it_read),
        cmocka_unit_test(test_car_writes_the_headers_that_kubo_writes),
        cmocka_unit_test(test_car_goes_on_from_a_position),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
