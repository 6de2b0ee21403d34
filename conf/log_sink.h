// SPDX-License-Identifier: Apache-2.0
/* Where a stream of lines goes: a file, stdout, stderr, or nowhere. Bytes are held until the reader
 * takes them; a reader that stalls loses lines, and never makes anybody wait. Only the log thread.
 */
#ifndef CONF_LOG_SINK_H
#define CONF_LOG_SINK_H

#include "conf/error.h"

#include <stddef.h>
#include <stdint.h>

enum { LOG_SINK_SIZE = 512 * 1024 };

struct log_sink {
    int fd;           /* -1: nowhere */
    bool is_owned;    /* a file of ours: closed with the sink */
    bool is_patient;  /* a file: a write never waits for a reader */
    bool is_broken;   /* the last write failed */
    bool is_mid_line; /* the last byte written was no newline */
    char *bytes;
    size_t begin, end; /* of what is still to be written */
};

/* fd is borrowed. */
void log_sink_init(struct log_sink *sink, int fd);
void log_sink_dispose(struct log_sink *sink);

/* access: "stdout", "off" or a path, which is made if need be. Bytes that were held are written to
 * where they belong first, as far as that goes without a wait. On failure nothing changes. */
MUST_USE bool log_sink_open(struct log_sink *sink, const char *access, struct error *err);

/* Takes whole lines. False: no room, the line is lost. Going nowhere is not a loss. */
bool log_sink_put(struct log_sink *sink, const char *bytes, size_t size);

/* Writes what can be written without waiting. A write that fails loses what is held: returns how
 * many lines that were, with err set. */
uint64_t log_sink_flush(struct log_sink *sink, struct error *err);

bool log_sink_is_empty(const struct log_sink *sink);

#endif
