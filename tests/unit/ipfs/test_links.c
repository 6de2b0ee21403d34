// SPDX-License-Identifier: Apache-2.0
#include "ipfs/links.h"

#include "tests/unit/ipfs/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define CID  "015500050001020304"
#define HASH "0a09" CID

static bool print(void *arg, const struct cid *cid, struct error *err)
{
    struct text *out = arg;

    if (out->size > 60)
        return error_set(err, ERROR_LIMIT, "enough");
    cid_print(cid, CID_BASE_DEFAULT, out);
    text_put_char(out, ' ');
    return true;
}

static const struct {
    uint64_t codec;
    const char *hex, *links;
} blocks[] = {
    {CODEC_DAG_PB, "120b" HASH "0a00", "bafkqabiaaebagba "},
    {CODEC_DAG_CBOR, "82 d82a4a00" CID "d82a4a00" CID, "bafkqabiaaebagba bafkqabiaaebagba "},
    {CODEC_DAG_JSON, "7b222f223a22 6261666b71616161 227d", "bafkqaaa "},
    {CODEC_RAW, "120b" HASH, ""},
    {CODEC_CBOR, "d82a4a00" CID, ""},
    {CODEC_JSON, "ff", ""},
    {CODEC_LIBP2P_KEY, "", ""},
};

static void test_links_reads_every_supported_codec(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(blocks); i++) {
        struct text block = bytes_from_hex(blocks[i].hex), out = {0};
        struct error err = {0};

        text_put_text(&out, "");
        if (!links_each(blocks[i].codec, text_slice(&block), print, &out, &err))
            fail_msg("%zu: %s", i, err.text);
        assert_string_equal(out.data, blocks[i].links);
        text_dispose(&block);
        text_dispose(&out);
    }
}

static void test_links_refuses_other_codecs_by_name(void **state)
{
    static const struct {
        uint64_t codec;
        const char *name;
    } others[] = {
        {CODEC_GIT_RAW, "git-raw"}, {CODEC_DAG_JOSE, "dag-jose"}, {0x7777777, "0x7777777"}};

    for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
        struct error err = {0};

        assert_false(links_each(others[i].codec, SLICE(""), print, NULL, &err));
        assert_int_equal(err.code, ERROR_UNSUPPORTED);
        assert_non_null(strstr(err.text, others[i].name));
    }
}

static void test_links_stops_when_told(void **state)
{
    struct text block = {0};
    uint64_t codecs[] = {CODEC_DAG_PB, CODEC_DAG_CBOR};

    for (size_t i = 0; i < ARRAY_SIZE(codecs); i++) {
        struct text out = {0};
        struct error err = {0};

        text_clear(&block);
        if (codecs[i] == CODEC_DAG_CBOR)
            text_put_text(&block, "\x8a");
        for (int links = 0; links < 10; links++)
            bytes_put_hex(&block, codecs[i] == CODEC_DAG_PB ? "120b" HASH : "d82a4a00" CID);
        assert_false(links_each(codecs[i], text_slice(&block), print, &out, &err));
        assert_string_equal(err.text, "enough");
        text_dispose(&out);
    }
    text_dispose(&block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_links_reads_every_supported_codec),
        cmocka_unit_test(test_links_refuses_other_codecs_by_name),
        cmocka_unit_test(test_links_stops_when_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
