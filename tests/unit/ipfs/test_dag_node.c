// SPDX-License-Identifier: Apache-2.0
#include "ipfs/dag_node.h"

#include "ipfs/dag_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char block[] = "{\"a\":[10,[11],{\"c\":12}],\"b\":\"text\"}";

/* Goes down the names of a path; NULL: err says where it ended. */
static const struct dag_item *look_up(struct dag_node *node, const char *path, struct error *err)
{
    uint32_t at = 0;

    assert_true(dag_json_decode(node, slice_of(block), err));
    while (*path != '\0') {
        size_t size = strcspn(path, "/");

        if (!dag_node_lookup(node, at, (struct slice){path, size}, &at, err))
            return NULL;
        path += size + (path[size] == '/');
    }
    return &node->items[at];
}

static void test_dag_node_looks_up_keys_and_indexes(void **state)
{
    static const struct {
        const char *path;
        int64_t value;
    } rows[] = {{"a/0", 10}, {"a/1/0", 11}, {"a/2/c", 12}, {"a/02/c", 12}, {"a/+0", 10}};
    struct dag_node node = {0};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct error err = {0};
        const struct dag_item *item = look_up(&node, rows[i].path, &err);

        assert_non_null(item);
        assert_int_equal(item->kind, DAG_INT);
        assert_int_equal(item->integer, rows[i].value);
    }
    dag_node_dispose(&node);
    (void)state;
}

/* As Kubo 0.43.1 answered dag/resolve. */
static void test_dag_node_says_what_is_not_there_in_kubos_words(void **state)
{
    static const struct {
        const char *path;
        enum error_code code;
        const char *text;
    } rows[] = {
        {"zz", ERROR_NOT_FOUND, "key not found: \"zz\""},
        {"a/9", ERROR_NOT_FOUND, "key not found: \"9\""},
        {"a/-1", ERROR_NOT_FOUND, "key not found: \"\""},
        {"a/x", ERROR_SYNTAX,
         "invalid segment for lookup on a list: \"x\": strconv.ParseInt: parsing \"x\": invalid "
         "syntax"},
        {"a/-", ERROR_SYNTAX,
         "invalid segment for lookup on a list: \"-\": strconv.ParseInt: parsing \"-\": invalid "
         "syntax"},
        {"a/9223372036854775808", ERROR_SYNTAX,
         "invalid segment for lookup on a list: \"9223372036854775808\": strconv.ParseInt: parsing "
         "\"9223372036854775808\": value out of range"},
        {"b/0", ERROR_UNSUPPORTED,
         "func called on wrong kind: \"LookupBySegment\" called on a string node (kind: string), "
         "but only makes sense on map or list"},
    };
    struct dag_node node = {0};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct error err = {0};

        assert_null(look_up(&node, rows[i].path, &err));
        assert_int_equal(err.code, rows[i].code);
        assert_string_equal(err.text, rows[i].text);
    }
    dag_node_dispose(&node);
    (void)state;
}

static void test_dag_node_keeps_a_part_as_a_whole(void **state)
{
    static const struct {
        const char *path, *json;
    } rows[] = {{"a", "[10,[11],{\"c\":12}]"},
                {"a/2", "{\"c\":12}"},
                {"a/1/0", "11"},
                {"b", "\"text\""},
                {"", block}};
    struct dag_node node = {0};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct text out = {0};
        struct error err = {0};
        const struct dag_item *item = look_up(&node, rows[i].path, &err);

        assert_non_null(item);
        dag_node_keep(&node, (uint32_t)(item - node.items));
        assert_true(dag_json_encode(&node, &out, &err));
        assert_string_equal(out.data, rows[i].json);
        text_dispose(&out);
    }
    dag_node_dispose(&node);
    (void)state;
}

static void test_dag_node_finds_the_way_to_a_link(void **state)
{
    static const struct {
        const char *json, *path;
    } rows[] = {
        {"{\"/\":\"bafkqaaa\"}", ""},
        {"{\"a\":[1,{\"/\":\"bafkqabdimvwgy\"}],\"b\":{\"c\":[[],{\"/\":\"bafkqaaa\"}]}}",
         "/b/c/1"},
        {"[{\"x/y\":{\"/\":\"bafkqaaa\"}},{\"/\":\"bafkqaaa\"}]", "/0/x/y"},
        {"[{\"/\":\"bafkqabdimvwgy\"},{}]", NULL},
    };
    struct dag_node node = {0};

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct text path = {0};
        struct error err = {0};
        bool found;

        assert_true(dag_json_decode(&node, slice_of(rows[i].json), &err));
        found = dag_node_find_link(&node, SLICE("\x01\x55\0\0"), &path);
        assert_int_equal(found, rows[i].path != NULL);
        text_put_char(&path, '\0');
        assert_string_equal(path.data, rows[i].path != NULL ? rows[i].path : "");
        text_dispose(&path);
    }
    dag_node_dispose(&node);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dag_node_looks_up_keys_and_indexes),
        cmocka_unit_test(test_dag_node_finds_the_way_to_a_link),
        cmocka_unit_test(test_dag_node_keeps_a_part_as_a_whole),
        cmocka_unit_test(test_dag_node_says_what_is_not_there_in_kubos_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
