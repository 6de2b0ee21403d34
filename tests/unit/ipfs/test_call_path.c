// SPDX-License-Identifier: Apache-2.0
#include "ipfs/call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define V0  "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"
#define V1  "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354"
#define KEY "k51qzi5uqu5dlvj2baxnqndepeb86cbk3ng7n3i46uzyxzyqj2xjonzllnv0v8"

struct expectation { // NOLINT(clang-analyzer-optin.performance.Padding): in reading order
    enum argument_kind kind;
    const char *text;
    enum call_path_kind is; /* CALL_PATH_NONE: refused */
    const char *root;       /* CID or name, as typed */
    const char *subpath;
};

static void expect(const struct expectation *want)
{
    struct error err = {0};
    struct call_path path;
    char room[512];
    bool read = call_path_parse(&path, want->kind, slice_of(want->text), room, &err);

    if (read != (want->is != CALL_PATH_NONE) || (read && path.kind != want->is))
        fail_msg("'%s' as kind %d: read %d, path kind %d: %s", want->text, want->kind, read,
                 path.kind, err.text);
    if (!read) {
        assert_int_equal(err.code, ERROR_UNSUPPORTED);
        return;
    }
    if (path.kind == CALL_PATH_IPFS || path.kind == CALL_PATH_IPLD) {
        struct cid cid;

        assert_true(cid_parse(&cid, slice_of(want->root), &err));
        assert_true(cid_equal(&cid, &path.cid));
    }
    if (path.kind == CALL_PATH_IPNS && !slice_is(path.name, want->root))
        fail_msg("'%s': name %.*s", want->text, SLICE_ARGS(path.name));
    if (!slice_is(path.subpath, want->subpath))
        fail_msg("'%s': subpath '%.*s'", want->text, SLICE_ARGS(path.subpath));
}

static void expect_all(const struct expectation *table, size_t count)
{
    for (size_t i = 0; i < count; i++)
        expect(&table[i]);
}

static void test_call_path_reads_content_in_all_spellings(void **state)
{
    static const struct expectation table[] = {
        {ARGUMENT_PATH, V0, CALL_PATH_IPFS, V0, ""},
        {ARGUMENT_PATH, V1, CALL_PATH_IPFS, V1, ""},
        {ARGUMENT_PATH, V1 "/", CALL_PATH_IPFS, V1, ""},
        {ARGUMENT_PATH, V1 "/a/b", CALL_PATH_IPFS, V1, "/a/b"},
        {ARGUMENT_PATH, V1 "//a///b//", CALL_PATH_IPFS, V1, "/a/b"},
        {ARGUMENT_PATH, V1 "/./a/.", CALL_PATH_IPFS, V1, "/a"},
        {ARGUMENT_PATH, "./" V1, CALL_PATH_IPFS, V1, ""},
        {ARGUMENT_PATH, V1 "/...", CALL_PATH_IPFS, V1, "/..."},
        {ARGUMENT_PATH, V1 "/..a/a..", CALL_PATH_IPFS, V1, "/..a/a.."},
        {ARGUMENT_PATH, V1 "/a b%20c?d=e", CALL_PATH_IPFS, V1, "/a b%20c?d=e"},
        {ARGUMENT_PATH, "/ipfs/" V1, CALL_PATH_IPFS, V1, ""},
        {ARGUMENT_PATH, "/ipfs/" V0 "/x", CALL_PATH_IPFS, V0, "/x"},
        {ARGUMENT_PATH, "//ipfs//" V0 "//x", CALL_PATH_IPFS, V0, "/x"},
        {ARGUMENT_PATH, "/./ipfs/" V0, CALL_PATH_IPFS, V0, ""},
        {ARGUMENT_PATH, "/ipfs/" V0 "/ipns/x", CALL_PATH_IPFS, V0, "/ipns/x"},
        {ARGUMENT_PATH, "/" V1 "/x", CALL_PATH_IPFS, V1, "/x"},
        {ARGUMENT_PATH, "/ipld/" V1 "/x", CALL_PATH_IPLD, V1, "/x"},
        {ARGUMENT_PATH, "/ipns/" KEY, CALL_PATH_IPNS, KEY, ""},
        {ARGUMENT_PATH, "/ipns/docs.ipfs.tech/a/", CALL_PATH_IPNS, "docs.ipfs.tech", "/a"},
        {ARGUMENT_PATH, "/ipns/ipfs", CALL_PATH_IPNS, "ipfs", ""},
        {ARGUMENT_PATH, "ipfs://" V1, CALL_PATH_IPFS, V1, ""},
        {ARGUMENT_PATH, "ipfs://" V0 "/a", CALL_PATH_IPFS, V0, "/a"},
        {ARGUMENT_PATH, "ipfs:" V1, CALL_PATH_IPFS, V1, ""},
        {ARGUMENT_PATH, "ipfs:/" V1, CALL_PATH_IPFS, V1, ""},
        {ARGUMENT_PATH, "ipfs:///" V1, CALL_PATH_IPFS, V1, ""},
        {ARGUMENT_PATH, "IPFS://" V1 "/A", CALL_PATH_IPFS, V1, "/A"},
        {ARGUMENT_PATH, "iPfS:" V1, CALL_PATH_IPFS, V1, ""},
        {ARGUMENT_PATH, "ipns://docs.ipfs.tech", CALL_PATH_IPNS, "docs.ipfs.tech", ""},
        {ARGUMENT_PATH, "IPNS:" KEY "/a", CALL_PATH_IPNS, KEY, "/a"},
        {ARGUMENT_PATH, "ipld://" V1, CALL_PATH_IPLD, V1, ""},
    };

    expect_all(table, ARRAY_SIZE(table));
}

static void test_call_path_refuses_what_is_no_content(void **state)
{
    static const char *const bad[] = {
        "",
        "/",
        ".",
        "..",
        "//",
        "notacid",
        "/notacid",
        "/ipfs",
        "/ipfs/",
        "/ipfs/notacid",
        "/ipns",
        "/ipns/",
        "/ipns/.",
        "ipfs/" V1,
        "ipns/" KEY,
        "/ipfs/ipfs/" V1,
        "/IPFS/" V1,
        "/mfs/" V1,
        "ipfs:",
        "ipfs://",
        "ipfs:///",
        "ipns:",
        "ipns:///.",
        "ipfs:notacid",
        "ipfs://ipfs/" V1,
        "ipfs:ipfs:" V1,
        "ipfs ://" V1,
        " " V1,
        V1 " ",
        V1 "\n",
        V1 "/..",
        V1 "/../" V0,
        V1 "/a/../b",
        "../" V1,
        "../ipns/x",
        "/ipfs/" V1 "/../../ipns/x",
        "/ipfs/../ipns/x",
        "ipfs://../ipns/x",
        "ipfs:..//ipns/x",
        "ipns://" KEY "/../../ipfs/" V1,
        "http://127.0.0.1/ipfs/" V1,
        "https://" V1 ".ipfs.dweb.link",
        V0 "x",
        "B" V1,
        "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3N0",
    };

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct expectation want = {ARGUMENT_PATH, bad[i], CALL_PATH_NONE, "", ""};

        expect(&want);
    }
}

static void test_call_path_reads_one_cid(void **state)
{
    static const struct expectation table[] = {
        {ARGUMENT_CID, V1, CALL_PATH_IPFS, V1, ""},
        {ARGUMENT_CID, "/ipfs/" V1 "/", CALL_PATH_IPFS, V1, ""},
        {ARGUMENT_CID, "ipfs://" V1, CALL_PATH_IPFS, V1, ""},
        {ARGUMENT_CID, "/ipld/" V1, CALL_PATH_IPLD, V1, ""},
        {ARGUMENT_CID, V1 "/a", CALL_PATH_NONE, "", ""},
        {ARGUMENT_CID, "/ipns/" KEY, CALL_PATH_NONE, "", ""},
        {ARGUMENT_CID, "", CALL_PATH_NONE, "", ""},
    };

    expect_all(table, ARRAY_SIZE(table));
}

static void test_call_path_reads_names(void **state)
{
    static const struct expectation table[] = {
        {ARGUMENT_NAME, KEY, CALL_PATH_IPNS, KEY, ""},
        {ARGUMENT_NAME, "/ipns/" KEY, CALL_PATH_IPNS, KEY, ""},
        {ARGUMENT_NAME, "/ipns//" KEY, CALL_PATH_NONE, "", ""},
        {ARGUMENT_NAME, "/ipns//ipns/" KEY, CALL_PATH_NONE, "", ""},
        {ARGUMENT_NAME, KEY "/", CALL_PATH_NONE, "", ""},
        {ARGUMENT_NAME, KEY "/a", CALL_PATH_NONE, "", ""},
        {ARGUMENT_NAME, "/" KEY, CALL_PATH_NONE, "", ""},
        {ARGUMENT_NAME, "/ipns/", CALL_PATH_NONE, "", ""},
        {ARGUMENT_NAME, "", CALL_PATH_NONE, "", ""},
        {ARGUMENT_NAME_PATH, KEY, CALL_PATH_IPNS, KEY, ""},
        {ARGUMENT_NAME_PATH, "docs.ipfs.tech/a", CALL_PATH_IPNS, "docs.ipfs.tech", "/a"},
        {ARGUMENT_NAME_PATH, "/ipns/" KEY "/a/", CALL_PATH_IPNS, KEY, "/a"},
        {ARGUMENT_NAME_PATH, "//ipns//" KEY, CALL_PATH_IPNS, KEY, ""},
        {ARGUMENT_NAME_PATH, "ipns://" KEY, CALL_PATH_IPNS, KEY, ""},
        {ARGUMENT_NAME_PATH, "Ipns:" KEY, CALL_PATH_IPNS, KEY, ""},
        {ARGUMENT_NAME_PATH, "/ipfs/" V1, CALL_PATH_NONE, "", ""},
        {ARGUMENT_NAME_PATH, "ipfs://" V1, CALL_PATH_NONE, "", ""},
        {ARGUMENT_NAME_PATH, "/" KEY, CALL_PATH_NONE, "", ""},
        {ARGUMENT_NAME_PATH, "", CALL_PATH_NONE, "", ""},
        {ARGUMENT_NAME_PATH, "/", CALL_PATH_NONE, "", ""},
        {ARGUMENT_NAME_PATH, "../ipfs/" V1, CALL_PATH_NONE, "", ""},
    };

    expect_all(table, ARRAY_SIZE(table));
}

static void test_call_path_cleans_paths_of_the_file_tree(void **state)
{
    static const struct expectation table[] = {
        {ARGUMENT_MFS, "/", CALL_PATH_MFS, "", "/"},
        {ARGUMENT_MFS, "//", CALL_PATH_MFS, "", "/"},
        {ARGUMENT_MFS, "/.", CALL_PATH_MFS, "", "/"},
        {ARGUMENT_MFS, "/a", CALL_PATH_MFS, "", "/a"},
        {ARGUMENT_MFS, "/a/", CALL_PATH_MFS, "", "/a/"},
        {ARGUMENT_MFS, "/a/.", CALL_PATH_MFS, "", "/a"},
        {ARGUMENT_MFS, "//a/./b//c//", CALL_PATH_MFS, "", "/a/b/c/"},
        {ARGUMENT_MFS, "/ipfs/" V1, CALL_PATH_MFS, "", "/ipfs/" V1},
        {ARGUMENT_MFS, "/...", CALL_PATH_MFS, "", "/..."},
        {ARGUMENT_MFS, "", CALL_PATH_NONE, "", ""},
        {ARGUMENT_MFS, "a", CALL_PATH_NONE, "", ""},
        {ARGUMENT_MFS, "./a", CALL_PATH_NONE, "", ""},
        {ARGUMENT_MFS, "/..", CALL_PATH_NONE, "", ""},
        {ARGUMENT_MFS, "/a/../b", CALL_PATH_NONE, "", ""},
        {ARGUMENT_MFS, "/tenant/../other", CALL_PATH_NONE, "", ""},
        {ARGUMENT_MFS, "ipfs://" V1, CALL_PATH_NONE, "", ""},
    };

    expect_all(table, ARRAY_SIZE(table));
}

static void test_call_path_tells_content_from_the_file_tree(void **state)
{
    static const struct expectation table[] = {
        {ARGUMENT_MFS_OR_PATH, "/a/b", CALL_PATH_MFS, "", "/a/b"},
        {ARGUMENT_MFS_OR_PATH, "/ipfs", CALL_PATH_MFS, "", "/ipfs"},
        {ARGUMENT_MFS_OR_PATH, "/ipfs/", CALL_PATH_MFS, "", "/ipfs/"},
        {ARGUMENT_MFS_OR_PATH, "/ipfs/" V1 "/a", CALL_PATH_IPFS, V1, "/a"},
        {ARGUMENT_MFS_OR_PATH, "//ipfs/./" V1, CALL_PATH_IPFS, V1, ""},
        {ARGUMENT_MFS_OR_PATH, "/ipns/x", CALL_PATH_IPNS, "x", ""},
        {ARGUMENT_MFS_OR_PATH, "ipfs://" V1, CALL_PATH_IPFS, V1, ""},
        {ARGUMENT_MFS_OR_PATH, "IPNS://x/a", CALL_PATH_IPNS, "x", "/a"},
        {ARGUMENT_MFS_OR_PATH, "/" V1, CALL_PATH_MFS, "", "/" V1},
        {ARGUMENT_MFS_OR_PATH, "/ipfs/notacid", CALL_PATH_NONE, "", ""},
        {ARGUMENT_MFS_OR_PATH, V1, CALL_PATH_NONE, "", ""},
        {ARGUMENT_MFS_OR_PATH, "/a/../ipfs/" V1, CALL_PATH_NONE, "", ""},
        {ARGUMENT_MFS_OR_PATH, "", CALL_PATH_NONE, "", ""},
    };

    expect_all(table, ARRAY_SIZE(table));
}

static void test_call_path_speaks_as_kubo_does(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } table[] = {
        {"notacid", "invalid path \"notacid\": path does not have enough components"},
        {"/notacid", "invalid path \"/notacid\": path does not have enough components"},
        {"/foo/bar", "invalid path \"/foo/bar\": unknown namespace: \"foo\""},
        {"/ipfs/notacid", "invalid path \"/ipfs/notacid\": invalid cid: "},
        {"", "invalid path \"\": path does not have enough components"},
        {V1 "/../x", "invalid path \"" V1 "/../x\": '..' is not allowed in a path"},
        {"\x1b[31m\xff", "invalid path \"?[31m?\": "},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct error err = {0};
        struct call_path path;
        char room[512];

        assert_false(call_path_parse(&path, ARGUMENT_PATH, slice_of(table[i].text), room, &err));
        if (strncmp(err.text, table[i].says, strlen(table[i].says)) != 0)
            fail_msg("%s", err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call_path_reads_content_in_all_spellings),
        cmocka_unit_test(test_call_path_refuses_what_is_no_content),
        cmocka_unit_test(test_call_path_reads_one_cid),
        cmocka_unit_test(test_call_path_reads_names),
        cmocka_unit_test(test_call_path_cleans_paths_of_the_file_tree),
        cmocka_unit_test(test_call_path_tells_content_from_the_file_tree),
        cmocka_unit_test(test_call_path_speaks_as_kubo_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
