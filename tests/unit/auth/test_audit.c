// SPDX-License-Identifier: Apache-2.0
/* The audit log: what is written, by one thread and by many, over restarts and rotations. */
#include "audit_kit.h"

#include "auth/audit_line.h"

#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>

static off_t size_of(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 ? status.st_size : -1;
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

    writer = kit_begin(kit);
    for (unsigned n = 1; n <= 3; n++) { /* each wakes a thread that sleeps */
        assert_true(kit_put(writer, n));
        KIT_AWAIT(audit_counters(kit->audit).records == n);
        kit_sleep_ms(60);
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

    kit_open_store(kit);
    for (unsigned i = 0; i < 3; i++) {
        kit_write_log(kit, 10);
        kit_expect_notice(kit, "");
    }
    kit_open(kit); /* and nothing is recorded */
    audit_close(&kit->audit);
    kit_expect_notice(kit, "");
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
        kit_expect_notice(kit, says);
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
            kit_sleep_ms(1);
    }
    audit_writer_destroy(&writer);
    return NULL;
}

struct order {
    uint64_t lines, lost;
    unsigned next[THREADS]; /* the least record that may come from each */
};

static bool check_order(void *order_, uint64_t number, struct slice line)
{
    struct order *order = order_;
    unsigned n = (unsigned)kit_number_behind(line, "\"request\":\"r");

    order->lost += kit_number_behind(line, ",\"lost\":");
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

/* ---- rotation */

static void test_audit_goes_on_in_a_new_file_after_a_rotation(void **state)
{
    struct kit *kit = *state;
    struct audit_chain chain = {0};
    struct audit_writer *writer;
    struct stat status;

    writer = kit_begin(kit);
    for (unsigned n = 0; n < 10; n++)
        assert_true(kit_put(writer, n));
    KIT_AWAIT(audit_counters(kit->audit).records == 10);
    assert_int_equal(rename(kit->path, kit->moved), 0);
    audit_reopen(kit->audit);
    KIT_AWAIT(size_of(kit->path) == 0);
    for (unsigned n = 10; n < 15; n++)
        assert_true(kit_put(writer, n));
    kit_end(kit, &writer);
    assert_int_equal(kit_verify(kit->moved, &chain).lines, 10);
    assert_int_equal(kit_verify(kit->path, &chain).lines, 5);
    assert_int_equal(chain.sequence, 15);
    assert_int_equal(stat(kit->path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
}

static void test_audit_reopening_a_file_that_was_not_moved_changes_nothing(void **state)
{
    struct kit *kit = *state;
    struct audit_chain chain = {0};
    struct audit_writer *writer;

    writer = kit_begin(kit);
    for (unsigned n = 0; n < 5; n++) {
        assert_true(kit_put(writer, n));
        audit_reopen(kit->audit);
        kit_sleep_ms(30);
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

    writer = kit_begin(kit);
    assert_true(kit_put(writer, 0));
    KIT_AWAIT(audit_counters(kit->audit).records == 1);
    assert_int_equal(rename(kit->path, kit->moved), 0);
    assert_int_equal(mkdir(kit->path, 0700), 0);
    audit_reopen(kit->audit);
    KIT_AWAIT(!audit_is_healthy(kit->audit, &err));
    assert_non_null(strstr(err.text, strerror(EISDIR)));
    assert_true(kit_put(writer, 1));
    kit_end(kit, &writer);
    assert_int_equal(kit_verify(kit->moved, &chain).lines, 2);
}

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
        KIT_TEST(test_audit_goes_on_in_a_new_file_after_a_rotation),
        KIT_TEST(test_audit_reopening_a_file_that_was_not_moved_changes_nothing),
        KIT_TEST(test_audit_keeps_its_file_when_the_new_one_cannot_be_opened),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
