// SPDX-License-Identifier: Apache-2.0
/* Where the chain goes on when the gateway starts. The head in the ledger is at most about a second
 * older than the file's last line, so only the end of the file is read. */
#include "auth/audit_file.h"
#include "auth/audit_line.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* The head is looked for so far from the end: a second of very many lines. */
enum { WINDOW_MIN = 4 * AUDIT_LINE_MAX, WINDOW_MAX = 64 * 1024 * 1024 };

struct tail {
    const struct audit_head *head;
    struct audit_chain chain; /* at the last good line */
    bool has_head;            /* the line of the head was seen, or one that goes on from it; */
    bool is_head_changed;     /* another line has its sequence */
    struct error broken;      /* of the first bad line */
    uint64_t first;           /* sequence of the first good line; 0: none */
};

static bool read_end(int fd, off_t from, size_t size, struct text *out, struct error *err)
{
    text_clear(out);
    text_reserve(out, size);
    while (out->size < size) {
        ssize_t got = pread(fd, out->data + out->size, size - out->size, from + (off_t)out->size);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return error_set_errno(err, "the end of the audit log cannot be read");
        out->size += (size_t)got;
    }
    return true;
}

/* Just after a rotation the head is the last line of the file before. */
static bool goes_on_from(const struct audit_head *head, struct slice line)
{
    struct audit_chain chain = {.has_begun = true, .sequence = head->sequence};

    memcpy(chain.hash, head->hash, RECORD_HASH_SIZE);
    return audit_chain_step(&chain, line, NULL);
}

/* A line that breaks the chain but is good in itself begins it anew. */
static void see_line(struct tail *tail, struct slice line)
{
    struct error err = {0};

    if (!audit_chain_step(&tail->chain, line, &err)) {
        struct audit_chain fresh = {0};

        error_copy(&tail->broken, &err);
        if (!audit_chain_step(&fresh, line, NULL))
            return;
        tail->chain = fresh;
    }
    if (tail->first == 0) {
        tail->first = tail->chain.sequence;
        tail->has_head = goes_on_from(tail->head, line);
    }
    if (tail->head->sequence != 0 && tail->chain.sequence == tail->head->sequence) {
        tail->has_head = true;
        tail->is_head_changed = !record_hash_equal(tail->chain.hash, tail->head->hash);
    }
}

/* window begins inside a line unless it is the whole file. */
static void see_window(struct tail *tail, struct slice window, bool is_whole)
{
    const struct audit_head *head = tail->head;
    const char *newline;

    *tail = (struct tail){.head = head};
    for (size_t at = 0; at < window.size; at = (size_t)(newline - window.data) + 1) {
        newline = memchr(window.data + at, '\n', window.size - at);
        if (newline == NULL)
            break;
        if (at > 0 || is_whole)
            see_line(tail, (struct slice){window.data + at, (size_t)(newline - window.data) - at});
    }
}

/* Reads more and more of the end, until the head's line is in it. */
static bool read_tail(int fd, struct tail *tail, bool *is_empty, struct error *err)
{
    struct text window = {0};
    struct stat status;
    size_t size = WINDOW_MIN;
    bool result;

    if (fstat(fd, &status) != 0)
        return error_set_errno(err, "the audit log cannot be read");
    *is_empty = status.st_size == 0;
    for (;; size *= 4) {
        bool is_whole = (off_t)size >= status.st_size;

        if (is_whole)
            size = (size_t)status.st_size;
        result = read_end(fd, status.st_size - (off_t)size, size, &window, err);
        if (!result)
            break;
        see_window(tail, text_slice(&window), is_whole);
        if (is_whole || size >= WINDOW_MAX || tail->has_head ||
            (tail->first != 0 && tail->first <= tail->head->sequence) || tail->head->sequence == 0)
            break;
    }
    text_dispose(&window);
    return result;
}

static void put_notice(struct text *notice, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void put_notice(struct text *notice, const char *format, ...)
{
    char sentence[640];
    va_list args;

    if (notice == NULL)
        return;
    va_start(args, format);
    vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    if (notice->size > 0)
        text_put_text(notice, "; ");
    text_put_text(notice, sentence);
}

/* Does the file's end agree with the ledger? If not, says why. */
static bool agrees(const struct tail *tail, bool is_empty, struct text *notice)
{
    const struct audit_head *head = tail->head;

    if (is_empty)
        put_notice(notice,
                   "the audit log is new and goes on at sequence %" PRIu64
                   ": what is before that must be in a file that was moved away",
                   head->sequence + 1);
    else if (tail->chain.has_begun && tail->chain.sequence < head->sequence)
        put_notice(notice,
                   "the audit log ends at sequence %" PRIu64 ", but the ledger knows of %" PRIu64
                   ": lines were removed from its end",
                   tail->chain.sequence, head->sequence);
    else if (!tail->has_head)
        put_notice(notice,
                   "sequence %" PRIu64
                   ", which the ledger knows as the last one, is not near the end of the audit log",
                   head->sequence);
    else if (tail->is_head_changed)
        put_notice(notice,
                   "sequence %" PRIu64
                   " of the audit log is not what the ledger knows: the log was "
                   "changed",
                   head->sequence);
    else
        return true;
    return false;
}

bool audit_file_resume(const struct audit_file *file, const struct audit_head *head,
                       struct audit_chain *chain, struct text *notice, struct error *err)
{
    struct tail tail = {.head = head};
    bool is_empty = false;

    if (!read_tail(file->fd, &tail, &is_empty, err))
        return false;
    if (tail.broken.code != ERROR_NONE)
        put_notice(notice, "a line near the end of the audit log is broken: %s", tail.broken.text);
    *chain = tail.chain;
    if (head->sequence != 0 && !agrees(&tail, is_empty, notice)) {
        chain->has_begun = true;
        if (chain->sequence < head->sequence)
            chain->sequence = head->sequence;
        memcpy(chain->hash, head->hash, RECORD_HASH_SIZE);
    }
    return true;
}
