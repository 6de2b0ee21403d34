// SPDX-License-Identifier: Apache-2.0
#include "http/splice.h"

#include "conf/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* A user may have some 64 pipes of 1 MiB before the kernel hands out small ones, of two pages even:
 * then copying is faster. */
enum { PIPE_SIZE = 1024 * 1024, PIPE_SIZE_MIN = 64 * 1024, PIPES_KEPT = 8, PIPES_MAX = 32 };

/* At most so much at once, though the pipe has room for more (its places are pages, and those that
 * come from a network card are not full): sender and receiver work while we do, on bytes that are
 * still in a processor's cache. Measured against 128 KiB to 1 MiB. */
enum { MOVE_MAX = 256 * 1024 };

struct pipe_store {
    int count; /* kept */
    int ends[PIPES_KEPT][2];
    int open, open_max; /* kept or in use */
};

struct pipe_store *pipe_store_create(void)
{
    struct pipe_store *store = memory_alloc(sizeof(*store));

    store->open_max = PIPES_MAX;
    return store;
}

void pipe_store_destroy(struct pipe_store **store)
{
    if (*store == NULL)
        return;
    for (int i = 0; i < (*store)->count; i++) {
        close((*store)->ends[i][0]);
        close((*store)->ends[i][1]);
    }
    free(*store);
    *store = NULL;
}

static bool open_pipe(struct pipe_store *store, int ends[2])
{
    if (store->open >= store->open_max || pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0)
        return false;
    if (fcntl(ends[0], F_SETPIPE_SZ, PIPE_SIZE) >= 0 ||
        fcntl(ends[0], F_GETPIPE_SZ) >= PIPE_SIZE_MIN)
        return true;
    close(ends[0]);
    close(ends[1]);
    store->open_max = store->open; /* not tried again for each body */
    return false;
}

bool splice_open(struct splice *splice, struct pipe_store *store)
{
    int ends[2];

    if (store->count > 0) {
        store->count--;
        splice->read_end = store->ends[store->count][0];
        splice->write_end = store->ends[store->count][1];
        return true;
    }
    if (!open_pipe(store, ends))
        return false;
    store->open++;
    splice->read_end = ends[0];
    splice->write_end = ends[1];
    return true;
}

void splice_close(struct splice *splice, struct pipe_store *store)
{
    if (splice->write_end == 0)
        return;
    if (splice->held == 0 && store->count < PIPES_KEPT) {
        store->ends[store->count][0] = splice->read_end;
        store->ends[store->count][1] = splice->write_end;
        store->count++;
    } else {
        close(splice->read_end);
        close(splice->write_end);
        store->open--;
    }
    *splice = (struct splice){0};
}

/* Without SPLICE_F_MORE: when the sender pauses, it would hold the last bytes back for 200 ms. */
static ssize_t move(int from, int to, size_t size)
{
    ssize_t moved;

    do
        moved = splice(from, NULL, to, NULL, size, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    while (moved < 0 && errno == EINTR);
    return moved;
}

enum splice_result splice_move(struct splice *splice, int from, int to, uint64_t max,
                               uint64_t *taken, uint64_t *put)
{
    *taken = *put = 0;
    if (splice->held == 0) {
        ssize_t got = move(from, splice->write_end, max < MOVE_MAX ? (size_t)max : MOVE_MAX);

        if (got == 0)
            return SPLICE_EOF;
        if (got < 0)
            return errno == EAGAIN ? SPLICE_WAIT_READ : SPLICE_FROM_ERROR;
        splice->held = (size_t)got;
        *taken = (uint64_t)got;
    }
    while (splice->held > 0) {
        ssize_t part = move(splice->read_end, to, splice->held);

        if (part <= 0)
            return part < 0 && errno == EAGAIN ? SPLICE_WAIT_WRITE : SPLICE_TO_ERROR;
        splice->held -= (size_t)part;
        *put += (uint64_t)part;
    }
    return SPLICE_MOVED;
}
