// SPDX-License-Identifier: Apache-2.0
/* The audit log and a disk that is too slow, full or broken. */
#include "audit_kit.h"

#include "auth/audit_line.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>

int __real_fdatasync(int fd); // NOLINT(bugprone-reserved-identifier): the linker's --wrap
int __wrap_fdatasync(int fd); // NOLINT(bugprone-reserved-identifier)

static atomic_bool disk_is_broken;
static atomic_ulong watched_inode; /* how often is this file synced? */
static atomic_uint watched_syncs;

int __wrap_fdatasync(int fd) // NOLINT(bugprone-reserved-identifier)
{
    struct stat status;

    if (fstat(fd, &status) == 0 && status.st_ino == atomic_load(&watched_inode))
        atomic_fetch_add(&watched_syncs, 1);
    if (!atomic_load(&disk_is_broken))
        return __real_fdatasync(fd);
    errno = EIO;
    return -1;
}

/* ---- what does not fit */

/* As large as its list may be. */
static struct audit_entry large_entry(void)
{
    static char room[AUDIT_LIST_MAX - 2];
    static const struct slice argument = {room, sizeof(room)};

    memset(room, 'a', sizeof(room));
    return (struct audit_entry){.arguments = &argument, .argument_count = 1};
}

static const struct audit_entry small_entry = {.request_id = {"r0", 2}};

static bool sum_losses(void *sum, uint64_t number, struct slice line)
{
    *(uint64_t *)sum += kit_number_behind(line, ",\"lost\":");
    return true;
}

/* Of how many lost records do the lines tell? */
static uint64_t losses_told(const struct kit *kit)
{
    struct audit_chain chain = {0};
    struct audit_report report;
    struct error err = {0};
    uint64_t lost = 0;

    if (!audit_verify(kit->path, &chain, sum_losses, &lost, &report, &err))
        fail_msg("%s", err.text);
    return lost;
}

static void test_audit_says_how_many_records_were_lost(void **state)
{
    const struct audit_entry entry = large_entry();
    struct kit *kit = *state;
    struct audit_writer *writer;
    uint64_t accepted = 0, lost = 0;

    writer = kit_begin(kit);
    while (lost < 1000 && accepted < 100000)
        *(audit_put(writer, &entry) ? &accepted : &lost) += 1;
    assert_in_range(lost, 1, 1000); /* faster than a file can be written, on any machine */
    assert_int_equal(audit_counters(kit->audit).lost, lost);
    kit_end(kit, &writer);
    assert_int_equal(losses_told(kit), lost);
}

/* ---- a full disk */

/* Files may grow to this size and no further: the kernel then writes less than it was given. */
static void set_disk_size(rlim_t size)
{
    struct rlimit limit;

    signal(SIGXFSZ, SIG_IGN); // NOLINT(cert-err33-c): cannot fail
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static int kit_teardown_disk(void **state)
{
    set_disk_size(RLIM_INFINITY);
    return kit_teardown(state);
}

#define DISK_TEST(test) cmocka_unit_test_setup_teardown(test, kit_setup, kit_teardown_disk)

/* Records until the file cannot be written, and once more then. Returns how many were refused. */
static uint64_t put_until_full(struct kit *kit, struct audit_writer *writer,
                               const struct audit_entry *entry)
{
    struct error err = {0};

    while (audit_is_healthy(kit->audit, &err)) {
        audit_put(writer, entry);
        kit_sleep_ms(1);
    }
    assert_non_null(strstr(err.text, strerror(EFBIG)));
    KIT_AWAIT(!audit_put(writer, entry)); /* it is noted a little before it is heeded */
    return audit_counters(kit->audit).lost;
}

static bool is_finished(const struct kit *kit)
{
    struct audit_chain chain = {0};

    return !kit_verify(kit->path, &chain).is_unfinished;
}

static void test_audit_refuses_records_while_the_disk_is_full(void **state)
{
    struct kit *kit = *state;
    struct audit_writer *writer;
    uint64_t refused;

    writer = kit_begin(kit);
    set_disk_size(10000); /* inside a line */
    refused = put_until_full(kit, writer, &small_entry);
    assert_true(audit_counters(kit->audit).failures > 0);
    assert_in_range(audit_counters(kit->audit).records, 1, 10000 / 200);
    KIT_AWAIT(is_finished(kit)); /* but for the moment of another try */
    for (unsigned i = 1; i <= 5; i++) {
        assert_false(audit_put(writer, &small_entry));
        assert_int_equal(audit_counters(kit->audit).lost, refused + i);
    }

    set_disk_size(RLIM_INFINITY);
    KIT_AWAIT(audit_is_healthy(kit->audit, NULL));
    KIT_AWAIT(audit_put(writer, &small_entry));
    refused = audit_counters(kit->audit).lost;
    kit_end(kit, &writer);
    assert_true(is_finished(kit));
    assert_int_equal(losses_told(kit), refused);
}

/* Soon, while the log is open, or when it is closed. */
static void test_audit_tells_of_losses_that_no_record_follows(void **state)
{
    struct kit *kit = *state;

    for (int is_closed = 0; is_closed <= 1; is_closed++) {
        struct audit_writer *writer;
        uint64_t refused;

        unlink(kit->path);
        writer = kit_begin(kit);
        set_disk_size(1000);
        refused = put_until_full(kit, writer, &small_entry);
        set_disk_size(RLIM_INFINITY);
        if (is_closed == 0)
            KIT_AWAIT(losses_told(kit) == refused);
        kit_end(kit, &writer);
        assert_int_equal(losses_told(kit), refused);
    }
}

/* The ledger must not know of lines that the file has no room for. */
static void test_audit_tells_no_head_of_lines_that_are_not_in_the_file(void **state)
{
    const struct audit_entry entry = large_entry();
    struct kit *kit = *state;
    struct audit_writer *writer;
    uint64_t written;

    kit_open_store(kit);
    writer = kit_begin(kit);
    set_disk_size(1 << 20); /* the ledger's files stay below it */
    (void)put_until_full(kit, writer, &entry);
    written = audit_counters(kit->audit).records;
    kit_sleep_ms(1200); /* a sync is due */
    assert_in_range(kit_head(kit).sequence, 1, written);
    set_disk_size(RLIM_INFINITY);
    KIT_AWAIT(kit_head(kit).sequence > written);
    kit_end(kit, &writer);
}

static void test_audit_closes_on_a_full_disk_with_whole_lines(void **state)
{
    struct kit *kit = *state;
    struct audit_writer *writer;
    struct audit_chain chain = {0};
    struct audit_report report;

    writer = kit_begin(kit);
    set_disk_size(10000);
    (void)put_until_full(kit, writer, &small_entry);
    kit_end(kit, &writer);
    report = kit_verify(kit->path, &chain);
    assert_false(report.is_unfinished);
    assert_in_range(report.lines, 1, 10000 / 200);
}

/* ---- what is on it */

/* Its last lines, too, are on the disk before the ledger knows of later ones. */
static void test_audit_syncs_the_file_that_it_leaves(void **state)
{
    struct kit *kit = *state;
    struct audit_writer *writer;
    struct stat status;

    kit_open(kit);
    assert_int_equal(stat(kit->path, &status), 0);
    atomic_store(&watched_syncs, 0);
    atomic_store(&watched_inode, status.st_ino);
    writer = audit_writer_create(kit->audit);
    assert_true(kit_put(writer, 0));
    KIT_AWAIT(atomic_load(&watched_syncs) == 1);
    assert_true(kit_put(writer, 1)); /* the next sync is not due yet */
    KIT_AWAIT(audit_counters(kit->audit).records == 2);
    assert_int_equal(rename(kit->path, kit->moved), 0);
    audit_reopen(kit->audit);
    KIT_AWAIT(atomic_load(&watched_syncs) == 2);
    kit_end(kit, &writer);
    atomic_store(&watched_inode, 0);
}

static void test_audit_tells_no_head_that_is_not_on_the_disk(void **state)
{
    struct kit *kit = *state;
    struct audit_writer *writer;
    struct error err = {0};

    kit_open_store(kit);
    writer = kit_begin(kit);
    atomic_store(&disk_is_broken, true);
    assert_true(kit_put(writer, 0));
    KIT_AWAIT(!audit_is_healthy(kit->audit, &err));
    assert_non_null(strstr(err.text, strerror(EIO)));
    assert_int_equal(audit_counters(kit->audit).failures, 1);
    assert_int_equal(kit_head(kit).sequence, 0);
    atomic_store(&disk_is_broken, false);
    assert_true(kit_put(writer, 1));
    KIT_AWAIT(kit_head(kit).sequence == 2);
    KIT_AWAIT(audit_is_healthy(kit->audit, NULL));
    kit_end(kit, &writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(test_audit_says_how_many_records_were_lost),
        DISK_TEST(test_audit_refuses_records_while_the_disk_is_full),
        DISK_TEST(test_audit_tells_of_losses_that_no_record_follows),
        DISK_TEST(test_audit_tells_no_head_of_lines_that_are_not_in_the_file),
        DISK_TEST(test_audit_closes_on_a_full_disk_with_whole_lines),
        KIT_TEST(test_audit_syncs_the_file_that_it_leaves),
        KIT_TEST(test_audit_tells_no_head_that_is_not_on_the_disk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
