// SPDX-License-Identifier: Apache-2.0
/* The log thread, and how every other thread hands it lines without ever waiting.
 *
 * A thread that logs has a writer of its own: a bounded ring with one producer (that thread) and
 * one consumer (the log thread). A line costs its own bytes and one atomic store: no lock, and no
 * system call but when the log thread sleeps (at most one in 50 ms) or a ring becomes half full.
 * What does not fit is dropped and counted, and the log says how much was lost as soon as it can.
 *
 * Two streams. *Access*: finished lines (JSON, one object a line) that pass through untouched, to
 * stdout, a file or nowhere. *Messages*: logfmt to stderr:
 *   time=2026-01-31T23:59:59.123Z level=warning component=worker-1 message="accept: ..."
 * A stream whose reader stalls loses its own lines; the other goes on. */
#ifndef CONF_LOG_H
#define CONF_LOG_H

#include "conf/error.h"

#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR = 0, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

enum {
    LOG_LINE_MAX = 32 * 1024,  /* longest line, its newline not counted */
    LOG_RING_SIZE = 256 * 1024 /* of one writer; a quarter is for messages alone */
};

struct log;
struct log_writer;

struct log_settings {
    const char *access;   /* "stdout", "off", or the path of a file (made with mode 0640) */
    enum log_level level; /* messages above it are not written */
};

/* Opens what settings name and starts the thread, which blocks every signal. */
MUST_USE bool log_start(struct log **log, const struct log_settings *settings, struct error *err);

/* Writes what is in the rings and ends the thread; gives up on a stalled reader after 2 s. Every
 * writer's thread must have ended or stopped logging; writers that still exist are freed. NULL is
 * fine. */
void log_stop(struct log **log);

/* For SIGHUP: opens the access file anew (after a rotation, or because settings changed) and takes
 * over the level. Any thread, not a signal handler. A file that cannot be opened is reported as a
 * message, and the old one stays. */
void log_reopen(struct log *log, const struct log_settings *settings);

/* Lines lost since log_start, both streams. Any thread. */
uint64_t log_dropped(const struct log *log);

/* component: who speaks ("main", "worker-1"); copied. Takes a lock: once per thread, not per line.
 * Destroying hands the ring to the log thread, which frees it when it is empty. */
struct log_writer *log_writer_create(struct log *log, const char *component);
void log_writer_destroy(struct log_writer **writer);

/* All below: only the writer's own thread; a NULL writer swallows everything. */

/* Room for an access line of at most max bytes (max <= LOG_LINE_MAX), to be formatted in place.
 * NULL: there is none, the line is dropped and counted (or the access log is off). Follow with
 * log_commit before any other call on this writer. */
char *log_reserve(struct log_writer *writer, size_t max);
/* used <= max bytes were written, without the newline. 0 takes the reservation back. */
void log_commit(struct log_writer *writer, size_t used);

/* A finished access line, without its newline. False: dropped. */
bool log_line(struct log_writer *writer, const char *bytes, size_t size);

/* Is the access log on? To spare the work of formatting. */
bool log_has_access(const struct log_writer *writer);
/* Would a message of this level be written? */
bool log_has_level(const struct log_writer *writer, enum log_level level);

/* One message of at most 2 KiB (cut behind that). */
void log_message(struct log_writer *writer, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
