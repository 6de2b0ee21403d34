// SPDX-License-Identifier: Apache-2.0
/* Preloaded into any program (LD_PRELOAD), records what it does to the files below a folder, in the
 * order in which it was done: creations, writes, truncations, syncs, renames, removals; and what it
 * told the world: lines that it writes to one path. The folder is empty at the start. Syncs are not
 * passed on, so that a recording is quick.
 *
 * Not seen: mmap (SQLite's -shm, which is left out: it is made anew after a crash), sendfile,
 * copy_file_range, links. */
#include "log.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { FDS = 4096, FILES = 65536, PATH_SIZE = 4096 };

enum { FD_NONE = 0, FD_FOLDER = -1, FD_NOTES = -2 }; /* above: a file's number */

static struct {
    pthread_mutex_t mutex; /* held from before an act until it stands in the log */
    pthread_once_t once;
    int log;
    const char *folder, *notes;
    bool no_sync;
    int fds[FDS];
    char *paths[FILES]; /* of file n; NULL: it is gone */
    uint32_t count;
} recorder = {.mutex = PTHREAD_MUTEX_INITIALIZER, .once = PTHREAD_ONCE_INIT, .log = -1};

/* The function of this name that we stand before. */
#define NEXT(result, name, ...)                                                                    \
    static result (*next)(__VA_ARGS__);                                                            \
    if (next == NULL)                                                                              \
    *(void **)&next = dlsym(RTLD_NEXT, name)

static ssize_t write_through(int fd, const void *bytes, size_t size)
{
    NEXT(ssize_t, "write", int, const void *, size_t);
    return next(fd, bytes, size);
}

static int open_through(int folder, const char *path, int flags, mode_t mode)
{
    NEXT(int, "openat", int, const char *, int, ...);
    return next(folder, path, flags, mode);
}

static void begin(void)
{
    const char *log = getenv(CRASH_LOG_VARIABLE);

    recorder.folder = getenv(CRASH_FOLDER_VARIABLE);
    recorder.notes = getenv(CRASH_NOTES_VARIABLE);
    recorder.no_sync = getenv(CRASH_NO_SYNC_VARIABLE) != NULL;
    recorder.count = 1;
    if (log != NULL && recorder.folder != NULL)
        recorder.log =
            open_through(AT_FDCWD, log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
}

static void lock(void)
{
    pthread_once(&recorder.once, begin);
    pthread_mutex_lock(&recorder.mutex);
}

static void unlock(void)
{
    int cause = errno;

    pthread_mutex_unlock(&recorder.mutex);
    errno = cause;
}

static void put(enum crash_kind kind, uint32_t file, uint64_t offset, const void *bytes,
                size_t size)
{
    struct crash_record record = {kind, file, offset, size};
    int cause = errno;

    if (recorder.log < 0)
        return;
    if (write_through(recorder.log, &record, sizeof(record)) != (ssize_t)sizeof(record) ||
        (size > 0 && write_through(recorder.log, bytes, size) != (ssize_t)size))
        abort();
    errno = cause;
}

/* The part of path below the folder; "" is the folder itself, NULL: elsewhere. */
static const char *below(const char *path)
{
    size_t size = recorder.folder == NULL ? 0 : strlen(recorder.folder);
    size_t all = strlen(path);

    if (size == 0 || strncmp(path, recorder.folder, size) != 0 ||
        (path[size] != '/' && path[size] != '\0'))
        return NULL;
    if (all > 4 && strcmp(path + all - 4, "-shm") == 0)
        return NULL;
    return path[size] == '/' ? path + size + 1 : path + size;
}

/* Absolute, though nothing needs to be there yet. */
static const char *resolve(int folder, const char *path, char out[PATH_SIZE])
{
    char link[64];
    ssize_t size;

    if (path[0] == '/' || folder == AT_FDCWD)
        return path; /* recorded programs name their folder by its whole path */
    snprintf(link, sizeof(link), "/proc/self/fd/%d", folder);
    size = readlink(link, out, PATH_SIZE - 1);
    if (size < 0)
        return path;
    snprintf(out + size, PATH_SIZE - (size_t)size, "/%s", path);
    return out;
}

static uint32_t find_file(const char *path)
{
    for (uint32_t i = 1; i < recorder.count; i++)
        if (recorder.paths[i] != NULL && strcmp(recorder.paths[i], path) == 0)
            return i;
    return 0;
}

static void forget(const char *path)
{
    uint32_t file = find_file(path);

    if (file == 0)
        return;
    free(recorder.paths[file]);
    recorder.paths[file] = NULL;
}

/* With the lock held, behind a successful open. */
static int classify(int fd, const char *path, int flags)
{
    const char *name = below(path);
    struct stat status;
    uint32_t file;

    if (recorder.notes != NULL && strcmp(path, recorder.notes) == 0)
        return FD_NOTES;
    if (name == NULL || fstat(fd, &status) != 0)
        return FD_NONE;
    if (S_ISDIR(status.st_mode))
        return FD_FOLDER;
    file = find_file(name);
    if (file == 0) {
        if (recorder.count == FILES)
            abort();
        file = recorder.count++;
        recorder.paths[file] = strdup(name);
        put(CRASH_CREATE, file, 0, name, strlen(name));
    } else if ((flags & O_TRUNC) != 0) {
        put(CRASH_TRUNCATE, file, 0, NULL, 0);
    }
    return (int)file;
}

static int open_recorded(int folder, const char *path, int flags, mode_t mode)
{
    char whole[PATH_SIZE];
    int fd;

    lock();
    fd = open_through(folder, path, flags, mode);
    if (fd >= 0 && fd < FDS && recorder.log >= 0)
        recorder.fds[fd] = classify(fd, resolve(folder, path, whole), flags);
    unlock();
    return fd;
}

#define OPEN_MODE(flags)                                                                           \
    mode_t mode = 0;                                                                               \
    if (((flags) & (O_CREAT | O_TMPFILE)) != 0) {                                                  \
        va_list args;                                                                              \
        va_start(args, flags);                                                                     \
        mode = va_arg(args, mode_t);                                                               \
        va_end(args);                                                                              \
    }

int open(const char *path, int flags, ...)
{
    OPEN_MODE(flags);
    return open_recorded(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    OPEN_MODE(flags);
    return open_recorded(AT_FDCWD, path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...)
{
    OPEN_MODE(flags);
    return open_recorded(folder, path, flags, mode);
}

int openat64(int folder, const char *path, int flags, ...)
{
    OPEN_MODE(flags);
    return open_recorded(folder, path, flags, mode);
}

int close(int fd)
{
    int result;
    NEXT(int, "close", int);

    lock();
    if (fd >= 0 && fd < FDS)
        recorder.fds[fd] = FD_NONE;
    result = next(fd);
    unlock();
    return result;
}

/* Of all its commands only copies of a descriptor matter; every argument fits into a pointer. */
static int fcntl_recorded(int fd, int command, void *argument)
{
    int result;
    NEXT(int, "fcntl64", int, int, ...);

    if (command != F_DUPFD && command != F_DUPFD_CLOEXEC)
        return next(fd, command, argument);
    lock();
    result = next(fd, command, argument);
    if (result >= 0 && result < FDS && fd >= 0 && fd < FDS)
        recorder.fds[result] = recorder.fds[fd];
    unlock();
    return result;
}

#define FCNTL_ARGUMENT(command)                                                                    \
    void *argument;                                                                                \
    va_list args;                                                                                  \
    va_start(args, command);                                                                       \
    argument = va_arg(args, void *);                                                               \
    va_end(args)

int fcntl(int fd, int command, ...)
{
    FCNTL_ARGUMENT(command);
    return fcntl_recorded(fd, command, argument);
}

int fcntl64(int fd, int command, ...)
{
    FCNTL_ARGUMENT(command);
    return fcntl_recorded(fd, command, argument);
}

static int kind_of(int fd)
{
    return fd >= 0 && fd < FDS ? recorder.fds[fd] : FD_NONE;
}

/* ---- writing */

static void wrote(int fd, off_t offset, const void *bytes, ssize_t size)
{
    int kind = kind_of(fd);

    if (size <= 0 || kind == FD_NONE)
        return;
    if (kind == FD_NOTES)
        put(CRASH_NOTE, 0, 0, bytes, (size_t)size);
    else if (kind > 0)
        put(CRASH_WRITE, (uint32_t)kind,
            (uint64_t)(offset >= 0 ? offset : lseek(fd, 0, SEEK_CUR) - size), bytes, (size_t)size);
}

ssize_t write(int fd, const void *bytes, size_t size)
{
    ssize_t result;

    lock();
    result = write_through(fd, bytes, size);
    wrote(fd, -1, bytes, result);
    unlock();
    return result;
}

static ssize_t pwrite_recorded(int fd, const void *bytes, size_t size, off_t offset)
{
    ssize_t result;
    NEXT(ssize_t, "pwrite64", int, const void *, size_t, off_t);

    lock();
    result = next(fd, bytes, size, offset);
    wrote(fd, offset, bytes, result);
    unlock();
    return result;
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    return pwrite_recorded(fd, bytes, size, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off_t offset)
{
    return pwrite_recorded(fd, bytes, size, offset);
}

/* One piece after the other: the log has no vectors, and a short write is a short write. */
ssize_t writev(int fd, const struct iovec *pieces, int count)
{
    ssize_t sum = 0;
    NEXT(ssize_t, "writev", int, const struct iovec *, int);

    if (kind_of(fd) == FD_NONE)
        return next(fd, pieces, count);
    for (int i = 0; i < count; i++) {
        ssize_t size = write(fd, pieces[i].iov_base, pieces[i].iov_len);

        if (size < 0)
            return sum > 0 ? sum : size;
        sum += size;
        if ((size_t)size < pieces[i].iov_len)
            break;
    }
    return sum;
}

static int truncate_recorded(int fd, off_t size)
{
    int result;
    NEXT(int, "ftruncate64", int, off_t);

    lock();
    result = next(fd, size);
    if (result == 0 && kind_of(fd) > 0)
        put(CRASH_TRUNCATE, (uint32_t)kind_of(fd), (uint64_t)size, NULL, 0);
    unlock();
    return result;
}

int ftruncate(int fd, off_t size)
{
    return truncate_recorded(fd, size);
}

int ftruncate64(int fd, off_t size)
{
    return truncate_recorded(fd, size);
}

/* ---- syncing */

static int sync_recorded(int fd)
{
    lock();
    if (!recorder.no_sync && kind_of(fd) > 0)
        put(CRASH_SYNC, (uint32_t)kind_of(fd), 0, NULL, 0);
    else if (!recorder.no_sync && kind_of(fd) == FD_FOLDER)
        put(CRASH_SYNC_FOLDER, 0, 0, NULL, 0);
    unlock();
    return 0;
}

int fsync(int fd)
{
    return sync_recorded(fd);
}

int fdatasync(int fd)
{
    return sync_recorded(fd);
}

/* ---- names */

static int remove_recorded(int folder, const char *path, int flags)
{
    char whole[PATH_SIZE];
    const char *name;
    int result;
    NEXT(int, "unlinkat", int, const char *, int);

    lock();
    result = next(folder, path, flags);
    name = below(resolve(folder, path, whole));
    if (result == 0 && name != NULL) {
        put(CRASH_REMOVE, 0, 0, name, strlen(name));
        forget(name);
    }
    unlock();
    return result;
}

int unlink(const char *path)
{
    return remove_recorded(AT_FDCWD, path, 0);
}

int unlinkat(int folder, const char *path, int flags)
{
    return remove_recorded(folder, path, flags);
}

static int rename_recorded(int from_folder, const char *from, int to_folder, const char *to)
{
    char from_whole[PATH_SIZE], to_whole[PATH_SIZE], both[2 * PATH_SIZE];
    const char *from_name, *to_name;
    uint32_t file;
    int result, size;
    NEXT(int, "renameat", int, const char *, int, const char *);

    lock();
    from_name = below(resolve(from_folder, from, from_whole));
    to_name = below(resolve(to_folder, to, to_whole));
    result = next(from_folder, from, to_folder, to);
    if (result == 0 && from_name != NULL && to_name != NULL) {
        size = snprintf(both, sizeof(both), "%s%c%s", from_name, '\0', to_name);
        put(CRASH_RENAME, 0, 0, both, (size_t)size);
        forget(to_name);
        file = find_file(from_name);
        if (file != 0) {
            free(recorder.paths[file]);
            recorder.paths[file] = strdup(to_name);
        }
    }
    unlock();
    return result;
}

int rename(const char *from, const char *to)
{
    return rename_recorded(AT_FDCWD, from, AT_FDCWD, to);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    return rename_recorded(from_folder, from, to_folder, to);
}

int mkdir(const char *path, mode_t mode)
{
    const char *name;
    int result;
    NEXT(int, "mkdir", const char *, mode_t);

    lock();
    result = next(path, mode);
    name = below(path);
    if (result == 0 && name != NULL && name[0] != '\0')
        put(CRASH_FOLDER, 0, 0, name, strlen(name));
    unlock();
    return result;
}
