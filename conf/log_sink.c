// SPDX-License-Identifier: Apache-2.0
#include "conf/log_sink.h"

#include "conf/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A pipe or socket that polls as writable takes this much without blocking. */
enum { PIECE_SIZE = PIPE_BUF };

static bool is_patient(int fd)
{
    struct stat status;

    return fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

void log_sink_init(struct log_sink *sink, int fd)
{
    *sink = (struct log_sink){.fd = fd, .is_patient = is_patient(fd)};
    sink->bytes = memory_alloc(LOG_SINK_SIZE);
}

static void close_owned(struct log_sink *sink)
{
    if (sink->is_owned)
        close(sink->fd);
    sink->is_owned = false;
}

void log_sink_dispose(struct log_sink *sink)
{
    close_owned(sink);
    free(sink->bytes);
    *sink = (struct log_sink){.fd = -1};
}

/* What was written in part elsewhere is no line where the rest goes. */
static void drop_rest_of_line(struct log_sink *sink)
{
    while (sink->is_mid_line && sink->begin < sink->end)
        sink->is_mid_line = sink->bytes[sink->begin++] != '\n';
    sink->is_mid_line = false;
}

bool log_sink_open(struct log_sink *sink, const char *access, struct error *err)
{
    bool is_off = strcmp(access, "off") == 0;
    bool is_file = !is_off && strcmp(access, "stdout") != 0;
    int fd = is_off ? -1 : STDOUT_FILENO;

    if (is_file) {
        fd = open(access, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
        if (fd < 0)
            return error_set_errno(err, "the access log %s cannot be opened", access);
    }
    log_sink_flush(sink, NULL);
    drop_rest_of_line(sink);
    close_owned(sink);
    sink->fd = fd;
    sink->is_owned = is_file;
    sink->is_patient = is_patient(fd);
    sink->is_broken = false;
    return true;
}

bool log_sink_is_empty(const struct log_sink *sink)
{
    return sink->begin == sink->end;
}

bool log_sink_put(struct log_sink *sink, const char *bytes, size_t size)
{
    if (sink->fd < 0)
        return true;
    if (sink->is_broken && sink->is_mid_line && sink->end == 0)
        sink->bytes[sink->end++] = '\n'; /* the line that broke ends here */
    if (size > LOG_SINK_SIZE - sink->end && sink->begin > 0) {
        memmove(sink->bytes, sink->bytes + sink->begin, sink->end - sink->begin);
        sink->end -= sink->begin;
        sink->begin = 0;
    }
    if (size > LOG_SINK_SIZE - sink->end)
        return false;
    memcpy(sink->bytes + sink->end, bytes, size);
    sink->end += size;
    return true;
}

static bool is_writable(const struct log_sink *sink)
{
    struct pollfd one = {.fd = sink->fd, .events = POLLOUT};

    return sink->is_patient || (poll(&one, 1, 0) == 1);
}

static uint64_t count_lines(const struct log_sink *sink)
{
    uint64_t count = 0;

    for (size_t i = sink->begin; i < sink->end; i++)
        count += sink->bytes[i] == '\n';
    return count;
}

uint64_t log_sink_flush(struct log_sink *sink, struct error *err)
{
    uint64_t lost;

    while (sink->begin < sink->end && is_writable(sink)) {
        size_t size = sink->end - sink->begin;
        ssize_t written;

        if (!sink->is_patient && size > PIECE_SIZE)
            size = PIECE_SIZE;
        written = write(sink->fd, sink->bytes + sink->begin, size);
        if (written > 0) {
            sink->begin += (size_t)written;
            sink->is_mid_line = sink->bytes[sink->begin - 1] != '\n';
            sink->is_broken = false;
        } else if (errno == EAGAIN) {
            break;
        } else if (errno != EINTR) {
            error_set_errno(err, "the log cannot be written");
            sink->is_broken = true;
            lost = count_lines(sink);
            sink->begin = sink->end = 0;
            return lost;
        }
    }
    if (sink->begin == sink->end)
        sink->begin = sink->end = 0;
    return 0;
}
