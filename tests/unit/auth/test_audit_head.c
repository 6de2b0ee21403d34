// SPDX-License-Identifier: Apache-2.0
/* What the ledger knows of the audit log: the last line, and so who removed or changed lines. */
#include "audit_kit.h"

#include "auth/audit_line.h"

static void test_audit_head_reaches_the_ledger_within_about_a_second(void **state)
{
    struct kit *kit = *state;
    struct audit_writer *writer;

    kit_open_store(kit);
    writer = kit_begin(kit);
    for (unsigned n = 1; n <= 3; n++) {
        assert_true(kit_put(writer, n));
        KIT_AWAIT(kit_head(kit).sequence == n);
    }
    kit_end(kit, &writer);
}

static void test_audit_head_is_of_the_last_line_when_it_was_closed(void **state)
{
    struct kit *kit = *state;
    struct audit_chain chain = {0};
    struct audit_head head;

    kit_open_store(kit);
    kit_write_log(kit, 50);
    (void)kit_verify(kit->path, &chain);
    head = kit_head(kit);
    assert_int_equal(head.sequence, 50);
    assert_memory_equal(head.hash, chain.hash, RECORD_HASH_SIZE);
}

/* ---- lines that are missing or changed */

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

    kit_open_store(kit);
    kit_write_log(kit, 10);
    keep_lines_and_go_on(kit, 0, 8);
    kit_expect_notice(kit, "ends at sequence 8, but the ledger knows of 10");
    kit_expect_broken_line(kit, 9);
    assert_int_equal(kit_head(kit).sequence, 15);

    kit_write_log(kit, 1); /* and at every start, as long as it is near the end */
    kit_expect_notice(kit, "sequence 11 stands where 9 must");
    kit_expect_broken_line(kit, 9);
}

static void test_audit_notices_that_everything_was_removed(void **state)
{
    struct kit *kit = *state;
    struct audit_chain chain = {0};
    struct audit_report report;

    kit_open_store(kit);
    kit_write_log(kit, 10);
    keep_lines_and_go_on(kit, 10, 10);
    kit_expect_notice(kit, "is new and goes on at sequence 11");
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
        kit_open_store(kit);
        kit_write_log(kit, 10);
        forge(kit, table[i].count);
        kit_write_log(kit, 5);
        kit_expect_notice(kit, table[i].says);
        kit_expect_broken_line(kit, table[i].count + 1);
        kit_teardown(&fresh);
    }
}

static void test_audit_keeps_noticing_while_nothing_is_recorded(void **state)
{
    struct kit *kit = *state;
    struct audit_head head;

    kit_open_store(kit);
    kit_write_log(kit, 10);
    head = kit_head(kit);
    forge(kit, 12);
    for (unsigned i = 0; i < 2; i++) {
        kit_open(kit);
        audit_close(&kit->audit);
        kit_expect_notice(kit, "sequence 10 of the audit log is not what the ledger knows");
        assert_int_equal(kit_head(kit).sequence, head.sequence);
    }
}

static void test_audit_names_a_broken_line_near_the_end(void **state)
{
    struct kit *kit = *state;
    struct text log;
    struct slice lines[8];

    kit_open_store(kit);
    kit_write_log(kit, 4);
    log = kit_read(kit->path);
    assert_int_equal(kit_lines(&log, lines, 8), 4);
    *(char *)memmem(log.data, log.size, "\"r3\"", 4) = ' ';
    kit_write(kit->path, text_slice(&log));
    text_dispose(&log);
    kit_write_log(kit, 4);
    kit_expect_notice(kit,
                      "a line near the end of the audit log is broken: sequence 4 was changed");
    kit_expect_broken_line(kit, 4);
}

/* ---- lines that the ledger does not know */

/* Lines that a crash kept from the ledger. */
static void write_unknown(struct kit *kit, unsigned count)
{
    struct store *store = kit->store;

    kit->store = NULL;
    kit_write_log(kit, count);
    kit->store = store;
}

/* Lines that a crash kept from the ledger are in the file all the same, and good. */
static void test_audit_takes_lines_that_the_ledger_does_not_know_yet(void **state)
{
    struct kit *kit = *state;
    struct audit_chain chain = {0};

    kit_open_store(kit);
    kit_write_log(kit, 10);
    write_unknown(kit, 3000); /* more than is read at first */
    assert_int_equal(kit_head(kit).sequence, 10);
    kit_write_log(kit, 1);
    kit_expect_notice(kit, "");
    assert_int_equal(kit_verify(kit->path, &chain).lines, 3011);
    assert_int_equal(kit_head(kit).sequence, 3011);
}

/* A crash within a second after a rotation: the ledger knows the last line of the file before. */
static void test_audit_takes_a_new_file_that_goes_on_from_the_ledger(void **state)
{
    struct kit *kit = *state;
    struct audit_chain chain = {0};
    struct audit_report report;
    struct text log;
    struct slice lines[16] = {{0}};
    size_t first;

    kit_open_store(kit);
    kit_write_log(kit, 10);
    write_unknown(kit, 5);
    log = kit_read(kit->path);
    assert_int_equal(kit_lines(&log, lines, ARRAY_SIZE(lines)), 15);
    first = (size_t)(lines[10].data - log.data);
    kit_write(kit->path, (struct slice){log.data + first, log.size - first});
    text_dispose(&log);
    kit_write_log(kit, 5);
    kit_expect_notice(kit, "");
    report = kit_verify(kit->path, &chain);
    assert_int_equal(report.first_sequence, 11);
    assert_int_equal(report.lines, 10);
}

/* The same, but of the new file's first lines one is missing. */
static void test_audit_notices_that_the_start_of_a_new_file_was_removed(void **state)
{
    struct kit *kit = *state;

    kit_open_store(kit);
    kit_write_log(kit, 10);
    write_unknown(kit, 5);
    keep_lines_and_go_on(kit, 11, 15);
    kit_expect_notice(kit,
                      "sequence 10, which the ledger knows as the last one, is not near the end");
    kit_expect_broken_line(kit, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(test_audit_head_reaches_the_ledger_within_about_a_second),
        KIT_TEST(test_audit_head_is_of_the_last_line_when_it_was_closed),
        KIT_TEST(test_audit_notices_that_the_end_was_removed),
        KIT_TEST(test_audit_notices_that_everything_was_removed),
        KIT_TEST(test_audit_notices_a_log_that_was_made_anew),
        KIT_TEST(test_audit_keeps_noticing_while_nothing_is_recorded),
        KIT_TEST(test_audit_names_a_broken_line_near_the_end),
        KIT_TEST(test_audit_takes_lines_that_the_ledger_does_not_know_yet),
        KIT_TEST(test_audit_takes_a_new_file_that_goes_on_from_the_ledger),
        KIT_TEST(test_audit_notices_that_the_start_of_a_new_file_was_removed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
