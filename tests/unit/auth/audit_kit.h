// SPDX-License-Identifier: Apache-2.0
/* What the tests of the audit log share: a folder of their own, a log and a ledger in it, and files
 * as texts and lines. */
#ifndef TESTS_UNIT_AUTH_AUDIT_KIT_H
#define TESTS_UNIT_AUTH_AUDIT_KIT_H

#include "auth/audit.h"
#include "conf/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct kit {
    char folder[64];
    char path[96], moved[96]; /* the log, and where it is moved to */
    struct store *store;      /* NULL: not asked for */
    struct audit *audit;
    struct text notice;
};

static inline int kit_setup(void **state)
{
    struct kit *kit = memory_alloc(sizeof(*kit));

    snprintf(kit->folder, sizeof(kit->folder), "/tmp/causeway-test-XXXXXX");
    assert_non_null(mkdtemp(kit->folder));
    snprintf(kit->path, sizeof(kit->path), "%s/audit.log", kit->folder);
    snprintf(kit->moved, sizeof(kit->moved), "%s/audit.log.1", kit->folder);
    *state = kit;
    return 0;
}

static inline int kit_teardown(void **state)
{
    struct kit *kit = *state;
    char command[128];

    audit_close(&kit->audit);
    store_close(&kit->store);
    text_dispose(&kit->notice);
    snprintf(command, sizeof(command), "rm -rf '%s'", kit->folder);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): a path of ours
    free(kit);
    return 0;
}

static inline void kit_open(struct kit *kit)
{
    struct audit_settings settings = {.path = kit->path, .store = kit->store};
    struct error err = {0};

    text_clear(&kit->notice);
    if (!audit_open(&kit->audit, &settings, &kit->notice, &err))
        fail_msg("%s", err.text);
}

/* Opens it, and who writes to it. */
static inline struct audit_writer *kit_begin(struct kit *kit)
{
    kit_open(kit);
    return audit_writer_create(kit->audit);
}

static inline void kit_end(struct kit *kit, struct audit_writer **writer)
{
    audit_writer_destroy(writer);
    audit_close(&kit->audit);
}

/* A record whose request id says which. */
static inline bool kit_put(struct audit_writer *writer, unsigned n)
{
    char id[16];
    int size = snprintf(id, sizeof(id), "r%u", n);
    struct audit_entry entry = {
        .time_ms = 1770000000000,
        .request_id = {id, (size_t)size},
        .command = SLICE("pin/add"),
        .decision = SLICE("allow"),
    };

    return audit_put(writer, &entry);
}

/* Records first, first + 1, ... no faster than a ring has room, and closes the log. */
static inline void kit_put_and_close(struct kit *kit, unsigned first, unsigned count)
{
    struct audit_writer *writer = audit_writer_create(kit->audit);

    for (unsigned n = 0; n < count; n++) {
        while (n % 1000 == 999 && audit_counters(kit->audit).records < n)
            usleep(1000);
        assert_true(kit_put(writer, first + n));
    }
    kit_end(kit, &writer);
}

static inline void kit_write_log(struct kit *kit, unsigned count)
{
    kit_open(kit);
    kit_put_and_close(kit, 0, count);
}

static inline struct text kit_read(const char *path)
{
    struct text out = {0};
    FILE *file = fopen(path, "re");
    size_t got;

    assert_non_null(file);
    do {
        got = fread(text_reserve(&out, 65536), 1, 65536, file);
        out.size += got;
    } while (got > 0);
    text_put(&out, "", 0);
    fclose(file);
    return out;
}

static inline void kit_write(const char *path, struct slice bytes)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    if (bytes.size > 0)
        assert_int_equal(fwrite(bytes.data, 1, bytes.size, file), bytes.size);
    assert_int_equal(fclose(file), 0);
}

/* The lines of a text, at most max; returns how many. Each must have its newline. */
static inline size_t kit_lines(const struct text *text, struct slice *lines, size_t max)
{
    size_t count = 0, at = 0;

    while (at < text->size && count < max) {
        const char *newline = memchr(text->data + at, '\n', text->size - at);

        assert_non_null(newline);
        lines[count++] = (struct slice){text->data + at, (size_t)(newline - text->data) - at};
        at = (size_t)(newline - text->data) + 1;
    }
    return count;
}

/* Follows the chain; fails the test if the file breaks it. */
static inline struct audit_report kit_verify(const char *path, struct audit_chain *chain)
{
    struct audit_report report;
    struct error err = {0};

    if (!audit_verify(path, chain, NULL, NULL, &report, &err))
        fail_msg("%s", err.text);
    assert_int_equal(report.broken_line, 0);
    return report;
}

/* The number behind this name in a line; 0 if it is not there. */
static inline uint64_t kit_number_behind(struct slice line, const char *name)
{
    const char *found = memmem(line.data, line.size, name, strlen(name));

    return found != NULL ? strtoull(found + strlen(name), NULL, 10) : 0;
}

static inline void kit_expect_broken_line(const struct kit *kit, uint64_t number)
{
    struct audit_chain chain = {0};
    struct audit_report report;
    struct error err = {0};

    assert_false(audit_verify(kit->path, &chain, NULL, NULL, &report, &err));
    assert_int_equal(report.broken_line, number);
}

/* The notice of the last opening has these words; "": there was none. */
static inline void kit_expect_notice(const struct kit *kit, const char *says)
{
    const char *notice = kit->notice.size > 0 ? kit->notice.data : "";

    if (strstr(notice, says) == NULL || (*says == '\0' && *notice != '\0'))
        fail_msg("notice: %s", notice);
}

/* ---- the ledger */

static inline void kit_open_store(struct kit *kit)
{
    struct store_settings settings = {.folder = kit->folder};
    struct error err = {0};

    if (!store_open(&kit->store, &settings, &err))
        fail_msg("%s", err.text);
}

static inline struct audit_head kit_head(struct kit *kit)
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

/* ---- other threads */

static inline void kit_sleep_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* Waits at most 5 s for a condition that another thread brings about. */
#define KIT_AWAIT(condition)                                                                       \
    do {                                                                                           \
        for (int tries = 0; !(condition) && tries < 1000; tries++)                                 \
            kit_sleep_ms(5);                                                                       \
        assert_true(condition);                                                                    \
    } while (false)

#define KIT_TEST(test) cmocka_unit_test_setup_teardown(test, kit_setup, kit_teardown)

#endif
