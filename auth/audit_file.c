// SPDX-License-Identifier: Apache-2.0
#include "auth/audit_file.h"

#include "auth/audit_line.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEP = 64 * 1024 }; /* how much is read at a time, from the end backwards */

static bool read_at(int fd, char *bytes, size_t size, off_t at, struct error *err)
{
    while (size > 0) {
        ssize_t got = pread(fd, bytes, size, at);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set_errno(err, "it cannot be read");
        if (got == 0)
            return error_set(err, ERROR_IO, "it became shorter while it was read");
        bytes += got;
        size -= (size_t)got;
        at += got;
    }
    return true;
}

/* ---- opening */

static bool is_zeros(struct slice s)
{
    return s.size == 0 || (s.data[0] == '\0' && memcmp(s.data, s.data + 1, s.size - 1) == 0);
}

/* What a crash leaves behind the last newline is part of a line, or zeros of blocks that were never
 * written. Anything else is somebody's file, given to us by mistake: it is not to be cut. */
static bool find_end(int fd, off_t size, off_t *end, struct error *err)
{
    char bytes[STEP];
    bool has_text = false;

    for (off_t at = size; at > 0;) {
        size_t step = at < STEP ? (size_t)at : STEP;
        const char *newline;

        at -= (off_t)step;
        if (!read_at(fd, bytes, step, at, err))
            return false;
        newline = memrchr(bytes, '\n', step);
        if (newline != NULL) {
            *end = at + (newline - bytes) + 1;
            return true;
        }
        has_text |= !is_zeros((struct slice){bytes, step});
        if (has_text && size - at > AUDIT_LINE_MAX)
            return error_set(err, ERROR_REFUSED,
                             "it is no audit log: its last line is longer than %d bytes",
                             AUDIT_LINE_MAX);
    }
    *end = 0;
    return true;
}

static bool cut_end(int fd, off_t size, uint64_t *cut, struct error *err)
{
    off_t end = 0;

    if (!find_end(fd, size, &end, err))
        return false;
    *cut = (uint64_t)(size - end);
    return *cut == 0 || ftruncate(fd, end) == 0 ||
           error_set_errno(err, "its unfinished last line cannot be cut off");
}

static bool check(int fd, uint64_t *cut, struct error *err)
{
    struct stat status;

    if (fstat(fd, &status) != 0)
        return error_set_errno(err, "it cannot be read");
    if (!S_ISREG(status.st_mode))
        return error_set(err, ERROR_REFUSED, "it is not a regular file");
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return error_set(err, ERROR_REFUSED, "another process writes it");
    return cut_end(fd, status.st_size, cut, err);
}

/* So that a power failure cannot take the name of a file whose lines were synced. */
static bool sync_folder(const char *path, struct error *err)
{
    const char *slash = strrchr(path, '/');
    struct text folder = {0};
    bool is_synced;
    int fd;

    if (slash == NULL)
        text_put_slice(&folder, SLICE("."));
    else
        text_put_slice(&folder, (struct slice){path, slash == path ? 1 : (size_t)(slash - path)});
    fd = open(folder.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    is_synced = fd >= 0 && fsync(fd) == 0;
    if (!is_synced)
        error_set_errno(err, "its folder cannot be synced");
    if (fd >= 0)
        close(fd);
    text_dispose(&folder);
    return is_synced;
}

bool audit_file_open(struct audit_file *file, const char *path, uint64_t *cut, struct error *err)
{
    /* Not blocking: a FIFO is refused, not waited for. */
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);

    *file = (struct audit_file){.fd = -1};
    if (fd < 0)
        return error_set_errno(err, "the audit log %s cannot be opened", path);
    if (!check(fd, cut, err) || !sync_folder(path, err)) {
        close(fd);
        return error_prefix(err, "the audit log %s", path);
    }
    file->fd = fd;
    return true;
}

bool audit_file_is_at(const struct audit_file *file, const char *path)
{
    struct stat ours, theirs;

    return fstat(file->fd, &ours) == 0 && stat(path, &theirs) == 0 &&
           ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

/* ---- appending */

static bool mend(struct audit_file *file, struct error *err)
{
    if (!file->is_torn)
        return true;
    if (ftruncate(file->fd, file->whole_to) != 0)
        return error_set_errno(err, "the audit log's unfinished line cannot be cut off");
    file->is_torn = false;
    return true;
}

void audit_file_close(struct audit_file *file)
{
    if (file->fd < 0)
        return;
    (void)mend(file, NULL);
    close(file->fd);
    file->fd = -1;
}

static size_t write_all(int fd, struct slice bytes)
{
    size_t done = 0;

    while (done < bytes.size) {
        ssize_t wrote = write(fd, bytes.data + done, bytes.size - done);

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            break;
        done += (size_t)wrote;
    }
    return done;
}

bool audit_file_append(struct audit_file *file, struct slice lines, size_t *done, struct error *err)
{
    const char *newline;
    struct stat status;
    size_t wrote;

    *done = 0;
    if (!mend(file, err))
        return false;
    if (fstat(file->fd, &status) != 0) /* asked each time: who copies and truncates may */
        return error_set_errno(err, "the audit log cannot be written");
    wrote = write_all(file->fd, lines);
    if (wrote == lines.size) {
        *done = wrote;
        return true;
    }
    error_set_errno(err, "the audit log cannot be written");
    newline = wrote > 0 ? memrchr(lines.data, '\n', wrote) : NULL;
    *done = newline != NULL ? (size_t)(newline - lines.data) + 1 : 0;
    file->is_torn = *done < wrote;
    file->whole_to = status.st_size + (off_t)*done;
    (void)mend(file, NULL);
    return false;
}
