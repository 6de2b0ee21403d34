// SPDX-License-Identifier: Apache-2.0
#include "conf/save.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* The folder that path is in, and the name it has there. */
static struct slice split(const char *path, const char **name)
{
    const char *slash = strrchr(path, '/');

    *name = slash != NULL ? slash + 1 : path;
    if (slash == NULL)
        return SLICE(".");
    return (struct slice){path, slash == path ? 1 : (size_t)(slash - path)};
}

static bool sync_folder(struct slice folder, struct error *err)
{
    struct text path = {0};
    bool result;
    int fd;

    text_put_slice(&path, folder);
    fd = open(path.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    result = fd >= 0 && fsync(fd) == 0;
    if (!result)
        error_set_errno(err, "%s: cannot be synced", path.data);
    if (fd >= 0)
        close(fd);
    text_dispose(&path);
    return result;
}

static bool write_all(int fd, struct slice bytes)
{
    while (bytes.size > 0) {
        ssize_t done = write(fd, bytes.data, bytes.size);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return false;
        bytes.data += done;
        bytes.size -= (size_t)done;
    }
    return true;
}

static bool write_new(const char *path, struct slice bytes, mode_t mode, struct error *err)
{
    bool is_written;
    int fd;

    if (unlink(path) != 0 && errno != ENOENT) /* of a save that was cut off */
        return error_set_errno(err, "%s: cannot be removed", path);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return error_set_errno(err, "%s: cannot be made", path);
    is_written = fchmod(fd, mode) == 0 && write_all(fd, bytes) && fsync(fd) == 0;
    if (!is_written)
        error_set_errno(err, "%s: cannot be written", path);
    close(fd);
    if (!is_written)
        unlink(path);
    return is_written;
}

bool save_file(const char *path, struct slice bytes, mode_t mode, struct error *err)
{
    const char *name;
    struct slice folder = split(path, &name);
    struct text fresh = {0};
    bool result;

    text_put_slice(&fresh, folder);
    text_put_format(&fresh, "/.%s.new", name);
    result = write_new(fresh.data, bytes, mode, err);
    if (result && rename(fresh.data, path) != 0) {
        result = error_set_errno(err, "%s: cannot be put in place", path);
        unlink(fresh.data);
    }
    result = result && sync_folder(folder, err);
    text_dispose(&fresh);
    return result;
}

bool save_folder(const char *path, mode_t mode, struct error *err)
{
    const char *name;
    struct stat status;

    if (mkdir(path, mode) == 0)
        return sync_folder(split(path, &name), err);
    if (errno != EEXIST)
        return error_set_errno(err, "%s: cannot be made", path);
    if (lstat(path, &status) != 0)
        return error_set_errno(err, "%s", path);
    return S_ISDIR(status.st_mode) ||
           error_set(err, ERROR_REFUSED, "%s is there, and is no folder", path);
}

/* ---- reading */

static bool check(int fd, const char *path, size_t max, bool is_secret, struct error *err)
{
    struct stat status;

    if (fstat(fd, &status) != 0)
        return error_set_errno(err, "%s", path);
    if (!S_ISREG(status.st_mode))
        return error_set(err, ERROR_REFUSED, "%s is no regular file", path);
    if (status.st_size < 0 || (size_t)status.st_size > max)
        return error_set(err, ERROR_LIMIT, "%s has more than %zu bytes", path, max);
    if (is_secret && (status.st_mode & 077) != 0)
        return error_set(err, ERROR_REFUSED,
                         "%s is secret, and others than its owner may open it (mode %03o): chmod "
                         "600 %s, and think about who has read it",
                         path, (unsigned)status.st_mode & 0777, path);
    return true;
}

static bool read_all(int fd, const char *path, size_t max, struct text *bytes, struct error *err)
{
    char *room = text_reserve(bytes, max + 1);
    size_t size = 0;

    for (;;) {
        ssize_t got = read(fd, room + size, max + 1 - size);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set_errno(err, "%s: cannot be read", path);
        if (got == 0)
            break;
        size += (size_t)got;
        if (size > max)
            return error_set(err, ERROR_LIMIT, "%s has more than %zu bytes", path, max);
    }
    bytes->size += size;
    bytes->data[bytes->size] = '\0';
    return true;
}

bool save_read(const char *path, size_t max, bool is_secret, struct text *bytes, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool result;

    if (fd < 0 && errno == ENOENT)
        return error_set(err, ERROR_NOT_FOUND, "%s is not there", path);
    if (fd < 0 && errno == ELOOP)
        return error_set(err, ERROR_REFUSED, "%s is a link, and no regular file", path);
    if (fd < 0)
        return error_set_errno(err, "%s: cannot be opened", path);
    result = check(fd, path, max, is_secret, err) && read_all(fd, path, max, bytes, err);
    close(fd);
    return result;
}
