// SPDX-License-Identifier: Apache-2.0
/* A block store in trouble: its disk is full, or read-only, or fails; blocks, segments or the index
 * are damaged or gone; another process has it. Clear errors, nothing acknowledged is lost, and
 * writing goes on when the trouble is over. */
#include "blocks_kit.h"
#include "tests/unit/store/edit.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdatomic.h>

/* What segments and the index meet; 0: none. */
static atomic_int write_trouble, sync_trouble, index_trouble;
static atomic_int write_room; /* bytes that a segment still takes, while it is in trouble */
static atomic_int write_fits; /* writes up to this size go through, while it is in trouble */

ssize_t __real_pwrite(int fd, const void *bytes, size_t size, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t size, off_t offset);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

ssize_t __wrap_pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    int room = write_room;

    if (write_trouble == 0 || size <= (size_t)write_fits)
        return __real_pwrite(fd, bytes, size, offset);
    if (room > 0) {
        size = size < (size_t)room ? size : (size_t)room;
        write_room = room - (int)size;
        return __real_pwrite(fd, bytes, size, offset);
    }
    errno = write_trouble;
    return -1;
}

int __wrap_fdatasync(int fd)
{
    if (sync_trouble == 0)
        return __real_fdatasync(fd);
    errno = sync_trouble;
    return -1;
}

static char reserve[160]; /* while it is there, it takes the room that the index needs */

static ssize_t index_write(int fd, const void *bytes, size_t size, off_t offset)
{
    if (index_trouble == 0 || (reserve[0] != '\0' && access(reserve, F_OK) != 0))
        return __real_pwrite(fd, bytes, size, offset);
    errno = index_trouble;
    return -1;
}

static int setup(void **state)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

    assert_int_equal(vfs->xSetSystemCall(vfs, "pwrite", (sqlite3_syscall_ptr)index_write), 0);
    assert_int_equal(vfs->xSetSystemCall(vfs, "pwrite64", (sqlite3_syscall_ptr)index_write), 0);
    write_trouble = sync_trouble = index_trouble = write_room = write_fits = 0;
    return kit_setup(state);
}

static void expect_text(const struct seen *seen, const char *text)
{
    if (strstr(seen->err.text, text) == NULL)
        fail_msg("'%s' is not in: %s", text, seen->err.text);
}

/* ---- the disk */

static void test_blocks_write_fails_whole_while_the_disk_does(void **state)
{
    static const struct {
        atomic_int *where;
        int cause, room;
        const char *text;
    } troubles[] = {
        {&write_trouble, ENOSPC, 0, "make room; nothing that was acknowledged is lost"},
        {&write_trouble, ENOSPC, 40000, "make room"},
        {&write_trouble, EIO, 1, "cannot be written: "},
        {&sync_trouble, EIO, 0, "cannot be synced: "},
        {&sync_trouble, ENOSPC, 0, "make room"},
        {&index_trouble, ENOSPC, 0, "its disk is full; make room"},
        {&index_trouble, EIO, 0, "its disk failed; look at the system's log"},
        {&index_trouble, EROFS, 0, "index.db: it"},
    };
    struct kit *kit = *state;
    unsigned next = 0;

    for (size_t i = 0; i < ARRAY_SIZE(troubles); i++) {
        struct seen seen;

        kit_write_many(kit, next, 40, 1000);
        for (int again = 0; again < 2; again++) {
            write_room = troubles[i].room;
            *troubles[i].where = troubles[i].cause;
            seen = kit_write_many(kit, next + 30, 120, 1000); /* ten are there; ends in the next */
            assert_int_equal(seen.err.code, ERROR_IO);
            expect_text(&seen, troubles[i].text);
            assert_int_equal(seen.written.added, 0);
            kit_expect(kit, next, 40, 1000, true); /* reads go on */
            kit_expect(kit, next + 40, 110, 1000, false);
            kit_expect_totals(kit, next + 40, (next + 40) * 1000);
            seen = kit_remove_many(kit, next, 1, 1000);
            if (troubles[i].where == &index_trouble) { /* the reserve gives no room here */
                assert_int_equal(seen.err.code, ERROR_IO);
            } else {
                *troubles[i].where = 0;
                assert_int_equal(kit_write_many(kit, next, 1, 1000).written.added, 1);
            }
            *troubles[i].where = 0;
        }
        assert_int_equal(kit_write_many(kit, next + 30, 120, 1000).written.added, 110);
        next += 150;
        kit_expect(kit, 0, next, 1000, true);
        kit_expect_totals(kit, next, next * 1000);
    }
    kit_reopen(kit);
    kit_expect(kit, 0, next, 1000, true);
    kit_expect_totals(kit, next, next * 1000);
}

/* The one that is too large for what is left of the disk does not fail its neighbours. */
static void test_blocks_write_that_fails_leaves_the_rest_of_its_group(void **state)
{
    struct kit *kit = *state;
    struct seen seen[3] = {{0}};
    struct blocks_write *writes[3];

    write_trouble = ENOSPC;
    write_fits = 40000;
    for (int i = 0; i < 3; i++) {
        writes[i] = blocks_write_create();
        kit_put(writes[i], (unsigned)i, i == 1 ? 50000 : 1000);
    }
    for (int i = 0; i < 3; i++)
        assert_true(blocks_write_start(kit->blocks, kit->loop, writes[i], kit_on_written, &seen[i],
                                       &seen[i].err));
    for (int i = 0; i < 3; i++) {
        kit_await(kit, &seen[i]);
        assert_int_equal(seen[i].err.code, i == 1 ? ERROR_IO : ERROR_NONE);
    }
    kit_expect(kit, 0, 1, 1000, true);
    kit_expect(kit, 1, 1, 50000, false);
    kit_expect(kit, 2, 1, 1000, true);
    kit_expect_totals(kit, 2, 2000);
}

static void test_blocks_full_disk_keeps_no_bytes_of_what_failed(void **state)
{
    struct kit *kit = *state;
    char path[160];
    struct stat status;

    kit_write_many(kit, 0, 10, 1000);
    write_trouble = ENOSPC;
    for (int i = 0; i < 5; i++) {
        write_room = 100000; /* into a second segment */
        assert_int_equal(kit_write_many(kit, 100, 200, 1000).err.code, ERROR_IO);
    }
    kit_path(kit, "0000000001.blocks", path);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, 10 * 1043);
    kit_path(kit, "0000000002.blocks", path);
    assert_int_not_equal(stat(path, &status), 0);
    write_trouble = 0;
}

static void test_blocks_can_be_removed_when_the_disk_is_full(void **state)
{
    struct kit *kit = *state;
    struct seen seen;
    char path[160];

    kit_write_many(kit, 0, 100, 1000);
    kit_path(kit, "reserve", path);
    assert_int_equal(access(path, F_OK), 0);
    index_trouble = ENOSPC;
    snprintf(reserve, sizeof(reserve), "%s", path);
    assert_int_equal(kit_write_many(kit, 200, 1, 1000).err.code, ERROR_IO);
    assert_int_equal(access(path, F_OK), 0); /* it is not for puts */
    seen = kit_remove_many(kit, 0, 100, 1000);
    assert_int_equal(seen.err.code, ERROR_NONE);
    assert_int_equal(seen.written.removed, 100);
    assert_int_not_equal(access(path, F_OK), 0);
    do {
        seen = kit_compact(kit);
        assert_int_equal(seen.err.code, ERROR_NONE);
        index_trouble = 0; /* now there is room */
    } while (seen.written.may_compact);
    assert_int_equal(access(path, F_OK), 0);
    kit_expect(kit, 0, 100, 1000, false);
    reserve[0] = '\0';
}

static void test_blocks_folder_that_cannot_be_made_is_refused(void **state)
{
    struct kit *kit = *state;
    struct blocks_settings settings = {.folder = "/proc/blocks", .jobs = kit->jobs};
    struct blocks *blocks;
    struct error err = {0};

    assert_false(blocks_open(&blocks, &settings, NULL, &err));
    assert_int_equal(err.code, ERROR_IO);
    assert_null(blocks);
    assert_non_null(strstr(err.text, "/proc/blocks"));
}

/* ---- two processes */

static void test_blocks_of_another_process_are_refused(void **state)
{
    struct kit *kit = *state;
    struct error err = {0};
    struct blocks *blocks;
    char pid[32];

    snprintf(pid, sizeof(pid), "process %ld", (long)getpid());
    assert_false(blocks_open(&blocks, &kit->settings, NULL, &err));
    assert_int_equal(err.code, ERROR_REFUSED);
    assert_non_null(strstr(err.text, pid));
    kit_write_many(kit, 0, 3, 100);
    kit_expect(kit, 0, 3, 100, true);
}

/* ---- damage */

static void change(const struct kit *kit, const char *name, off_t offset, char byte)
{
    char path[160];
    int fd;

    kit_path(kit, name, path);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(__real_pwrite(fd, &byte, 1, offset), 1);
    close(fd);
}

static void expect_damage(struct kit *kit, enum blocks_mode mode, unsigned n, size_t size,
                          const char *text)
{
    struct cid cid = kit_cid(n, size);
    struct seen seen = kit_read_one(kit, mode, &cid);
    struct text name = {0};

    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.states[0], ERROR_MISMATCH);
    assert_int_equal(seen.err.code, ERROR_MISMATCH);
    expect_text(&seen, text);
    expect_text(&seen, "/0000000001.blocks at offset ");
    cid_print(&cid, CID_BASE_DEFAULT, &name);
    expect_text(&seen, name.data);
    text_dispose(&name);
}

static void test_blocks_damaged_block_is_found_out_and_named(void **state)
{
    struct kit *kit = *state;
    struct cid cid = kit_cid(1, 1000);
    char path[160];

    kit_write_many(kit, 0, 4, 1000);
    change(kit, "0000000001.blocks", 1043 + 500, 'X'); /* in the bytes of block 1 */
    expect_damage(kit, BLOCKS_CHECKED, 1, 1000, "the block's bytes are damaged");
    assert_int_equal(kit_read_one(kit, BLOCKS_DATA, &cid).states[0], ERROR_NONE);
    change(kit, "0000000001.blocks", 2 * 1043 + 12, 'X'); /* in the key of block 2 */
    expect_damage(kit, BLOCKS_DATA, 2, 1000, "the block's record is damaged");
    kit_path(kit, "0000000001.blocks", path);
    assert_int_equal(truncate(path, 4 * 1043 - 1), 0);
    expect_damage(kit, BLOCKS_DATA, 3, 1000, "the file ends before the block does");
    kit_expect(kit, 0, 1, 1000, true);
    kit_reopen(kit); /* and nothing is put behind what is cut */
    kit_write_many(kit, 10, 1, 1000);
    kit_expect(kit, 10, 1, 1000, true);
    expect_damage(kit, BLOCKS_DATA, 3, 1000, "the file ends before the block does");
    assert_int_equal(unlink(path), 0);
    expect_damage(kit, BLOCKS_DATA, 0, 1000, "the file is not there");
}

static void test_blocks_one_damaged_block_does_not_hide_the_others(void **state)
{
    struct kit *kit = *state;
    struct blocks_read *read = blocks_read_create(BLOCKS_CHECKED);
    struct seen seen;

    kit_write_many(kit, 0, 4, 1000);
    change(kit, "0000000001.blocks", 1043 + 500, 'X');
    for (unsigned n = 0; n < 5; n++) {
        struct cid cid = kit_cid(n, 1000);

        blocks_read_add(read, &cid);
    }
    seen = kit_read(kit, read);
    assert_int_equal(seen.count, 5);
    for (unsigned n = 0; n < 5; n++)
        assert_int_equal(seen.states[n], n == 1   ? ERROR_MISMATCH
                                         : n == 4 ? ERROR_NOT_FOUND
                                                  : ERROR_NONE);
}

static void test_blocks_damaged_block_is_stored_anew_once_it_was_found(void **state)
{
    struct kit *kit = *state;

    kit_write_many(kit, 0, 3, 1000);
    change(kit, "0000000001.blocks", 1043 + 500, 'X');
    kit_write_many(kit, 1, 1, 1000); /* nobody knows, and it is there */
    expect_damage(kit, BLOCKS_CHECKED, 1, 1000, "the block's bytes are damaged");
    kit_write_many(kit, 0, 2, 1000);
    kit_expect(kit, 0, 3, 1000, true);
    assert_int_equal(blocks_totals(kit->blocks).count, 3);
    assert_int_equal(blocks_totals(kit->blocks).disk_bytes, 4 * 1043);
    kit_write_many(kit, 0, 3, 1000); /* once is enough */
    assert_int_equal(blocks_totals(kit->blocks).disk_bytes, 4 * 1043);
    kit_reopen(kit);
    kit_expect(kit, 0, 3, 1000, true);
}

static void test_blocks_repair_that_fails_can_be_tried_again(void **state)
{
    struct kit *kit = *state;
    struct seen seen;

    kit_write_many(kit, 0, 3, 1000);
    change(kit, "0000000001.blocks", 1043 + 500, 'X');
    expect_damage(kit, BLOCKS_CHECKED, 1, 1000, "the block's bytes are damaged");
    write_trouble = ENOSPC;
    seen = kit_write_many(kit, 1, 1, 1000);
    assert_int_equal(seen.err.code, ERROR_IO);
    write_trouble = 0;
    expect_damage(kit, BLOCKS_CHECKED, 1, 1000, "the block's bytes are damaged");
    kit_write_many(kit, 1, 1, 1000);
    kit_expect(kit, 0, 3, 1000, true);
}

static void test_blocks_damaged_segment_is_not_compacted_away(void **state)
{
    struct kit *kit = *state;
    struct seen seen;

    kit_write_many(kit, 0, 50, 1000);
    change(kit, "0000000001.blocks", 48 * 1043, 'X'); /* the mark of block 48 */
    seen = kit_remove_many(kit, 0, 45, 1000);
    assert_true(seen.written.may_compact);
    seen = kit_compact(kit);
    assert_int_equal(seen.err.code, ERROR_MISMATCH);
    expect_text(&seen, "0000000001.blocks is damaged: of 5 blocks 4 were found");
    kit_expect(kit, 45, 3, 1000, true);
    kit_expect(kit, 49, 1, 1000, true);
    seen = kit_compact(kit); /* it is not tried again */
    assert_int_equal(seen.err.code, ERROR_NONE);
    assert_false(seen.written.may_compact);
    kit_expect_totals(kit, 5, 5000);
}

/* ---- the index */

static void remove_index(struct kit *kit)
{
    static const char *const names[] = {"index.db", "index.db-wal", "index.db-shm"};
    char path[160];

    blocks_close(&kit->blocks);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        kit_path(kit, names[i], path);
        assert_true(unlink(path) == 0 || errno == ENOENT);
    }
}

static void test_blocks_index_is_made_anew_of_the_segments(void **state)
{
    struct kit *kit = *state;

    kit_write_many(kit, 0, 200, 1000);
    kit_write_many(kit, 200, 3, 100000);
    remove_index(kit);
    kit_open(kit);
    assert_true(kit->opened.was_rebuilt);
    assert_int_equal(kit->opened.skipped_bytes, 0);
    kit_expect(kit, 0, 200, 1000, true);
    kit_expect(kit, 200, 3, 100000, true);
    kit_expect_totals(kit, 203, 500000);
    kit_write_many(kit, 300, 10, 1000);
    kit_reopen(kit);
    assert_false(kit->opened.was_rebuilt);
    kit_expect(kit, 300, 10, 1000, true);
}

static void test_blocks_index_is_made_anew_around_what_is_damaged(void **state)
{
    struct kit *kit = *state;
    char path[160];

    kit_write_many(kit, 0, 20, 1000);
    change(kit, "0000000001.blocks", 3 * 1043 + 500, 'X');   /* bytes */
    change(kit, "0000000001.blocks", 7 * 1043, 'X');         /* a mark */
    change(kit, "0000000001.blocks", 11 * 1043 + 6, '\x01'); /* a size that reaches far */
    kit_path(kit, "0000000001.blocks", path);
    assert_int_equal(truncate(path, 20 * 1043 - 10), 0);
    remove_index(kit);
    kit_open(kit);
    assert_true(kit->opened.was_rebuilt);
    assert_int_equal(kit->opened.skipped_bytes, 4 * 1043 - 10);
    for (unsigned n = 0; n < 20; n++)
        kit_expect(kit, n, 1, 1000, n != 3 && n != 7 && n != 11 && n != 19);
    kit_expect_totals(kit, 16, 16000);
}

static void test_blocks_damaged_index_says_how_it_is_made_anew(void **state)
{
    struct kit *kit = *state;
    struct error err = {0};

    kit_write_many(kit, 0, 20, 1000);
    blocks_close(&kit->blocks);
    change(kit, "index.db", 3, 'X');
    assert_false(blocks_open(&kit->blocks, &kit->settings, NULL, &err));
    assert_int_equal(err.code, ERROR_MISMATCH);
    assert_non_null(strstr(err.text, "move index.db, index.db-wal and index.db-shm away"));
    remove_index(kit);
    kit_open(kit);
    kit_expect(kit, 0, 20, 1000, true);
}

static void test_blocks_of_a_newer_version_are_refused(void **state)
{
    struct kit *kit = *state;
    struct error err = {0};

    kit_write_many(kit, 0, 2, 1000);
    blocks_close(&kit->blocks);
    edit_database(kit->folder, "index.db", "PRAGMA user_version = 9");
    assert_false(blocks_open(&kit->blocks, &kit->settings, NULL, &err));
    assert_int_equal(err.code, ERROR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "newer Causeway (version 9"));
}

/* ---- what a crash left */

static void test_blocks_bytes_behind_the_end_are_cut_at_the_start(void **state)
{
    struct kit *kit = *state;
    struct stat status;
    char path[160];
    int fd;

    kit_write_many(kit, 0, 20, 1000);
    blocks_close(&kit->blocks);
    kit_path(kit, "0000000001.blocks", path);
    assert_int_equal(truncate(path, 22 * 1043), 0);
    kit_path(kit, "0000000009.blocks", path); /* a segment that nothing was acknowledged of */
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, "abc", 3), 3);
    close(fd);
    kit_open(kit);
    assert_int_not_equal(stat(path, &status), 0);
    kit_path(kit, "0000000001.blocks", path);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, 20 * 1043);
    kit_expect(kit, 0, 20, 1000, true);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, kit_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_blocks_write_fails_whole_while_the_disk_does),
        TEST(test_blocks_write_that_fails_leaves_the_rest_of_its_group),
        TEST(test_blocks_full_disk_keeps_no_bytes_of_what_failed),
        TEST(test_blocks_can_be_removed_when_the_disk_is_full),
        TEST(test_blocks_folder_that_cannot_be_made_is_refused),
        TEST(test_blocks_of_another_process_are_refused),
        TEST(test_blocks_damaged_block_is_found_out_and_named),
        TEST(test_blocks_one_damaged_block_does_not_hide_the_others),
        TEST(test_blocks_damaged_block_is_stored_anew_once_it_was_found),
        TEST(test_blocks_repair_that_fails_can_be_tried_again),
        TEST(test_blocks_damaged_segment_is_not_compacted_away),
        TEST(test_blocks_index_is_made_anew_of_the_segments),
        TEST(test_blocks_index_is_made_anew_around_what_is_damaged),
        TEST(test_blocks_damaged_index_says_how_it_is_made_anew),
        TEST(test_blocks_of_a_newer_version_are_refused),
        TEST(test_blocks_bytes_behind_the_end_are_cut_at_the_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
