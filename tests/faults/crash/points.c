// SPDX-License-Identifier: Apache-2.0
/* Preloaded into a gateway (LD_PRELOAD), ends it by SIGKILL at a point of its life that a test
 * names while it runs: before or after the n-th act of a kind. Acts are what a crash could fall
 * between: each write and sync of the ledger and of the block store, each write of a partner's
 * spool and its removal, and each piece of bytes that goes over a link or comes from it. Nothing is
 * asked of the program, which is the one that users have.
 *
 * The test and we share a file, CRASH_POINTS names it: struct board. It is changed in place, so
 * each member is written whole; kind is written last. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* In the order of kit/crash_points.py. */
enum kind {
    NOTHING,
    LEDGER_WRITE,
    LEDGER_SYNC,
    SPOOL_WRITE,
    SPOOL_REMOVE,
    BLOCKS_WRITE,
    BLOCKS_SYNC,
    LINK_SENT,
    LINK_TAKEN,
    KINDS,
};

enum { PORTS = 4 };

struct board {
    _Atomic uint32_t kind; /* armed for; NOTHING: not armed */
    _Atomic uint32_t is_after;
    _Atomic int64_t left; /* acts of that kind until the end: at 0 */
    _Atomic uint32_t ports[PORTS];
    _Atomic uint64_t passed[KINDS];
};

static struct {
    pthread_once_t once;
    struct board *board;
} points = {.once = PTHREAD_ONCE_INIT};

/* The function of this name that we stand before. */
#define NEXT(result, name, ...)                                                                    \
    static result (*next)(__VA_ARGS__);                                                            \
    if (next == NULL)                                                                              \
    *(void **)&next = dlsym(RTLD_NEXT, name)

static void begin(void)
{
    const char *path = getenv("CRASH_POINTS");
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    void *board;

    if (fd < 0)
        return;
    board = mmap(NULL, sizeof(struct board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (board != MAP_FAILED)
        points.board = board;
    close(fd);
}

static bool has_begun(void)
{
    pthread_once(&points.once, begin);
    return points.board != NULL;
}

/* ---- what an act is */

static uint32_t port_of(const struct sockaddr_storage *address)
{
    const struct sockaddr_in *in = (const void *)address;
    const struct sockaddr_in6 *in6 = (const void *)address;

    if (address->ss_family == AF_INET)
        return ntohs(in->sin_port);
    return address->ss_family == AF_INET6 ? ntohs(in6->sin6_port) : 0;
}

static bool is_link(int fd)
{
    struct sockaddr_storage near = {0}, far = {0};
    socklen_t near_size = sizeof(near), far_size = sizeof(far);

    if (getsockname(fd, (struct sockaddr *)&near, &near_size) != 0 ||
        getpeername(fd, (struct sockaddr *)&far, &far_size) != 0)
        return false;
    for (unsigned i = 0; i < PORTS; i++)
        if (points.board->ports[i] != 0 &&
            (port_of(&near) == points.board->ports[i] || port_of(&far) == points.board->ports[i]))
            return true;
    return false;
}

static bool has(const char *path, const char *part)
{
    return strstr(path, part) != NULL;
}

static enum kind kind_of_path(const char *path)
{
    if (has(path, "/ledger.db"))
        return LEDGER_WRITE;
    if (has(path, "/inbox"))
        return SPOOL_WRITE;
    return has(path, "/blocks") ? BLOCKS_WRITE : NOTHING;
}

static enum kind kind_of(int fd)
{
    char name[64], path[4096];
    ssize_t size;

    snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
    size = readlink(name, path, sizeof(path) - 1);
    if (size <= 0)
        return NOTHING;
    path[size] = '\0';
    return kind_of_path(path);
}

static enum kind write_of(int fd)
{
    int cause = errno;
    enum kind kind = NOTHING;

    if (has_begun())
        kind = is_link(fd) ? LINK_SENT : kind_of(fd);
    errno = cause;
    return kind;
}

static enum kind sync_of(int fd)
{
    switch (has_begun() ? kind_of(fd) : NOTHING) {
    case LEDGER_WRITE:
        return LEDGER_SYNC;
    case BLOCKS_WRITE:
        return BLOCKS_SYNC;
    default:
        return NOTHING;
    }
}

static enum kind read_of(int fd)
{
    return has_begun() && is_link(fd) ? LINK_TAKEN : NOTHING;
}

/* ---- its end */

static void end(void)
{
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

/* True: it ends behind this act. */
static bool pass(enum kind kind)
{
    struct board *board = points.board;
    bool is_it;

    if (kind == NOTHING)
        return false;
    atomic_fetch_add(&board->passed[kind], 1);
    is_it = atomic_load(&board->kind) == (uint32_t)kind && atomic_fetch_sub(&board->left, 1) == 1;
    if (is_it && atomic_load(&board->is_after) == 0)
        end();
    return is_it;
}

static void behind(bool ends)
{
    if (ends)
        end();
}

/* ---- what we stand before */

ssize_t write(int fd, const void *bytes, size_t size)
{
    bool ends = pass(write_of(fd));
    ssize_t result;
    NEXT(ssize_t, "write", int, const void *, size_t);

    result = next(fd, bytes, size);
    behind(ends && result > 0);
    return result;
}

static ssize_t pwrite_counted(int fd, const void *bytes, size_t size, off_t offset)
{
    bool ends = pass(write_of(fd));
    ssize_t result;
    NEXT(ssize_t, "pwrite64", int, const void *, size_t, off_t);

    result = next(fd, bytes, size, offset);
    behind(ends);
    return result;
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    return pwrite_counted(fd, bytes, size, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off_t offset)
{
    return pwrite_counted(fd, bytes, size, offset);
}

ssize_t read(int fd, void *bytes, size_t size)
{
    bool ends = pass(read_of(fd));
    ssize_t result;
    NEXT(ssize_t, "read", int, void *, size_t);

    result = next(fd, bytes, size);
    behind(ends);
    return result;
}

static int sync_counted(int (*next)(int), int fd)
{
    bool ends = pass(sync_of(fd));
    int result = next(fd);

    behind(ends);
    return result;
}

int fsync(int fd)
{
    NEXT(int, "fsync", int);
    return sync_counted(next, fd);
}

int fdatasync(int fd)
{
    NEXT(int, "fdatasync", int);
    return sync_counted(next, fd);
}

int unlink(const char *path)
{
    bool ends = pass(has_begun() && has(path, "/inbox/") ? SPOOL_REMOVE : NOTHING);
    int result;
    NEXT(int, "unlink", const char *);

    result = next(path);
    behind(ends);
    return result;
}
