// SPDX-License-Identifier: Apache-2.0
#include "auth/audit.h"
#include "conf/memory.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <jansson.h>

struct fixture {
    char folder[64];
    char path[96], other[96]; /* the log, and where it is moved to */
    struct store *store;      /* NULL: not asked for */
    struct audit *audit;
    struct text notice;
};

static int setup(void **state)
{
    struct fixture *f = memory_alloc(sizeof(*f));

    snprintf(f->folder, sizeof(f->folder), "/tmp/causeway-test-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof(f->path), "%s/audit.log", f->folder);
    snprintf(f->other, sizeof(f->other), "%s/audit.log.1", f->folder);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char command[128];

    audit_close(&f->audit);
    store_close(&f->store);
    text_dispose(&f->notice);
    snprintf(command, sizeof(command), "rm -rf '%s'", f->folder);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): a path of ours
    free(f);
    return 0;
}

static void open_audit(struct fixture *f)
{
    struct audit_settings settings = {.path = f->path, .store = f->store};
    struct error err = {0};

    text_clear(&f->notice);
    if (!audit_open(&f->audit, &settings, &f->notice, &err))
        fail_msg("%s", err.text);
}

/* A record whose request id says which. */
static bool put(struct audit_writer *writer, unsigned n)
{
    char id[16];
    struct audit_entry entry = {
        .time_ms = 1770000000000,
        .request_id = {id, (size_t)snprintf(id, sizeof(id), "r%u", n)},
        .command = SLICE("pin/add"),
        .decision = SLICE("allow"),
    };

    return audit_put(writer, &entry);
}

static void put_and_close(struct fixture *f, unsigned first, unsigned count)
{
    struct audit_writer *writer = audit_writer_create(f->audit);

    for (unsigned n = first; n < first + count; n++)
        assert_true(put(writer, n));
    audit_writer_destroy(&writer);
    audit_close(&f->audit);
}

static void write_log(struct fixture *f, unsigned count)
{
    open_audit(f);
    put_and_close(f, 0, count);
}

static struct audit_report expect_whole(const char *path, struct audit_chain *chain)
{
    struct audit_report report;
    struct error err = {0};

    if (!audit_verify(path, chain, NULL, NULL, &report, &err))
        fail_msg("%s", err.text);
    assert_int_equal(report.broken_line, 0);
    return report;
}

static void test_audit_writes_lines_that_verify(void **state)
{
    struct fixture *f = *state;
    struct audit_chain chain = {0};
    struct audit_report report;

    write_log(f, 100);
    report = expect_whole(f->path, &chain);
    assert_int_equal(report.lines, 100);
    assert_int_equal(report.first_sequence, 1);
    assert_int_equal(chain.sequence, 100);
    assert_false(report.is_unfinished);
}

#define AUDIT_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        AUDIT_TEST(test_audit_writes_lines_that_verify),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
