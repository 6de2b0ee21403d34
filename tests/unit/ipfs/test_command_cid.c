// SPDX-License-Identifier: Apache-2.0
#include "ipfs/commands.h"

#include "conf/text.h"

#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define V0   "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"
#define V1   "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354"
#define V136 "k2jmtxtlhjl3fhmgndf92e48by79ryjuvqp3y2qgehpao6v3lurvnmcv"
#define KEY  "bafzaajaiaejcagyafvz5ypnxqze6dy3rp465m3w5azvp4la7qyouwgtdrikvuezt"
#define HEX  "59948439065f29619ef41280cbb932be52c56d99c5966b65e0111239f098bbef"

struct result {
    char *out, *err;
    int code;
};

/* Runs `causeway cid` with the arguments, a NULL-ended list. */
static struct result run(const char *const *arguments)
{
    static const struct cli_command *const tables[] = {ipfs_commands, NULL};
    struct result result = {0};
    const char *argv[16] = {"causeway", "cid"};
    size_t out_size, err_size;
    FILE *out = open_memstream(&result.out, &out_size);
    FILE *err = open_memstream(&result.err, &err_size);
    int argc = 2;

    for (; *arguments != NULL; arguments++)
        argv[argc++] = *arguments;
    result.code = cli_run(argc, (char **)argv, tables, out, err, NULL);
    fclose(out);
    fclose(err);
    return result;
}

static void dispose(struct result *result)
{
    free(result->out);
    free(result->err);
}

static void test_cid_command_shows_and_converts(void **state)
{
    static const struct {
        const char *arguments[8];
        const char *out;
    } table[] = {
        {{V0},
         V0 "\n  version  0\n  base     base58btc\n  codec    dag-pb (0x70)\n"
            "  hash     sha2-256 (0x12), 32 bytes\n  digest   " HEX "\n  v0       " V0
            "\n  v1       " V1 "\n"},
        {{"bafkqaaa"},
         "bafkqaaa\n  version  1\n  base     base32\n  codec    raw (0x55)\n"
         "  hash     identity (0x00), 0 bytes\n  digest   \n  v1       bafkqaaa\n"},
        {{"--json", V1},
         "{\"cid\":\"" V1 "\",\"version\":1,\"base\":\"base32\",\"codec\":\"dag-pb\","
         "\"codec_code\":112,\"hash\":\"sha2-256\",\"hash_code\":18,\"digest_size\":32,"
         "\"digest\":\"" HEX "\",\"v0\":\"" V0 "\",\"v1\":\"" V1 "\"}\n"},
        {{"--json", KEY},
         "{\"cid\":\"" KEY "\",\"version\":1,\"base\":\"base32\",\"codec\":\"libp2p-key\","
         "\"codec_code\":114,\"hash\":\"identity\",\"hash_code\":0,\"digest_size\":36,"
         "\"digest\":\"080112201b002d73dc3db78649e1e3717f3dd66edd066afe2c1f861d4b1a638a155a1333\","
         "\"v1\":\"k51qzi5uqu5dgutdk6i1ynyzgkqngpha5xpgia3a5qqp4jsh0u4csozksxel2r\"}\n"},
        {{"--v1", V0}, V1 "\n"},
        {{"--v0", V136, V0}, V0 "\n" V0 "\n"},
        {{"--base", "base36", V0}, V136 "\n"},
        {{"--v0", "--base", "base58btc", V1}, V0 "\n"},
        {{"--json", "--v1", V0}, "{\"cid\":\"" V0 "\",\"formatted\":\"" V1 "\"}\n"},
        {{"--format", "%s", V136}, V136 "\n"},
        {{"--format", "%P %V %C %H %L %b %B%%", V1},
         "cidv1-dag-pb-sha2-256-32 1 112 18 32 base32 b%\n"},
        {{"--format", "%v %c %h", V0}, "cidv0 dag-pb sha2-256\n"},
        {{"--format", "%D", "--base", "base16", V0}, HEX "\n"},
        {{"--format", "%d %m %M", "--base", "base16", V0}, "f" HEX " f1220" HEX " 1220" HEX "\n"},
        {{"--format", "%S", "--base", "base16", V0}, "01701220" HEX "\n"},
        {{"--format", "%D", "bafkqaaa"}, "\n"},
        {{"--format", "%c %h", "--base", "base16", "f01ffff03ffff0300"},
         "Code(65535) hash?65535\n"},
        {{"--format", "%s", "k51qzi5uqu5dgutdk6i1ynyzgkqngpha5xpgia3a5qqp4jsh0u4csozksxel2r"},
         "k51qzi5uqu5dgutdk6i1ynyzgkqngpha5xpgia3a5qqp4jsh0u4csozksxel2r\n"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct result result = run(table[i].arguments);

        assert_string_equal(result.err, "");
        assert_string_equal(result.out, table[i].out);
        assert_int_equal(result.code, CLI_DONE);
        dispose(&result);
    }
}

static void test_cid_command_goes_on_behind_a_bad_one(void **state)
{
    const char *arguments[] = {"--v1", "b\x1b[31m", V0, NULL};
    struct result result = run(arguments);

    assert_int_equal(result.code, CLI_FAILED);
    assert_string_equal(result.out, V1 "\n");
    assert_string_equal(result.err, "causeway cid: 'b\\u001b[31m': character 2, byte 0x1b, is not "
                                    "a digit of base32\n");
    dispose(&result);
}

static void test_cid_command_reports_a_bad_one_in_json(void **state)
{
    const char *arguments[] = {"--json", "--v0", "bafkqaaa", "\"", NULL};
    struct result result = run(arguments);

    assert_int_equal(result.code, CLI_FAILED);
    assert_string_equal(result.out,
                        "{\"cid\":\"bafkqaaa\",\"error\":\"has no CIDv0: only dag-pb with a whole "
                        "sha2-256 digest has\"}\n"
                        "{\"cid\":\"\\\"\",\"error\":\"no base has the prefix '\\\"'\"}\n");
    assert_string_equal(result.err, "");
    dispose(&result);
}

static void test_cid_command_refuses_options_that_cannot_be(void **state)
{
    static const struct {
        const char *arguments[8];
        const char *says;
    } table[] = {
        {{"--v0", "--v1", V0}, "exclude each other"},
        {{"--v0", "--base", "base32", V0}, "base58btc only"},
        {{"--base", "base33", V0}, "there is no base 'base33'"},
        {{"--base", "base2", V0}, "base2 is not supported"},
        {{"--format", "x", V0}, "has no % sign"},
        {{"--format", "%x", V0}, "there is no %x"},
        {{"--format", "%s%", V0}, "ends behind a %"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct result result = run(table[i].arguments);

        assert_int_equal(result.code, CLI_USAGE);
        assert_string_equal(result.out, "");
        if (strstr(result.err, table[i].says) == NULL)
            fail_msg("%zu: %s", i, result.err);
        dispose(&result);
    }
}

static void test_cid_command_reads_standard_input(void **state)
{
    char lines[] = "  " V0 "\r\n\nbad!\n" V136;
    const char *arguments[] = {"--v1", "--base", "base32", NULL};
    FILE *old = stdin;
    struct result result;

    stdin = fmemopen(lines, sizeof(lines) - 1, "r");
    result = run(arguments);
    fclose(stdin);
    stdin = old;
    assert_int_equal(result.code, CLI_FAILED);
    assert_string_equal(result.out, V1 "\n" V1 "\n");
    assert_non_null(strstr(result.err, "'bad!': character 4, '!'"));
    dispose(&result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cid_command_shows_and_converts),
        cmocka_unit_test(test_cid_command_goes_on_behind_a_bad_one),
        cmocka_unit_test(test_cid_command_reports_a_bad_one_in_json),
        cmocka_unit_test(test_cid_command_refuses_options_that_cannot_be),
        cmocka_unit_test(test_cid_command_reads_standard_input),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
