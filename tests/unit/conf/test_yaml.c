// SPDX-License-Identifier: Apache-2.0
#include "conf/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

/* A tree in one line: {key: value, ...}, [item, ...], texts with "" if they were quoted. */
static void show(struct text *out, const struct yaml_node *node)
{
    if (node->kind == YAML_TEXT) {
        text_put_format(out, node->is_quoted ? "\"%.*s\"" : "%.*s", SLICE_ARGS(node->text));
        return;
    }
    text_put_char(out, node->kind == YAML_LIST ? '[' : '{');
    for (size_t i = 0; i < node->count; i++) {
        if (i > 0)
            text_put_text(out, ", ");
        if (node->kind == YAML_MAPPING) {
            show(out, node->pairs[i].key);
            text_put_text(out, ": ");
        }
        show(out, node->kind == YAML_LIST ? node->items[i] : node->pairs[i].value);
    }
    text_put_char(out, node->kind == YAML_LIST ? ']' : '}');
}

static void test_yaml_builds_the_tree_in_the_order_written(void **state)
{
    static const struct {
        struct slice source;
        const char *tree;
    } cases[] = {
        {{NULL, 0}, "{}"},
        {SLICE(""), "{}"},
        {SLICE("# nothing\n"), "{}"},
        {SLICE("---\na: 1\n...\n"), "{a: 1}"},
        {SLICE("\xef\xbb\xbf"
               "a: 1"),
         "{a: 1}"},
        {SLICE("b: 1\r\na: 2\r\n"), "{b: 1, a: 2}"},
        {SLICE("a: {c: [x, 'y', \"z\"], b: no}"), "{a: {c: [x, \"y\", \"z\"], b: no}}"},
        {SLICE("a:\n  - 1\n  -\n    b: 2\n"), "{a: [1, {b: 2}]}"},
        {SLICE("a: |\n  two\n  lines\n"), "{a: \"two\nlines\n\"}"},
        {SLICE("a:\n"), "{a: }"},
        {SLICE("'<<': 1\n'': 2\n"), "{\"<<\": 1, \"\": 2}"},
        {SLICE("'!a': '&b'\n\"*c\": d"), "{\"!a\": \"&b\", \"*c\": d}"},
        {SLICE("\xc3\xa4: \xe2\x82\xac"), "{\xc3\xa4: \xe2\x82\xac}"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct error err = {0};
        struct text out = {0};
        struct yaml *yaml;

        if (!yaml_load(&yaml, "x", cases[i].source, &err))
            fail_msg("case %zu: %s", i, err.text);
        show(&out, yaml_root(yaml));
        assert_string_equal(out.data, cases[i].tree);
        text_dispose(&out);
        yaml_destroy(&yaml);
        assert_null(yaml);
    }
}

static void test_yaml_refuses_with_the_place(void **state)
{
    static const struct {
        struct slice source;
        const char *says;
    } cases[] = {
        {SLICE("a: 1\nb: 2\na: 3\n"), "f:3:1: the key 'a' is given twice, first at line 1"},
        {SLICE("x:\n  a: 1\n  'a': 3\n"), "f:3:3: the key 'a' is given twice, first at line 2"},
        {SLICE("{a: 1, b: 1, b: 2, a: 2}"), "f:1:14: the key 'b'"},
        {SLICE("a: &x 1\n"), "f:1:4: an anchor (&)"},
        {SLICE("a: &x [1]\n"), "f:1:4: an anchor (&)"},
        {SLICE("a: &x {b: 1}\n"), "f:1:4: an anchor (&)"},
        {SLICE("a: *x\n"), "f:1:4: an alias (*)"},
        {SLICE("a: !!str 1\n"), "f:1:4: a tag (!)"},
        {SLICE("a: !x [1]\n"), "f:1:4: a tag (!)"},
        {SLICE("a: ! 1\n"), "f:1:4: a tag (!)"},
        {SLICE("\xc3\xa4: ! '1'\n"), "f:1:4: a tag (!)"},
        {SLICE("a: ! {}\n"), "f:1:4: a tag (!)"},
        {SLICE("!!map {a: 1}\n"), "f:1:1: a tag (!)"},
        {SLICE("<<: {a: 1}\n"), "f:1:1: a merge key (<<)"},
        {SLICE("a: 1\n---\nb: 2\n"), "f:2:1: a second document"},
        {SLICE("%YAML 1.1\n---\na: 1\n"), "f:1:1: directives"},
        {SLICE("%TAG ! tag:x,2000:\n---\na: 1\n"), "f:1:1: directives"},
        {SLICE("? [a]\n: 1\n"), "f:1:3: a key must be a text, not a list"},
        {SLICE("{a: 1}: 1\n"), "f:1:1: a key must be a text, not a mapping"},
        {SLICE("?\n: 1\n"), "f:1:2: a key is missing"},
        {SLICE("a: \"\\0\"\n"), "f:1:4: a text with a NUL"},
        {SLICE("a: 1\n  b: 2\n"), "f:2:4: mapping values are not allowed"},
        {SLICE("a: [1\n"), "f:2:1: did not find expected ',' or ']'"},
        {SLICE("a: 'x\n"), "f:2:1: found unexpected end of stream"},
        {SLICE("\ta: 1\n"), "f:1:1: found character that cannot start any token"},
        {SLICE("a: @x\n"), "f:1:4: found character that cannot start any token"},
        {SLICE("a: 1\nb: \xff\n"), "f:2:4: a byte that is not UTF-8"},
        {SLICE("\xc3\xa4\xc3: 1\n"), "f:1:2: a byte that is not UTF-8"},
        {SLICE("a: b\0c\n"), "f:1:5: a control character"},
        {SLICE("a: \x1b[0m\n"), "f:1:4: a control character"},
        {SLICE("a: \xc2\x9b\n"), "f:1:4: a control character"},
        {SLICE("# x\rb: 1\n"), "f:1:4: a carriage return without a newline"},
        {SLICE("# x\xe2\x80\xa8"
               "b: 1\n"),
         "f:1:4: U+0085, U+2028 and U+2029"},
        {SLICE("# x\xc2\x85"
               "b: 1\n"),
         "f:1:4: U+0085, U+2028 and U+2029"},
        {SLICE("a: \xe2\x80\xaex\n"), "f:1:4: a character that changes the direction"},
        {SLICE("a: \xef\xbb\xbf\n"), "f:1:4: U+FEFF"},
        {SLICE("\xff\xfe"
               "a\0:\0"),
         "f:1:1: a byte that is not UTF-8"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct error err = {0};
        struct yaml *yaml;

        if (yaml_load(&yaml, "f", cases[i].source, &err))
            fail_msg("case %zu (%s) was taken", i, cases[i].says);
        assert_null(yaml);
        if (strncmp(err.text, cases[i].says, strlen(cases[i].says)) != 0)
            fail_msg("expected '%s', got '%s'", cases[i].says, err.text);
    }
}

static bool load_nested(unsigned levels, const char *open, const char *close, struct error *err)
{
    struct text source = {0};
    struct yaml *yaml;
    bool is_fine;

    for (unsigned i = 0; i < levels; i++)
        text_put_text(&source, open);
    text_put_text(&source, "1");
    for (unsigned i = 0; i < levels; i++)
        text_put_text(&source, close);
    is_fine = yaml_load(&yaml, "f", text_slice(&source), err);
    yaml_destroy(&yaml);
    text_dispose(&source);
    return is_fine;
}

static void test_yaml_limits_nesting(void **state)
{
    struct error list = {0}, mapping = {0}, deep = {0};

    assert_true(load_nested(YAML_DEPTH_MAX, "[", "]", &list));
    assert_true(load_nested(YAML_DEPTH_MAX, "{a: ", "}", &mapping));
    assert_false(load_nested(YAML_DEPTH_MAX + 1, "[", "]", &list));
    assert_string_equal(list.text, "f:1:65: more than 64 levels are nested here");
    assert_false(load_nested(YAML_DEPTH_MAX + 1, "{a: ", "}", &mapping));
    assert_int_equal(mapping.code, ERROR_LIMIT);
    assert_false(load_nested(500000, "[", "]", &deep));
    assert_int_equal(deep.code, ERROR_LIMIT);
}

static void test_yaml_limits_size(void **state)
{
    struct error err = {0};
    struct text source = {0};
    struct yaml *yaml;

    text_put_text(&source, "a: 1\n#");
    while (source.size < YAML_SIZE_MAX)
        text_put_char(&source, 'x');
    assert_true(yaml_load(&yaml, "f", text_slice(&source), &err));
    yaml_destroy(&yaml);
    text_put_char(&source, 'x');
    assert_false(yaml_load(&yaml, "f", text_slice(&source), &err));
    assert_string_equal(err.text, "f: larger than 4 MiB");
    text_dispose(&source);
}

static double cpu_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* 100,000 keys: a quadratic search would take minutes. */
static void test_yaml_finds_keys_in_big_mappings_fast(void **state)
{
    struct text source = {0};
    struct error err = {0};
    double begin = cpu_seconds();
    struct yaml *yaml;
    char key[32];

    for (unsigned i = 0; i < 100000; i++)
        text_put_format(&source, "key-%u: %u\n", i * 7919 % 100000, i);
    assert_true(yaml_load(&yaml, "f", text_slice(&source), &err));
    assert_int_equal(yaml_root(yaml)->count, 100000);
    for (unsigned i = 0; i < 100000; i++) {
        snprintf(key, sizeof(key), "key-%u", i);
        assert_non_null(yaml_get(yaml_root(yaml), key));
    }
    assert_null(yaml_get(yaml_root(yaml), "key-"));
    assert_null(yaml_get(yaml_root(yaml), "key-100000"));
    assert_true(cpu_seconds() - begin < 10);
    yaml_destroy(&yaml);
    text_dispose(&source);
}

static void test_yaml_finds_paths(void **state)
{
    struct error err = {0};
    struct yaml *yaml;

    assert_true(yaml_load(&yaml, "f", SLICE("a:\n  b:\n    c: x\nd: [e]\n"), &err));
    assert_true(slice_is(yaml_get_path(yaml_root(yaml), "a.b.c")->text, "x"));
    assert_int_equal(yaml_get_path(yaml_root(yaml), "a.b.c")->line, 3);
    assert_int_equal(yaml_get_path(yaml_root(yaml), "a.b.c")->column, 8);
    assert_null(yaml_get_path(yaml_root(yaml), "a.c.b"));
    assert_null(yaml_get_path(yaml_root(yaml), "d.e"));
    assert_null(yaml_get(NULL, "a"));
    yaml_destroy(&yaml);
}

static bool read_as_text(const struct yaml_node *node, struct error *err)
{
    struct slice text;

    return yaml_read_text(node, &text, err);
}

static bool read_as_bool(const struct yaml_node *node, struct error *err)
{
    bool value;

    return yaml_read_bool(node, &value, err);
}

static bool read_as_integer(const struct yaml_node *node, struct error *err)
{
    uint64_t value;

    return yaml_read_integer(node, &value, err);
}

static bool read_as_size(const struct yaml_node *node, struct error *err)
{
    uint64_t value;

    return yaml_read_size(node, &value, err);
}

static bool read_as_duration(const struct yaml_node *node, struct error *err)
{
    uint64_t value;

    return yaml_read_duration(node, &value, err);
}

static bool read_as_address(const struct yaml_node *node, struct error *err)
{
    struct address address;

    return yaml_read_address(node, &address, err);
}

static bool read_as_list(const struct yaml_node *node, struct error *err)
{
    return yaml_expect(node, YAML_LIST, err);
}

static void test_yaml_readers_take_one_spelling_only(void **state)
{
    static const struct {
        bool (*read)(const struct yaml_node *node, struct error *err);
        const char *value;
        const char *says; /* NULL: taken */
    } cases[] = {
        {read_as_text, "no", NULL},
        {read_as_text, "12", NULL},
        {read_as_text, "''", NULL},
        {read_as_text, "'null'", NULL},
        {read_as_text, "null", "f:1:4: 'null' is no value"},
        {read_as_text, "Null", "'Null' is no value"},
        {read_as_text, "~", "'~' is no value"},
        {read_as_text, "", "no value is written"},
        {read_as_text, "[x]", "expected one value, found a list"},
        {read_as_text, "{x: 1}", "expected one value, found a mapping"},
        {read_as_bool, "true", NULL},
        {read_as_bool, "false", NULL},
        {read_as_bool, "yes", "write a plain true"},
        {read_as_bool, "NO", "write a plain false"},
        {read_as_bool, "on", "write a plain true"},
        {read_as_bool, "Off", "write a plain false"},
        {read_as_bool, "True", "write a plain true"},
        {read_as_bool, "'true'", "write a plain true"},
        {read_as_bool, "y", "write a plain true"},
        {read_as_bool, "1", "neither true nor false"},
        {read_as_integer, "12", NULL},
        {read_as_integer, "0o17", "f:1:4: '0o17' is not decimal"},
        {read_as_integer, "017", "octal"},
        {read_as_integer, "0x1f", "decimal"},
        {read_as_integer, "1_000", "groups"},
        {read_as_integer, "-1", "sign"},
        {read_as_integer, "'5'", "without quotes"},
        {read_as_integer, "1.0", "whole"},
        {read_as_size, "64 KiB", NULL},
        {read_as_size, "'64 KiB'", "without quotes"},
        {read_as_size, "64 kib", "f:1:4: '64 kib': did you mean 64 KiB?"},
        {read_as_duration, "30s", NULL},
        {read_as_duration, "30", "no unit"},
        {read_as_duration, "1:30", "ms, s, m, h or d"}, /* 90 to a YAML 1.1 reader */
        {read_as_address, "127.0.0.1:80", NULL},
        {read_as_address, "'[::1]:80'", NULL},
        {read_as_address, "[x]", "found a list"},
        {read_as_address, "here", "no port"},
        {read_as_list, "[a]", NULL},
        {read_as_list, "a", "expected a list: '- ITEM' lines, or [ITEM, ITEM], found a single"},
        {read_as_list, "", "nothing is written here; expected a list"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct error err = {0};
        struct yaml *yaml;
        char source[64];
        bool is_taken;

        snprintf(source, sizeof(source), "a: %s\n", cases[i].value);
        assert_true(yaml_load(&yaml, "f", slice_of(source), &err));
        is_taken = cases[i].read(yaml_get(yaml_root(yaml), "a"), &err);
        if (is_taken != (cases[i].says == NULL) ||
            (!is_taken && strstr(err.text, cases[i].says) == NULL))
            fail_msg("%s: %s", cases[i].value, err.text);
        yaml_destroy(&yaml);
    }
}

static void test_yaml_reads_values(void **state)
{
    struct error err = {0};
    struct yaml *yaml;
    uint64_t number;
    bool truth;

    assert_true(yaml_load(&yaml, "f", SLICE("{a: true, b: 12, c: 2 KiB, d: 5m}"), &err));
    assert_true(yaml_read_bool(yaml_get(yaml_root(yaml), "a"), &truth, &err) && truth);
    assert_true(yaml_read_integer(yaml_get(yaml_root(yaml), "b"), &number, &err));
    assert_int_equal(number, 12);
    assert_true(yaml_read_size(yaml_get(yaml_root(yaml), "c"), &number, &err));
    assert_int_equal(number, 2048);
    assert_true(yaml_read_duration(yaml_get(yaml_root(yaml), "d"), &number, &err));
    assert_int_equal(number, 300000);
    yaml_destroy(&yaml);
}

static void test_yaml_load_file_tells_absent_from_unreadable(void **state)
{
    struct error absent = {0}, folder = {0};
    struct yaml *yaml;

    assert_false(yaml_load_file(&yaml, "no/such/file.yaml", &absent));
    assert_int_equal(absent.code, ERROR_NOT_FOUND);
    assert_false(yaml_load_file(&yaml, ".", &folder));
    assert_int_equal(folder.code, ERROR_IO);
    assert_null(yaml);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_yaml_builds_the_tree_in_the_order_written),
        cmocka_unit_test(test_yaml_refuses_with_the_place),
        cmocka_unit_test(test_yaml_limits_nesting),
        cmocka_unit_test(test_yaml_limits_size),
        cmocka_unit_test(test_yaml_finds_keys_in_big_mappings_fast),
        cmocka_unit_test(test_yaml_finds_paths),
        cmocka_unit_test(test_yaml_readers_take_one_spelling_only),
        cmocka_unit_test(test_yaml_reads_values),
        cmocka_unit_test(test_yaml_load_file_tells_absent_from_unreadable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
