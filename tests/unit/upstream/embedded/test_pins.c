// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/pins.h"

#include "conf/memory.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct kit {
    char folder[64];
    struct pins *pins;
};

static void kit_open(struct kit *kit)
{
    struct error err = {0};

    if (!pins_open(&kit->pins, kit->folder, &err))
        fail_msg("%s", err.text);
}

static int setup(void **state)
{
    struct kit *kit = memory_alloc(sizeof(*kit));

    snprintf(kit->folder, sizeof(kit->folder), "/tmp/causeway-test-XXXXXX");
    assert_non_null(mkdtemp(kit->folder));
    kit_open(kit);
    *state = kit;
    return 0;
}

static int teardown(void **state)
{
    struct kit *kit = *state;
    static const char *const names[] = {"node.db", "node.db-wal", "node.db-shm"};
    char path[96];

    pins_close(&kit->pins);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", kit->folder, names[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(kit->folder), 0);
    free(kit);
    return 0;
}

/* A CID of each number; version 0, or 1 with dag-pb. */
static struct cid cid_of(int version, unsigned number)
{
    uint8_t digest[32] = {(uint8_t)number, (uint8_t)(number >> 8)};
    struct cid cid;

    cid_make(&cid, version, CODEC_DAG_PB, 0x12, digest, sizeof(digest));
    return cid;
}

static void add(struct kit *kit, const struct cid *cid, enum pin_mode mode, const char *name)
{
    struct error err = {0};

    if (!pins_add(kit->pins, cid, mode, slice_of(name), &err))
        fail_msg("%s", err.text);
}

static void expect(struct kit *kit, const struct cid *cid, enum pin_mode mode, const char *name)
{
    struct text found = {0};
    struct error err = {0};
    enum pin_mode is;

    assert_true(pins_find(kit->pins, cid, &is, &found, &err));
    assert_int_equal(is, mode);
    assert_true(slice_is(text_slice(&found), name));
    text_dispose(&found);
}

/* What Kubo says of a CID, which stands in front of it. */
static void expect_refusal(const struct error *err, const struct cid *cid, const char *what)
{
    struct text text = {0};

    cid_print(cid, CID_BASE_DEFAULT, &text);
    text_put_text(&text, what);
    assert_int_equal(err->code, ERROR_REFUSED);
    assert_string_equal(err->text, text.data);
    text_dispose(&text);
}

static void test_a_pin_keeps_mode_and_name_across_a_restart(void **state)
{
    struct kit *kit = *state;
    struct cid v0 = cid_of(0, 1), v1 = cid_of(1, 1);

    add(kit, &v0, PIN_RECURSIVE, "one");
    expect(kit, &v1, PIN_NONE, "");
    add(kit, &v1, PIN_DIRECT, "");
    pins_close(&kit->pins);
    kit_open(kit);
    expect(kit, &v0, PIN_RECURSIVE, "one");
    expect(kit, &v1, PIN_DIRECT, "");
}

static void test_a_second_pin_replaces_the_name_and_may_only_strengthen(void **state)
{
    struct kit *kit = *state;
    struct cid cid = cid_of(1, 2);
    struct error err = {0};

    add(kit, &cid, PIN_DIRECT, "first");
    add(kit, &cid, PIN_RECURSIVE, "second");
    expect(kit, &cid, PIN_RECURSIVE, "second");
    assert_false(pins_add(kit->pins, &cid, PIN_DIRECT, SLICE("third"), &err));
    expect_refusal(&err, &cid, " already pinned recursively");
    expect(kit, &cid, PIN_RECURSIVE, "second");
    add(kit, &cid, PIN_RECURSIVE, "");
    expect(kit, &cid, PIN_RECURSIVE, "");
}

static void test_names_have_at_most_255_bytes(void **state)
{
    struct kit *kit = *state;
    struct cid cid = cid_of(1, 3);
    struct error err = {0};
    char name[257];

    memset(name, 'x', sizeof(name));
    name[255] = '\0';
    add(kit, &cid, PIN_RECURSIVE, name);
    name[255] = 'x';
    name[256] = '\0';
    assert_false(pins_add(kit->pins, &cid, PIN_RECURSIVE, slice_of(name), &err));
    assert_string_equal(err.text, "pin name is 256 bytes (max 255 bytes)");
}

static void test_removing_says_what_kubo_says(void **state)
{
    struct kit *kit = *state;
    struct cid cid = cid_of(0, 4);
    struct error err = {0};

    assert_false(pins_remove(kit->pins, &cid, PIN_RECURSIVE, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_string_equal(err.text, "not pinned or pinned indirectly");
    add(kit, &cid, PIN_RECURSIVE, "");
    err = (struct error){0};
    assert_false(pins_remove(kit->pins, &cid, PIN_DIRECT, &err));
    expect_refusal(&err, &cid, " is pinned recursively");
    assert_true(pins_remove(kit->pins, &cid, PIN_RECURSIVE, &err));
    expect(kit, &cid, PIN_NONE, "");
    add(kit, &cid, PIN_DIRECT, "");
    assert_true(pins_remove(kit->pins, &cid, PIN_RECURSIVE, &err));
    expect(kit, &cid, PIN_NONE, "");
}

static void test_an_update_carries_the_name_over(void **state)
{
    struct kit *kit = *state;
    struct cid from = cid_of(1, 5), to = cid_of(1, 6), other = cid_of(1, 7);
    struct error err = {0};

    assert_false(pins_update(kit->pins, &from, &to, true, &err));
    assert_string_equal(err.text, "'from' cid was not recursively pinned already");
    add(kit, &from, PIN_RECURSIVE, "kept");
    add(kit, &to, PIN_DIRECT, "other");
    assert_true(pins_update(kit->pins, &from, &from, true, &err));
    expect(kit, &from, PIN_RECURSIVE, "kept");
    assert_true(pins_update(kit->pins, &from, &to, true, &err));
    expect(kit, &from, PIN_NONE, "");
    expect(kit, &to, PIN_RECURSIVE, "kept");
    assert_true(pins_update(kit->pins, &to, &other, false, &err));
    expect(kit, &to, PIN_RECURSIVE, "kept");
    expect(kit, &other, PIN_RECURSIVE, "kept");
    err = (struct error){0};
    assert_false(pins_check_update(kit->pins, &to, &other, &err));
    assert_string_equal(err.text, "'to' cid was already recursively pinned");
}

struct listed {
    struct cid last;
    struct text texts;
    size_t until;
};

static bool on_listed(void *listed_, const struct cid *cid, struct slice name)
{
    struct listed *listed = listed_;

    listed->last = *cid;
    text_put_format(&listed->texts, "%.*s ", SLICE_ARGS(name));
    return --listed->until > 0;
}

/* 0 to 63 are the letters of base64url: 0x34 is "0", 0x00 "A", 0x3f "_", 0x1a "a". */
static void test_lists_come_in_pages_in_the_order_of_base64url(void **state)
{
    static const unsigned numbers[] = {0x00, 0x1a, 0x34, 0x3f, 0x40};
    struct kit *kit = *state;
    struct listed listed = {.until = SIZE_MAX};
    struct error err = {0};
    struct cid cid;
    size_t count;

    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        char name[8];

        snprintf(name, sizeof(name), "%02x", numbers[i]);
        cid = cid_of(0, numbers[i]);
        add(kit, &cid, PIN_RECURSIVE, name);
    }
    cid = cid_of(0, 0x101);
    add(kit, &cid, PIN_DIRECT, "direct");
    assert_true(pins_list(kit->pins, PIN_RECURSIVE, NULL, 2, on_listed, &listed, &count, &err));
    assert_int_equal(count, 2);
    assert_true(
        pins_list(kit->pins, PIN_RECURSIVE, &listed.last, 9, on_listed, &listed, &count, &err));
    assert_int_equal(count, 3);
    assert_true(pins_list(kit->pins, PIN_DIRECT, NULL, 9, on_listed, &listed, &count, &err));
    assert_int_equal(count, 1);
    assert_string_equal(listed.texts.data, "34 00 3f 1a 40 direct ");
    listed.until = 1;
    assert_true(pins_list(kit->pins, PIN_RECURSIVE, NULL, 9, on_listed, &listed, &count, &err));
    assert_int_equal(count, 1);
    text_dispose(&listed.texts);
}

static void test_values_are_replaced_and_kept(void **state)
{
    struct kit *kit = *state;
    struct text value = {0};
    struct error err = {0};

    assert_false(pins_get_value(kit->pins, "files-root", &value, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    err = (struct error){0};
    assert_true(pins_put_value(kit->pins, "files-root", SLICE("a\0b"), &err));
    assert_true(pins_put_value(kit->pins, "files-root", SLICE("c\0d"), &err));
    pins_close(&kit->pins);
    kit_open(kit);
    assert_true(pins_get_value(kit->pins, "files-root", &value, &err));
    assert_true(slice_equal(text_slice(&value), SLICE("c\0d")));
    text_dispose(&value);
}

static void overwrite(const struct kit *kit, const char *sql)
{
    char path[96];
    sqlite3 *db;

    snprintf(path, sizeof(path), "%s/node.db", kit->folder);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void test_a_file_of_a_newer_causeway_is_refused(void **state)
{
    struct kit *kit = *state;
    struct error err = {0};

    pins_close(&kit->pins);
    overwrite(kit, "PRAGMA user_version = 2");
    assert_false(pins_open(&kit->pins, kit->folder, &err));
    assert_int_equal(err.code, ERROR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "node.db was written by a newer Causeway"));
    overwrite(kit, "PRAGMA user_version = 1");
    kit_open(kit);
}

static void test_a_damaged_file_says_what_to_do(void **state)
{
    struct kit *kit = *state;
    struct error err = {0};
    char path[96];
    FILE *file;

    pins_close(&kit->pins);
    snprintf(path, sizeof(path), "%s/node.db", kit->folder);
    file = fopen(path, "r+");
    assert_non_null(file);
    for (int i = 0; i < 4096; i++)
        fputc('x', file);
    fclose(file);
    assert_false(pins_open(&kit->pins, kit->folder, &err));
    assert_int_equal(err.code, ERROR_MISMATCH);
    assert_non_null(strstr(err.text, "node.db: it is damaged; stop the gateway"));
}

static void test_a_row_that_is_no_cid_is_damage(void **state)
{
    struct kit *kit = *state;
    struct listed listed = {.until = SIZE_MAX};
    struct error err = {0};
    size_t count;

    overwrite(kit, "INSERT INTO pin VALUES (x'00', x'00', 2, '')");
    assert_false(pins_list(kit->pins, PIN_RECURSIVE, NULL, 9, on_listed, &listed, &count, &err));
    assert_non_null(strstr(err.text, "node.db: a row is damaged"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_pin_keeps_mode_and_name_across_a_restart),
        TEST(test_a_second_pin_replaces_the_name_and_may_only_strengthen),
        TEST(test_names_have_at_most_255_bytes),
        TEST(test_removing_says_what_kubo_says),
        TEST(test_an_update_carries_the_name_over),
        TEST(test_lists_come_in_pages_in_the_order_of_base64url),
        TEST(test_values_are_replaced_and_kept),
        TEST(test_a_file_of_a_newer_causeway_is_refused),
        TEST(test_a_damaged_file_says_what_to_do),
        TEST(test_a_row_that_is_no_cid_is_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
