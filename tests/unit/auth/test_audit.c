// SPDX-License-Identifier: Apache-2.0
#include "audit_kit.h"

#include "auth/audit_line.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

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

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* Waits at most 5 s for a condition that another thread brings about. */
#define AWAIT(condition)                                                                           \
    do {                                                                                           \
        for (int tries = 0; !(condition) && tries < 1000; tries++)                                 \
            sleep_ms(5);                                                                           \
        assert_true(condition);                                                                    \
    } while (false)

static off_t size_of(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 ? status.st_size : -1;
}

static void open_store(struct kit *kit)
{
    struct store_settings settings = {.folder = kit->folder};
    struct error err = {0};

    if (!store_open(&kit->store, &settings, &err))
        fail_msg("%s", err.text);
}

static struct audit_head read_head(struct kit *kit)
{
    struct transaction *get = transaction_create(TRANSACTION_AUDIT_HEAD_GET);
    struct error err = {0};
    struct audit_head head;

    if (!store_run(kit->store, get, &err))
        fail_msg("%s", err.text);
    head = get->audit_head_get.head;
    transaction_destroy(&get);
    return head;
}

static void expect_notice(const struct kit *kit, const char *says)
{
    const char *notice = kit->notice.size > 0 ? kit->notice.data : "";

    if (strstr(notice, says) == NULL || (*says == '\0' && *notice != '\0'))
        fail_msg("notice: %s", notice);
}

static void expect_broken_line(const struct kit *kit, uint64_t number)
{
    struct audit_chain chain = {0};
    struct audit_report report;
    struct error err = {0};

    assert_false(audit_verify(kit->path, &chain, NULL, NULL, &report, &err));
    assert_int_equal(report.broken_line, number);
}

/* ---- writing */

static void test_audit_writes_lines_that_verify(void **state)
{
    struct kit *kit = *state;
    struct audit_chain chain = {0};
    struct audit_report report;
    struct stat status;

    kit_write_log(kit, 100);
    report = kit_verify(kit->path, &chain);
    assert_int_equal(report.lines, 100);
    assert_int_equal(report.first_sequence, 1);
    assert_int_equal(chain.sequence, 100);
    assert_false(report.is_unfinished);
    assert_int_equal(stat(kit->path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
}

static void test_audit_lines_reach_the_file_while_it_is_open(void **state)
{
    struct kit *kit = *state;
    struct audit_writer *writer;

    kit_open(kit);
    writer = audit_writer_create(kit->audit);
    for (unsigned n = 1; n <= 3; n++) { /* each wakes a thread that sleeps */
        assert_true(kit_put(writer, n));
        AWAIT(audit_counters(kit->audit).records == n);
        sleep_ms(60);
    }
    assert_true(audit_is_healthy(kit->audit, NULL));
    audit_writer_destroy(&writer);
}

/* Also of a writer that is gone already. */
static void test_audit_close_writes_what_is_in_the_rings(void **state)
{
    struct kit *kit = *state;
    struct audit_writer *writers[8];
    struct audit_chain chain = {0};

    kit_open(kit);
    for (unsigned i = 0; i < ARRAY_SIZE(writers); i++) {
        writers[i] = audit_writer_create(kit->audit);
        assert_true(kit_put(writers[i], i));
    }
    for (unsigned i = 0; i < ARRAY_SIZE(writers); i++)
        audit_writer_destroy(&writers[i]);
    audit_writer_destroy(&writers[0]); /* NULL is fine */
    audit_close(&kit->audit);
    assert_int_equal(kit_verify(kit->path, &chain).lines, ARRAY_SIZE(writers));
}

static void test_audit_goes_on_after_a_restart(void **state)
{
    struct kit *kit = *state;
    struct audit_chain chain = {0};

    open_store(kit);
    for (unsigned i = 0; i < 3; i++) {
        kit_write_log(kit, 10);
        expect_notice(kit, "");
    }
    kit_open(kit); /* and nothing is recorded */
    audit_close(&kit->audit);
    expect_notice(kit, "");
    assert_int_equal(kit_verify(kit->path, &chain).lines, 30);
    assert_int_equal(chain.sequence, 30);
}

static void test_audit_cuts_off_what_a_crash_left(void **state)
{
    static char zeros[3 * AUDIT_LINE_MAX];
    static const struct slice tails[] = {
        {"{\"sequence\":6,\"prev", 19}, {"\0\0\0", 3}, {zeros, sizeof(zeros)}, {"x", 1}};
    struct kit *kit = *state;

    for (size_t i = 0; i < ARRAY_SIZE(tails); i++) {
        struct audit_chain chain = {0};
        struct text log;
        char says[64];

        unlink(kit->path);
        kit_write_log(kit, 5);
        log = kit_read(kit->path);
        text_put_slice(&log, tails[i]);
        kit_write(kit->path, text_slice(&log));
        kit_write_log(kit, 5);
        snprintf(says, sizeof(says), "%zu bytes were cut off", tails[i].size);
        expect_notice(kit, says);
        assert_int_equal(kit_verify(kit->path, &chain).lines, 10);
        text_dispose(&log);
    }
}

static void test_audit_begins_anew_when_the_first_line_was_unfinished(void **state)
{
    struct kit *kit = *state;
    struct audit_chain chain = {0};

    kit_write(kit->path, SLICE("{\"sequ"));
    kit_write_log(kit, 2);
    assert_int_equal(kit_verify(kit->path, &chain).lines, 2);
    assert_int_equal(chain.sequence, 2);
}

static void test_audit_refuses_a_file_that_is_none(void **state)
{
    static char words[2 * AUDIT_LINE_MAX];
    struct kit *kit = *state;
    struct audit_settings settings = {.path = kit->path};
    struct error err = {0};

    memset(words, 'w', sizeof(words));
    kit_write(kit->path, (struct slice){words, sizeof(words)});
    assert_false(audit_open(&kit->audit, &settings, NULL, &err));
    assert_int_equal(err.code, ERROR_REFUSED);
    assert_non_null(strstr(err.text, "is no audit log"));
    assert_null(kit->audit);
    assert_int_equal(size_of(kit->path), sizeof(words));

    unlink(kit->path);
    assert_int_equal(mkfifo(kit->path, 0600), 0);
    err = (struct error){0};
    assert_false(audit_open(&kit->audit, &settings, NULL, &err));
    assert_non_null(strstr(err.text, "not a regular file"));

    settings.path = "/nowhere/audit.log";
    err = (struct error){0};
    assert_false(audit_open(&kit->audit, &settings, NULL, &err));
    assert_int_equal(err.code, ERROR_IO);
}

static void test_audit_refuses_a_file_that_is_being_written(void **state)
{
    struct kit *kit = *state;
    struct audit_settings settings = {.path = kit->path};
    struct error err = {0};
    struct audit *second;

    kit_open(kit);
    assert_false(audit_open(&second, &settings, NULL, &err));
    assert_non_null(strstr(err.text, "another process writes it"));
    audit_close(&kit->audit);
    assert_true(audit_open(&second, &settings, NULL, &err));
    audit_close(&second);
}

/* ---- many threads */

enum { THREADS = 4, RECORDS = 5000 };

struct producer {
    struct audit *audit;
    pthread_t thread;
    unsigned number;
    uint64_t accepted;
};

static void *produce(void *producer_)
{
    struct producer *producer = producer_;
    struct audit_writer *writer = audit_writer_create(producer->audit);

    for (unsigned n = 0; n < RECORDS; n++) {
        producer->accepted += kit_put(writer, producer->number * RECORDS + n);
        if (n % 100 == 0)
            sleep_ms(1);
    }
    audit_writer_destroy(&writer);
    return NULL;
}

struct order {
    uint64_t lines, lost;
    unsigned next[THREADS]; /* the least record that may come from each */
};

static uint64_t number_behind(struct slice line, const char *name)
{
    const char *found = memmem(line.data, line.size, name, strlen(name));

    return found != NULL ? strtoull(found + strlen(name), NULL, 10) : 0;
}

static bool sum_losses(void *sum, uint64_t number, struct slice line)
{
    *(uint64_t *)sum += number_behind(line, ",\"lost\":");
    return true;
}

static bool check_order(void *order_, uint64_t number, struct slice line)
{
    struct order *order = order_;
    unsigned n = (unsigned)number_behind(line, "\"request\":\"r");

    order->lost += number_behind(line, ",\"lost\":");
    if (memmem(line.data, line.size, "\"request\"", 9) == NULL)
        return true; /* it only tells of losses */
    order->lines++;
    assert_true(n >= order->next[n / RECORDS]);
    order->next[n / RECORDS] = n + 1;
    return true;
}

static void test_audit_takes_records_of_many_threads_each_in_order(void **state)
{
    struct kit *kit = *state;
    struct producer producers[THREADS];
    struct order order = {.next = {0, RECORDS, 2 * RECORDS, 3 * RECORDS}};
    struct audit_chain chain = {0};
    struct audit_report report;
    struct error err = {0};
    uint64_t accepted = 0;

    kit_open(kit);
    for (unsigned i = 0; i < THREADS; i++) {
        producers[i] = (struct producer){.audit = kit->audit, .number = i};
        assert_int_equal(pthread_create(&producers[i].thread, NULL, produce, &producers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(producers[i].thread, NULL), 0);
        accepted += producers[i].accepted;
    }
    audit_close(&kit->audit);
    if (!audit_verify(kit->path, &chain, check_order, &order, &report, &err))
        fail_msg("%s", err.text);
    assert_int_equal(order.lines, accepted);
    assert_int_equal(order.lost + accepted, (uint64_t)THREADS * RECORDS);
}

/* ---- what does not fit */

static void test_audit_says_how_many_records_were_lost(void **state)
{
    static char room[AUDIT_LIST_MAX - 2];
    struct slice argument = {memset(room, 'a', sizeof(room)), sizeof(room)};
    struct audit_entry entry = {.arguments = &argument, .argument_count = 1};
    struct kit *kit = *state;
    struct order order = {0};
    struct audit_chain chain = {0};
    struct audit_report report;
    struct audit_writer *writer;
    struct error err = {0};
    uint64_t accepted = 0, lost = 0;

    kit_open(kit);
    writer = audit_writer_create(kit->audit);
    while (lost < 1000 && accepted < 100000)
        *(audit_put(writer, &entry) ? &accepted : &lost) += 1;
    assert_in_range(lost, 1, 1000); /* faster than a file can be written, on any machine */
    assert_int_equal(audit_counters(kit->audit).lost, lost);
    audit_writer_destroy(&writer);
    audit_close(&kit->audit);
    if (!audit_verify(kit->path, &chain, check_order, &order, &report, &err))
        fail_msg("%s", err.text);
    assert_int_equal(order.lost, lost);
}

/* Files may grow to this size and no further: the kernel then writes less than it was given. */
static void set_disk_size(rlim_t size)
{
    struct rlimit limit;

    signal(SIGXFSZ, SIG_IGN); // NOLINT(cert-err33-c): cannot fail
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = size;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Records until the file cannot be written, and once more then. Returns how many were refused. */
static uint64_t put_until_full(struct kit *kit, struct audit_writer *writer,
                               const struct audit_entry *entry)
{
    struct error err = {0};

    while (audit_is_healthy(kit->audit, &err)) {
        audit_put(writer, entry);
        sleep_ms(1);
    }
    assert_non_null(strstr(err.text, strerror(EFBIG)));
    AWAIT(!audit_put(writer, entry)); /* it is noted a little before it is heeded */
    return audit_counters(kit->audit).lost;
}

static const struct audit_entry small_entry = {.request_id = {"r0", 2}};

static int kit_teardown_disk(void **state)
{
    set_disk_size(RLIM_INFINITY);
    return kit_teardown(state);
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

    kit_open(kit);
    writer = audit_writer_create(kit->audit);
    set_disk_size(10000); /* inside a line */
    refused = put_until_full(kit, writer, &small_entry);
    assert_true(audit_counters(kit->audit).failures > 0);
    assert_in_range(audit_counters(kit->audit).records, 1, 10000 / 200);
    AWAIT(is_finished(kit)); /* but for the moment of another try */
    for (unsigned i = 1; i <= 5; i++) {
        assert_false(audit_put(writer, &small_entry));
        assert_int_equal(audit_counters(kit->audit).lost, refused + i);
    }

    set_disk_size(RLIM_INFINITY);
    AWAIT(audit_is_healthy(kit->audit, NULL));
    AWAIT(audit_put(writer, &small_entry));
    refused = audit_counters(kit->audit).lost;
    audit_writer_destroy(&writer);
    audit_close(&kit->audit);
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
        kit_open(kit);
        writer = audit_writer_create(kit->audit);
        set_disk_size(1000);
        refused = put_until_full(kit, writer, &small_entry);
        set_disk_size(RLIM_INFINITY);
        if (is_closed == 0)
            AWAIT(losses_told(kit) == refused);
        audit_writer_destroy(&writer);
        audit_close(&kit->audit);
        assert_int_equal(losses_told(kit), refused);
    }
}

/* The ledger must not know of lines that the file has no room for. */
static void test_audit_tells_no_head_of_lines_that_are_not_in_the_file(void **state)
{
    static char room[AUDIT_LIST_MAX - 2];
    struct slice argument = {memset(room, 'a', sizeof(room)), sizeof(room)};
    struct audit_entry entry = {.arguments = &argument, .argument_count = 1};
    struct kit *kit = *state;
    struct audit_writer *writer;
    uint64_t written;

    open_store(kit);
    kit_open(kit);
    writer = audit_writer_create(kit->audit);
    set_disk_size(1 << 20); /* the ledger's files stay below it */
    (void)put_until_full(kit, writer, &entry);
    written = audit_counters(kit->audit).records;
    sleep_ms(1200); /* a sync is due */
    assert_in_range(read_head(kit).sequence, 1, written);
    set_disk_size(RLIM_INFINITY);
    AWAIT(read_head(kit).sequence > written);
    audit_writer_destroy(&writer);
    audit_close(&kit->audit);
}

static void test_audit_closes_on_a_full_disk_with_whole_lines(void **state)
{
    struct kit *kit = *state;
    struct audit_writer *writer;
    struct audit_chain chain = {0};
    struct audit_report report;

    kit_open(kit);
    writer = audit_writer_create(kit->audit);
    set_disk_size(10000);
    (void)put_until_full(kit, writer, &small_entry);
    audit_writer_destroy(&writer);
    audit_close(&kit->audit);
    report = kit_verify(kit->path, &chain);
    assert_false(report.is_unfinished);
    assert_in_range(report.lines, 1, 10000 / 200);
}

/* ---- rotation */

static void test_audit_goes_on_in_a_new_file_after_a_rotation(void **state)
{
    struct kit *kit = *state;
    struct audit_chain chain = {0};
    struct audit_writer *writer;
    struct stat status;

    kit_open(kit);
    writer = audit_writer_create(kit->audit);
    for (unsigned n = 0; n < 10; n++)
        assert_true(kit_put(writer, n));
    AWAIT(audit_counters(kit->audit).records == 10);
    assert_int_equal(rename(kit->path, kit->moved), 0);
    audit_reopen(kit->audit);
    AWAIT(size_of(kit->path) == 0);
    for (unsigned n = 10; n < 15; n++)
        assert_true(kit_put(writer, n));
    audit_writer_destroy(&writer);
    audit_close(&kit->audit);
    assert_int_equal(kit_verify(kit->moved, &chain).lines, 10);
    assert_int_equal(kit_verify(kit->path, &chain).lines, 5);
    assert_int_equal(chain.sequence, 15);
    assert_int_equal(stat(kit->path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
}

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
    AWAIT(atomic_load(&watched_syncs) == 1);
    assert_true(kit_put(writer, 1)); /* the next sync is not due yet */
    AWAIT(audit_counters(kit->audit).records == 2);
    assert_int_equal(rename(kit->path, kit->moved), 0);
    audit_reopen(kit->audit);
    AWAIT(atomic_load(&watched_syncs) == 2);
    audit_writer_destroy(&writer);
    audit_close(&kit->audit);
    atomic_store(&watched_inode, 0);
}

static void test_audit_reopening_a_file_that_was_not_moved_changes_nothing(void **state)
{
    struct kit *kit = *state;
    struct audit_chain chain = {0};
    struct audit_writer *writer;

    kit_open(kit);
    writer = audit_writer_create(kit->audit);
    for (unsigned n = 0; n < 5; n++) {
        assert_true(kit_put(writer, n));
        audit_reopen(kit->audit);
        sleep_ms(30);
    }
    audit_writer_destroy(&writer);
    assert_int_equal(audit_counters(kit->audit).failures, 0);
    audit_close(&kit->audit);
    assert_int_equal(kit_verify(kit->path, &chain).lines, 5);
}

static void test_audit_keeps_its_file_when_the_new_one_cannot_be_opened(void **state)
{
    struct kit *kit = *state;
    struct audit_chain chain = {0};
    struct audit_writer *writer;
    struct error err = {0};

    kit_open(kit);
    writer = audit_writer_create(kit->audit);
    assert_true(kit_put(writer, 0));
    AWAIT(audit_counters(kit->audit).records == 1);
    assert_int_equal(rename(kit->path, kit->moved), 0);
    assert_int_equal(mkdir(kit->path, 0700), 0);
    audit_reopen(kit->audit);
    AWAIT(!audit_is_healthy(kit->audit, &err));
    assert_non_null(strstr(err.text, strerror(EISDIR)));
    assert_true(kit_put(writer, 1));
    audit_writer_destroy(&writer);
    audit_close(&kit->audit);
    assert_int_equal(kit_verify(kit->moved, &chain).lines, 2);
}

/* ---- the ledger's head */

static void test_audit_head_reaches_the_ledger_within_about_a_second(void **state)
{
    struct kit *kit = *state;
    struct audit_writer *writer;

    open_store(kit);
    kit_open(kit);
    writer = audit_writer_create(kit->audit);
    for (unsigned n = 1; n <= 3; n++) {
        assert_true(kit_put(writer, n));
        AWAIT(read_head(kit).sequence == n);
    }
    audit_writer_destroy(&writer);
    audit_close(&kit->audit);
}

static void test_audit_head_is_of_the_last_line_when_it_was_closed(void **state)
{
    struct kit *kit = *state;
    struct audit_chain chain = {0};
    struct audit_head head;

    open_store(kit);
    kit_write_log(kit, 50);
    (void)kit_verify(kit->path, &chain);
    head = read_head(kit);
    assert_int_equal(head.sequence, 50);
    assert_memory_equal(head.hash, chain.hash, RECORD_HASH_SIZE);
}

static void test_audit_tells_no_head_that_is_not_on_the_disk(void **state)
{
    struct kit *kit = *state;
    struct audit_writer *writer;
    struct error err = {0};

    open_store(kit);
    kit_open(kit);
    writer = audit_writer_create(kit->audit);
    atomic_store(&disk_is_broken, true);
    assert_true(kit_put(writer, 0));
    AWAIT(!audit_is_healthy(kit->audit, &err));
    assert_non_null(strstr(err.text, strerror(EIO)));
    assert_int_equal(audit_counters(kit->audit).failures, 1);
    assert_int_equal(read_head(kit).sequence, 0);
    atomic_store(&disk_is_broken, false);
    assert_true(kit_put(writer, 1));
    AWAIT(read_head(kit).sequence == 2);
    AWAIT(audit_is_healthy(kit->audit, NULL));
    audit_writer_destroy(&writer);
    audit_close(&kit->audit);
}

/* The lines from first to last of what the file has, and then five more from a restart. */
static void keep_lines_and_go_on(struct kit *kit, size_t first, size_t last)
{
    struct text log = kit_read(kit->path);
    struct slice lines[64];
    size_t count = kit_lines(&log, lines, ARRAY_SIZE(lines));
    const char *begin = first < count ? lines[first].data : log.data + log.size;
    const char *end = last < count ? lines[last].data : log.data + log.size;

    kit_write(kit->path, (struct slice){begin, (size_t)(end - begin)});
    text_dispose(&log);
    kit_write_log(kit, 5);
}

static void test_audit_notices_that_the_end_was_removed(void **state)
{
    struct kit *kit = *state;

    open_store(kit);
    kit_write_log(kit, 10);
    keep_lines_and_go_on(kit, 0, 8);
    expect_notice(kit, "ends at sequence 8, but the ledger knows of 10");
    expect_broken_line(kit, 9);
    assert_int_equal(read_head(kit).sequence, 15);

    kit_write_log(kit, 1); /* and at every start, as long as it is near the end */
    expect_notice(kit, "sequence 11 stands where 9 must");
    expect_broken_line(kit, 9);
}

static void test_audit_notices_that_everything_was_removed(void **state)
{
    struct kit *kit = *state;
    struct audit_chain chain = {0};
    struct audit_report report;

    open_store(kit);
    kit_write_log(kit, 10);
    keep_lines_and_go_on(kit, 10, 10);
    expect_notice(kit, "is new and goes on at sequence 11");
    report = kit_verify(kit->path, &chain); /* as of a log that was rotated */
    assert_int_equal(report.first_sequence, 11);
}

/* Somebody who can write the file makes all of it anew, with a change, and hashes that hold. */
static void forge(struct kit *kit, unsigned count)
{
    struct audit_chain chain = {0};
    struct text log = {0};

    for (unsigned n = 0; n < count; n++)
        audit_line_put(&log, &chain, 0, SLICE(",\"command\":\"version\""));
    kit_write(kit->path, text_slice(&log));
    text_dispose(&log);
}

static void test_audit_notices_a_log_that_was_made_anew(void **state)
{
    static const struct {
        unsigned count;
        const char *says;
    } table[] = {{10, "sequence 10 of the audit log is not what the ledger knows"},
                 {12, "sequence 10 of the audit log is not what the ledger knows"},
                 {7, "ends at sequence 7, but the ledger knows of 10"}};

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct kit *kit;
        void *fresh;

        kit_setup(&fresh);
        kit = fresh;
        open_store(kit);
        kit_write_log(kit, 10);
        forge(kit, table[i].count);
        kit_write_log(kit, 5);
        expect_notice(kit, table[i].says);
        expect_broken_line(kit, table[i].count + 1);
        kit_teardown(&fresh);
    }
}

static void test_audit_keeps_noticing_while_nothing_is_recorded(void **state)
{
    struct kit *kit = *state;
    struct audit_head head;

    open_store(kit);
    kit_write_log(kit, 10);
    head = read_head(kit);
    forge(kit, 12);
    for (unsigned i = 0; i < 2; i++) {
        kit_open(kit);
        audit_close(&kit->audit);
        expect_notice(kit, "sequence 10 of the audit log is not what the ledger knows");
        assert_int_equal(read_head(kit).sequence, head.sequence);
    }
}

/* Lines that a crash kept from the ledger are in the file all the same, and good. */
static void test_audit_takes_lines_that_the_ledger_does_not_know_yet(void **state)
{
    struct kit *kit = *state;
    struct store *store;
    struct audit_chain chain = {0};

    open_store(kit);
    kit_write_log(kit, 10);
    store = kit->store;
    kit->store = NULL;
    kit_write_log(kit, 3000); /* more than is read at first */
    kit->store = store;
    assert_int_equal(read_head(kit).sequence, 10);
    kit_write_log(kit, 1);
    expect_notice(kit, "");
    assert_int_equal(kit_verify(kit->path, &chain).lines, 3011);
    assert_int_equal(read_head(kit).sequence, 3011);
}

/* A crash within a second after a rotation: the ledger knows the last line of the file before. */
static void test_audit_takes_a_new_file_that_goes_on_from_the_ledger(void **state)
{
    struct kit *kit = *state;
    struct store *store;
    struct audit_chain chain = {0};
    struct audit_report report;
    struct text log;
    struct slice lines[16] = {{0}};
    size_t first;

    open_store(kit);
    kit_write_log(kit, 10);
    store = kit->store;
    kit->store = NULL;
    kit_write_log(kit, 5);
    kit->store = store;
    log = kit_read(kit->path);
    assert_int_equal(kit_lines(&log, lines, ARRAY_SIZE(lines)), 15);
    first = (size_t)(lines[10].data - log.data);
    kit_write(kit->path, (struct slice){log.data + first, log.size - first});
    text_dispose(&log);
    kit_write_log(kit, 5);
    expect_notice(kit, "");
    report = kit_verify(kit->path, &chain);
    assert_int_equal(report.first_sequence, 11);
    assert_int_equal(report.lines, 10);
}

/* The same, but of the new file's first lines one is missing. */
static void test_audit_notices_that_the_start_of_a_new_file_was_removed(void **state)
{
    struct kit *kit = *state;
    struct store *store;

    open_store(kit);
    kit_write_log(kit, 10);
    store = kit->store;
    kit->store = NULL;
    kit_write_log(kit, 5);
    kit->store = store;
    keep_lines_and_go_on(kit, 11, 15);
    expect_notice(kit, "sequence 10, which the ledger knows as the last one, is not near the end");
    expect_broken_line(kit, 5);
}

static void test_audit_names_a_broken_line_near_the_end(void **state)
{
    struct kit *kit = *state;
    struct text log;
    struct slice lines[8];

    open_store(kit);
    kit_write_log(kit, 4);
    log = kit_read(kit->path);
    assert_int_equal(kit_lines(&log, lines, 8), 4);
    *(char *)memmem(log.data, log.size, "\"r3\"", 4) = ' ';
    kit_write(kit->path, text_slice(&log));
    text_dispose(&log);
    kit_write_log(kit, 4);
    expect_notice(kit, "a line near the end of the audit log is broken: sequence 4 was changed");
    expect_broken_line(kit, 4);
}

#define DISK_TEST(test) cmocka_unit_test_setup_teardown(test, kit_setup, kit_teardown_disk)

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(test_audit_writes_lines_that_verify),
        KIT_TEST(test_audit_lines_reach_the_file_while_it_is_open),
        KIT_TEST(test_audit_close_writes_what_is_in_the_rings),
        KIT_TEST(test_audit_goes_on_after_a_restart),
        KIT_TEST(test_audit_cuts_off_what_a_crash_left),
        KIT_TEST(test_audit_begins_anew_when_the_first_line_was_unfinished),
        KIT_TEST(test_audit_refuses_a_file_that_is_none),
        KIT_TEST(test_audit_refuses_a_file_that_is_being_written),
        KIT_TEST(test_audit_takes_records_of_many_threads_each_in_order),
        KIT_TEST(test_audit_says_how_many_records_were_lost),
        DISK_TEST(test_audit_refuses_records_while_the_disk_is_full),
        DISK_TEST(test_audit_tells_of_losses_that_no_record_follows),
        DISK_TEST(test_audit_tells_no_head_of_lines_that_are_not_in_the_file),
        DISK_TEST(test_audit_closes_on_a_full_disk_with_whole_lines),
        KIT_TEST(test_audit_goes_on_in_a_new_file_after_a_rotation),
        KIT_TEST(test_audit_syncs_the_file_that_it_leaves),
        KIT_TEST(test_audit_reopening_a_file_that_was_not_moved_changes_nothing),
        KIT_TEST(test_audit_keeps_its_file_when_the_new_one_cannot_be_opened),
        KIT_TEST(test_audit_head_reaches_the_ledger_within_about_a_second),
        KIT_TEST(test_audit_head_is_of_the_last_line_when_it_was_closed),
        KIT_TEST(test_audit_tells_no_head_that_is_not_on_the_disk),
        KIT_TEST(test_audit_notices_that_the_end_was_removed),
        KIT_TEST(test_audit_notices_that_everything_was_removed),
        KIT_TEST(test_audit_notices_a_log_that_was_made_anew),
        KIT_TEST(test_audit_keeps_noticing_while_nothing_is_recorded),
        KIT_TEST(test_audit_takes_lines_that_the_ledger_does_not_know_yet),
        KIT_TEST(test_audit_takes_a_new_file_that_goes_on_from_the_ledger),
        KIT_TEST(test_audit_notices_that_the_start_of_a_new_file_was_removed),
        KIT_TEST(test_audit_names_a_broken_line_near_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
