// SPDX-License-Identifier: Apache-2.0
/* Spools that outlive the process, whatever a crash left of them. */
#include "receive_kit.h"

#include "federation/inbox.h"
#include "federation/spool_mark.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define NAME "01jd00000000000000000000aa.01jd0000000000000000000001"

struct box {
    char folder[64];
    struct kit_dag *dag;
    struct spool_settings settings;
    struct error err;
};

static int setup(void **state)
{
    struct box *box = calloc(1, sizeof(*box));

    (void)snprintf(box->folder, sizeof(box->folder), "/tmp/inbox-XXXXXX");
    assert_non_null(mkdtemp(box->folder));
    box->dag = kit_dag_create(300, 200);
    box->settings = (struct spool_settings){
        .folder = box->folder,
        .name = NAME,
        .root = box->dag->root,
        .limits = {.bytes = box->dag->stats.bytes, .blocks = box->dag->stats.blocks},
        .part_max = 10000,
    };
    *state = box;
    return 0;
}

static int teardown(void **state)
{
    struct box *box = *state;

    assert_true(spool_remove(box->folder, NAME, NULL));
    assert_int_equal(rmdir(box->folder), 0);
    kit_dag_destroy(box->dag);
    free(box);
    return 0;
}

static struct spool *open_spool(struct box *box)
{
    struct spool *spool = spool_open(&box->settings, &box->err);

    if (spool == NULL)
        fail_msg("%s", box->err.text);
    return spool;
}

/* So many blocks from the position on; is_cut: and half of the next. */
static void feed(struct box *box, struct spool *spool, size_t count)
{
    size_t from = spool_position(spool);
    struct text car = kit_car(box->dag, from, from + count, true);

    spool_begin(spool);
    if (!spool_take(spool, text_slice(&car), &box->err) || !spool_end(spool, true, &box->err))
        fail_msg("%s", box->err.text);
    text_dispose(&car);
}

/* The blocks of all parts are those of the walk, in its order. */
static void check_parts(struct box *box, const struct spool *spool)
{
    size_t next = 0;

    for (unsigned number = 1; number <= spool_parts(spool); number++) {
        struct car_reader *reader = car_reader_create(NULL);
        char path[INBOX_PATH_MAX], bytes[16384];
        struct slice input;
        enum car_event event;
        FILE *file;

        spool_part_path(box->folder, NAME, number, path);
        file = fopen(path, "rbe");
        assert_non_null(file);
        input = (struct slice){bytes, fread(bytes, 1, sizeof(bytes), file)};
        assert_true(input.size > 0 && input.size <= box->settings.part_max);
        (void)fclose(file);
        while ((event = car_reader_next(reader, &input, NULL)) != CAR_MORE) {
            assert_int_not_equal(event, CAR_BAD);
            if (event != CAR_BLOCK)
                continue;
            while (box->dag->order[next].hash == HASH_IDENTITY)
                next++;
            assert_true(cid_equal(&car_reader_block(reader)->cid, &box->dag->order[next++]));
        }
        assert_int_equal(car_reader_finish(reader, NULL), CAR_END);
        car_reader_destroy(&reader);
    }
    while (next < box->dag->ordered && box->dag->order[next].hash == HASH_IDENTITY)
        next++;
    assert_int_equal(next, box->dag->ordered);
}

static void test_spool_goes_on_after_it_was_closed_anywhere(void **state)
{
    struct box *box = *state;
    struct spool *spool = NULL;
    bool is_whole = false;
    uint64_t last = 0;

    for (unsigned round = 0; !is_whole; round++) {
        spool = open_spool(box);
        assert_true(spool_position(spool) >= last);
        feed(box, spool, 1 + round % 23);
        last = spool_position(spool);
        is_whole = spool_is_whole(spool);
        if (!is_whole)
            spool_close(&spool);
        assert_true(round < 1000);
    }
    assert_true(spool_parts(spool) > 3);
    assert_int_equal(spool_stats(spool)->bytes, box->dag->stats.bytes);
    check_parts(box, spool);
    spool_close(&spool);
    spool = open_spool(box);
    assert_true(spool_is_whole(spool));
    assert_int_equal(spool_position(spool), box->dag->stats.blocks);
    spool_close(&spool);
}

static void spoil(const char *path, off_t size, off_t keep, char garbage, size_t garbage_size)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    struct text bytes = {0};

    assert_true(fd >= 0 && keep <= size);
    assert_int_equal(ftruncate(fd, keep), 0);
    for (size_t i = 0; i < garbage_size; i++)
        text_put_char(&bytes, garbage);
    assert_int_equal(pwrite(fd, bytes.data, bytes.size, keep), bytes.size);
    text_dispose(&bytes);
    close(fd);
}

/* The last part is cut at any byte, and anything stands behind that: what is told again is right,
 * and the object becomes whole. */
static void test_spool_survives_a_torn_part(void **state)
{
    struct box *box = *state;

    for (unsigned round = 0; round < 60; round++) {
        struct spool *spool = open_spool(box);
        char path[INBOX_PATH_MAX];
        struct stat is;

        feed(box, spool, 70);
        spool_part_path(box->folder, NAME, spool_parts(spool), path);
        spool_close(&spool);
        assert_int_equal(stat(path, &is), 0);
        spoil(path, is.st_size, is.st_size * (59 - round) / 60, (char)(round * 9),
              round % 3 == 0 ? 0 : 1 + round * 31 % 900);
        spool = open_spool(box);
        feed(box, spool, SIZE_MAX / 2);
        assert_true(spool_is_whole(spool));
        check_parts(box, spool);
        spool_close(&spool);
        assert_true(spool_remove(box->folder, NAME, NULL));
    }
}

/* As if another start of the machine had written it. */
static void unmark(const struct box *box)
{
    char path[INBOX_PATH_MAX];

    (void)snprintf(path, sizeof(path), "%s/%s/" SPOOL_MARK_NAME, box->folder, NAME);
    assert_int_equal(truncate(path, 5), 0);
}

/* Fills a spool and spoils one of its parts, from the keep-th part of 60 of it on. */
static void spool_with_spoiled(struct box *box, unsigned number, unsigned keep, char garbage,
                               size_t garbage_size)
{
    struct spool *spool = open_spool(box);
    char path[INBOX_PATH_MAX];
    struct stat is;

    feed(box, spool, SIZE_MAX / 2);
    assert_true(spool_parts(spool) > number);
    spool_close(&spool);
    spool_part_path(box->folder, NAME, number, path);
    assert_int_equal(stat(path, &is), 0);
    spoil(path, is.st_size, is.st_size * keep / 60, garbage, garbage_size);
}

/* Any part may be torn, or have anything in it, when the machine died. */
static void test_spool_survives_a_start_of_the_machine(void **state)
{
    struct box *box = *state;

    for (unsigned round = 0; round < 60; round++) {
        struct spool *spool;

        spool_with_spoiled(box, 1 + round % 3, 59 - round, (char)(round * 9),
                           round % 3 == 0 ? 0 : 1 + round * 31 % 900);
        unmark(box);
        spool = open_spool(box);
        assert_false(spool_is_whole(spool));
        assert_true(spool_parts(spool) <= 1 + round % 3);
        feed(box, spool, SIZE_MAX / 2);
        assert_true(spool_is_whole(spool));
        check_parts(box, spool);
        spool_close(&spool);
        assert_true(spool_remove(box->folder, NAME, NULL));
    }
}

/* Their names were durable, and nothing that is in them. */
static void test_spool_with_empty_parts(void **state)
{
    struct box *box = *state;

    for (unsigned round = 0; round < 3; round++) {
        struct spool *spool;

        spool_with_spoiled(box, 1 + round, 0, 0, 0);
        unmark(box);
        spool = open_spool(box);
        assert_int_equal(spool_parts(spool), 1 + round);
        feed(box, spool, SIZE_MAX / 2);
        assert_true(spool_is_whole(spool));
        check_parts(box, spool);
        spool_close(&spool);
        assert_true(spool_remove(box->folder, NAME, NULL));
    }
}

/* Bytes that changed inside a block are found where blocks are hashed: after a start of the
 * machine; and once all was, not again. */
static void test_spool_trusts_its_parts_while_the_machine_runs(void **state)
{
    struct box *box = *state;
    char path[INBOX_PATH_MAX];
    struct spool *spool = open_spool(box);
    FILE *file;

    feed(box, spool, SIZE_MAX / 2);
    spool_close(&spool);
    unmark(box);
    spool = open_spool(box); /* all was hashed, and is marked anew */
    assert_true(spool_is_whole(spool));
    spool_close(&spool);
    spool_part_path(box->folder, NAME, 2, path);
    file = fopen(path, "r+be");
    assert_non_null(file);
    assert_int_equal(fseek(file, -1, SEEK_END), 0);
    assert_true(fputc('!', file) != EOF);
    (void)fclose(file);
    spool = open_spool(box);
    assert_true(spool_is_whole(spool));
    spool_close(&spool);
    unmark(box);
    spool = open_spool(box);
    assert_false(spool_is_whole(spool));
    assert_int_equal(spool_parts(spool), 2);
    spool_close(&spool);
}

/* The names of some parts may be lost with a machine, and not those of later ones. */
static void test_spool_without_some_parts(void **state)
{
    struct box *box = *state;

    for (unsigned missing = 1; missing <= 3; missing++) {
        struct spool *spool = open_spool(box);
        char path[INBOX_PATH_MAX];

        feed(box, spool, SIZE_MAX / 2);
        spool_close(&spool);
        spool_part_path(box->folder, NAME, missing, path);
        assert_int_equal(unlink(path), 0);
        unmark(box);
        spool = open_spool(box);
        assert_int_equal(spool_parts(spool), missing - 1);
        feed(box, spool, SIZE_MAX / 2);
        assert_true(spool_is_whole(spool));
        check_parts(box, spool);
        spool_close(&spool);
        spool_part_path(box->folder, NAME, missing, path);
        assert_int_equal(unlink(path), 0);
        assert_true(spool_remove(box->folder, NAME, &box->err));
    }
}

static void test_spool_tells_only_what_was_written(void **state)
{
    struct box *box = *state;
    struct spool *spool = open_spool(box);
    struct text car = kit_car(box->dag, 0, 40, true);
    uint64_t position = 99;

    spool_begin(spool);
    assert_true(spool_take(spool, text_slice(&car), &box->err));
    assert_int_equal(spool_position(spool), 0);
    assert_true(spool_flush(spool, &position, &box->err));
    assert_int_equal(position, 40);
    spool_close(&spool); /* as a crash would */
    spool = open_spool(box);
    assert_true(spool_position(spool) >= 40);
    spool_close(&spool);
    text_dispose(&car);
}

static void test_spool_of_another_object_is_refused(void **state)
{
    struct box *box = *state;
    struct kit_dag *other = kit_dag_create(20, 100);
    struct spool *spool = open_spool(box);

    feed(box, spool, SIZE_MAX / 2);
    spool_close(&spool);
    box->settings.root = other->root;
    assert_null(spool_open(&box->settings, &box->err));
    assert_int_equal(box->err.code, ERROR_SYNTAX);
    kit_dag_destroy(other);
}

static bool count_spools(void *count, const char *name, struct error *err)
{
    assert_string_equal(name, NAME);
    ++*(unsigned *)count;
    return true;
}

static void test_inbox_lists_its_spools_and_removes_them(void **state)
{
    struct box *box = *state;
    struct spool *spool = open_spool(box);
    unsigned count = 0;

    feed(box, spool, 200);
    spool_close(&spool);
    assert_true(inbox_prepare(box->folder, NULL));
    assert_true(inbox_each(box->folder, count_spools, &count, NULL));
    assert_int_equal(count, 1);
    assert_true(spool_remove(box->folder, NAME, NULL));
    assert_true(spool_remove(box->folder, NAME, NULL));
    assert_true(inbox_each(box->folder, count_spools, &count, NULL));
    assert_int_equal(count, 1);
}

/* Two links may use one id, and each of them from both ends. */
static void test_spools_are_named_by_link_id_and_use(void **state)
{
    static const char one[] = "01jd00000000000000000000aa", two[] = "01jd00000000000000000000ab";
    static const char *const bad[] = {
        "", "01jd00000000000000000000aa", "walk-abcdef", (NAME ".b"), (NAME ".backs"), ("x" NAME),
    };
    char names[4][SPOOL_NAME_SIZE], link[ULID_SIZE], id[ULID_SIZE];
    enum spool_use use;

    for (size_t i = 0; i < 4; i++) {
        spool_name(names[i], i < 2 ? one : two, two, i % 2 == 0 ? SPOOL_PLACED : SPOOL_BACK);
        for (size_t before = 0; before < i; before++)
            assert_string_not_equal(names[i], names[before]);
        assert_true(spool_name_read(slice_of(names[i]), link, id, &use));
        assert_string_equal(link, i < 2 ? one : two);
        assert_string_equal(id, two);
        assert_int_equal(use, i % 2 == 0 ? SPOOL_PLACED : SPOOL_BACK);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_false(spool_name_read(slice_of(bad[i]), link, id, &use));
}

static void test_spool_is_read_part_by_part(void **state)
{
    struct box *box = *state;
    struct spool *spool = open_spool(box);
    unsigned parts, reads = 0;
    bool is_read = false;

    feed(box, spool, SIZE_MAX / 2);
    parts = spool_parts(spool);
    assert_true(parts > 3);
    spool_close(&spool);
    spool = spool_open_unread(&box->settings, &box->err);
    assert_non_null(spool);
    while (!is_read) {
        if (!spool_read_part(spool, &is_read, &box->err))
            fail_msg("%s", box->err.text);
        assert_int_equal(spool_parts(spool), ++reads);
    }
    assert_int_equal(reads, parts);
    assert_true(spool_is_whole(spool));
    spool_close(&spool);
    spool = spool_open_unread(&box->settings, &box->err); /* given up in between */
    assert_true(spool_read_part(spool, &is_read, &box->err));
    assert_false(is_read);
    spool_close(&spool);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_spool_goes_on_after_it_was_closed_anywhere),
        TEST(test_spool_survives_a_torn_part),
        TEST(test_spool_survives_a_start_of_the_machine),
        TEST(test_spool_trusts_its_parts_while_the_machine_runs),
        TEST(test_spool_without_some_parts),
        TEST(test_spool_with_empty_parts),
        TEST(test_spool_tells_only_what_was_written),
        TEST(test_spool_is_read_part_by_part),
        TEST(test_spool_of_another_object_is_refused),
        TEST(test_spools_are_named_by_link_id_and_use),
        TEST(test_inbox_lists_its_spools_and_removes_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
