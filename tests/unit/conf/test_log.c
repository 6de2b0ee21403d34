// SPDX-License-Identifier: Apache-2.0
#include "conf/log.h"
#include "conf/text.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* A folder of its own; stderr goes into a file there, so that messages can be read back. */
struct fixture {
    char folder[64];
    char access[96], messages[96];
    int saved_stderr, saved_stdout;
    struct log *log;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    int fd;

    *state = f;
    snprintf(f->folder, sizeof(f->folder), "/tmp/test_log.XXXXXX");
    if (mkdtemp(f->folder) == NULL)
        return 1;
    snprintf(f->access, sizeof(f->access), "%s/access", f->folder);
    snprintf(f->messages, sizeof(f->messages), "%s/messages", f->folder);
    f->saved_stderr = dup(STDERR_FILENO);
    f->saved_stdout = dup(STDOUT_FILENO);
    fd = open(f->messages, O_CREAT | O_RDWR | O_APPEND, 0600);
    dup2(fd, STDERR_FILENO);
    close(fd);
    return 0;
}

static void restore(int *saved, int fd)
{
    dup2(*saved, fd);
    close(*saved);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char rotated[128];

    log_stop(&f->log);
    restore(&f->saved_stderr, STDERR_FILENO);
    restore(&f->saved_stdout, STDOUT_FILENO);
    snprintf(rotated, sizeof(rotated), "%s.1", f->access);
    unlink(rotated);
    unlink(f->access);
    unlink(f->messages);
    if (rmdir(f->folder) != 0)
        return 1;
    free(f);
    return 0;
}

static void start(struct fixture *f, const char *access, enum log_level level)
{
    struct log_settings settings = {access, level};
    struct error err = {0};

    if (!log_start(&f->log, &settings, &err))
        fail_msg("%s", err.text);
}

static void read_file(struct text *content, const char *path)
{
    FILE *file = fopen(path, "r");
    size_t got;

    text_put_text(content, "");
    if (file == NULL)
        return;
    do {
        got = fread(text_reserve(content, 65536), 1, 65536, file);
        content->size += got;
        content->data[content->size] = '\0';
    } while (got > 0);
    fclose(file);
}

static bool has(const char *path, const char *part)
{
    struct text content = {0};
    bool found;

    read_file(&content, path);
    found = strstr(content.data, part) != NULL;
    text_dispose(&content);
    return found;
}

static bool comes_to_have(const char *path, const char *part)
{
    for (int i = 0; i < 500; i++) {
        if (has(path, part))
            return true;
        poll(NULL, 0, 10);
    }
    return false;
}

static size_t count_lines(const char *path)
{
    struct text content = {0};
    size_t count = 0;

    read_file(&content, path);
    for (size_t i = 0; i < content.size; i++)
        count += content.data[i] == '\n';
    text_dispose(&content);
    return count;
}

static void test_log_writes_lines_and_messages(void **state)
{
    struct fixture *f = *state;
    struct log_writer *writer;
    char *room;

    start(f, f->access, LOG_LEVEL_INFO);
    writer = log_writer_create(f->log, "worker-1");
    assert_true(log_has_access(writer));
    assert_true(log_line(writer, "{\"a\":1}", 7));
    room = log_reserve(writer, 100);
    snprintf(room, 100, "{\"b\":%d}", 2);
    log_commit(writer, 7);
    assert_non_null(log_reserve(writer, 100));
    log_commit(writer, 0);
    log_message(writer, LOG_LEVEL_WARNING, "accept: %s", "too \"many\"\nfiles");
    log_message(writer, LOG_LEVEL_DEBUG, "not asked for");
    assert_true(comes_to_have(f->access, "{\"a\":1}\n{\"b\":2}\n")); /* without a stop */
    log_stop(&f->log);
    assert_true(has(f->messages, "Z level=warning component=worker-1 message=\"accept: too "
                                 "\\\"many\\\"\\nfiles\"\n"));
    assert_false(has(f->messages, "not asked for"));
    assert_int_equal(count_lines(f->access), 2);
    assert_int_equal(count_lines(f->messages), 1);
}

static void test_log_swallows_what_has_no_writer_or_is_off(void **state)
{
    struct fixture *f = *state;
    struct log_writer *writer;

    assert_null(log_reserve(NULL, 10));
    log_commit(NULL, 0);
    assert_false(log_line(NULL, "x", 1));
    log_message(NULL, LOG_LEVEL_ERROR, "x");
    start(f, "off", LOG_LEVEL_INFO);
    writer = log_writer_create(f->log, "main");
    assert_false(log_has_access(writer));
    assert_false(log_line(writer, "x", 1));
    assert_int_equal(log_dropped(f->log), 0);
}

static void test_log_refuses_a_file_it_cannot_open(void **state)
{
    struct log_settings settings = {"/no/such/folder/access", LOG_LEVEL_INFO};
    struct fixture *f = *state;
    struct error err = {0};

    assert_false(log_start(&f->log, &settings, &err));
    assert_null(f->log);
    assert_non_null(strstr(err.text, "/no/such/folder/access"));
}

static void test_log_reopens_after_a_rotation(void **state)
{
    struct fixture *f = *state;
    struct log_settings settings = {f->access, LOG_LEVEL_DEBUG};
    struct log_settings wrong = {"/no/such/folder/access", LOG_LEVEL_DEBUG};
    struct log_writer *writer;
    char rotated[128];

    start(f, f->access, LOG_LEVEL_INFO);
    writer = log_writer_create(f->log, "main");
    snprintf(rotated, sizeof(rotated), "%s.1", f->access);
    log_line(writer, "before", 6);
    assert_true(comes_to_have(f->access, "before\n"));
    assert_int_equal(rename(f->access, rotated), 0);
    log_reopen(f->log, &settings);
    for (int i = 0; i < 500 && access(f->access, F_OK) != 0; i++)
        poll(NULL, 0, 10);
    log_line(writer, "after", 5);
    assert_true(comes_to_have(f->access, "after\n"));
    assert_false(has(rotated, "after"));
    assert_true(log_has_level(writer, LOG_LEVEL_DEBUG));
    log_reopen(f->log, &wrong);
    assert_true(comes_to_have(f->messages, "the access log stays as it was"));
    log_line(writer, "still", 5);
    assert_true(comes_to_have(f->access, "still\n"));
}

/* stdout becomes a pipe that nobody reads. */
static void test_log_drops_and_counts_when_the_reader_stalls(void **state)
{
    enum { SENT = 20000 };
    struct fixture *f = *state;
    struct log_writer *writer;
    struct timespec begin, end;
    uint64_t dropped;
    char line[200];
    size_t kept = 0;
    int pipes[2];

    memset(line, 'x', sizeof(line));
    assert_int_equal(pipe(pipes), 0);
    dup2(pipes[1], STDOUT_FILENO);
    close(pipes[1]);
    start(f, "stdout", LOG_LEVEL_INFO);
    writer = log_writer_create(f->log, "main");
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (int i = 0; i < SENT; i++)
        log_line(writer, line, sizeof(line));
    log_message(writer, LOG_LEVEL_INFO, "the other stream goes on");
    assert_true(comes_to_have(f->messages, "lines dropped"));
    assert_true(comes_to_have(f->messages, "the other stream goes on"));
    dropped = log_dropped(f->log);
    log_stop(&f->log); /* gives up after two seconds */
    clock_gettime(CLOCK_MONOTONIC, &end);
    assert_true(end.tv_sec - begin.tv_sec < 10);
    restore(&f->saved_stdout, STDOUT_FILENO);
    f->saved_stdout = dup(STDOUT_FILENO);
    for (char c; read(pipes[0], &c, 1) == 1;) /* what the pipe took */
        kept += c == '\n';
    close(pipes[0]);
    assert_true(kept > 0 && dropped > 0 && kept + dropped <= SENT);
}

static void test_log_counts_every_dropped_line(void **state)
{
    struct fixture *f = *state;
    struct log_writer *writer;
    uint64_t refused = 0;
    char *line = calloc(1, LOG_LINE_MAX);
    char expected[64];

    memset(line, 'y', LOG_LINE_MAX);
    start(f, f->access, LOG_LEVEL_INFO);
    writer = log_writer_create(f->log, "main");
    for (int i = 0; i < 2000; i++)
        refused += !log_line(writer, line, LOG_LINE_MAX);
    free(line);
    if (refused > 0) {
        snprintf(expected, sizeof(expected), "message=\"%llu lines dropped",
                 (unsigned long long)refused);
        for (int i = 0; i < 500 && log_dropped(f->log) < refused; i++)
            poll(NULL, 0, 10);
        assert_int_equal(log_dropped(f->log), refused);
    }
    log_stop(&f->log);
    assert_int_equal(count_lines(f->access), 2000 - refused);
}

static void test_log_says_why_a_file_cannot_be_written(void **state)
{
    struct fixture *f = *state;
    struct log_writer *writer;

    start(f, "/dev/full", LOG_LEVEL_INFO);
    writer = log_writer_create(f->log, "main");
    log_line(writer, "one", 3);
    assert_true(comes_to_have(f->messages, "the log cannot be written: No space left on device"));
    assert_true(comes_to_have(f->messages, "1 lines dropped"));
    assert_int_equal(log_dropped(f->log), 1);
}

enum { PRODUCERS = 6, PER_PRODUCER = 5000 };

struct producer {
    pthread_t thread;
    struct log *log;
    unsigned number;
    unsigned refused;
};

static void *produce(void *producer_)
{
    struct producer *producer = producer_;
    struct log_writer *writer;
    char name[16], line[64];

    snprintf(name, sizeof(name), "worker-%u", producer->number);
    writer = log_writer_create(producer->log, name);
    for (unsigned i = 0; i < PER_PRODUCER; i++) {
        int size = snprintf(line, sizeof(line), "{\"p\":%u,\"i\":%u}", producer->number, i);

        producer->refused += !log_line(writer, line, (size_t)size);
        if (i % 1000 == 0)
            log_message(writer, LOG_LEVEL_INFO, "at %u", i);
    }
    log_writer_destroy(&writer);
    return NULL;
}

/* Each producer's lines stay in order and whole; what is missing was refused and counted. */
static void assert_complete(const char *path, const struct producer *producers)
{
    unsigned next[PRODUCERS] = {0}, seen[PRODUCERS] = {0}, p, i;
    FILE *file = fopen(path, "r");
    char line[128];

    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        assert_int_equal(sscanf(line, "{\"p\":%u,\"i\":%u}\n", &p, &i), 2);
        assert_true(p < PRODUCERS && i >= next[p]);
        next[p] = i + 1;
        seen[p]++;
    }
    fclose(file);
    for (p = 0; p < PRODUCERS; p++)
        assert_int_equal(seen[p] + producers[p].refused, PER_PRODUCER);
}

static void test_log_takes_lines_of_many_threads(void **state)
{
    struct fixture *f = *state;
    struct producer producers[PRODUCERS] = {0};
    struct log_settings settings = {f->access, LOG_LEVEL_INFO};

    start(f, f->access, LOG_LEVEL_INFO);
    for (unsigned i = 0; i < PRODUCERS; i++) {
        producers[i].log = f->log;
        producers[i].number = i;
        assert_int_equal(pthread_create(&producers[i].thread, NULL, produce, &producers[i]), 0);
    }
    for (unsigned i = 0; i < 20; i++)
        log_reopen(f->log, &settings); /* the same file, while lines come */
    for (unsigned i = 0; i < PRODUCERS; i++)
        pthread_join(producers[i].thread, NULL);
    log_stop(&f->log);
    assert_complete(f->access, producers);
}

#define LOG_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(test_log_writes_lines_and_messages),
        LOG_TEST(test_log_swallows_what_has_no_writer_or_is_off),
        LOG_TEST(test_log_refuses_a_file_it_cannot_open),
        LOG_TEST(test_log_reopens_after_a_rotation),
        LOG_TEST(test_log_drops_and_counts_when_the_reader_stalls),
        LOG_TEST(test_log_counts_every_dropped_line),
        LOG_TEST(test_log_says_why_a_file_cannot_be_written),
        LOG_TEST(test_log_takes_lines_of_many_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
