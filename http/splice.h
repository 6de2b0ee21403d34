// SPDX-License-Identifier: Apache-2.0
/* Moves bytes between two plain sockets inside the kernel, through a pipe. Loop thread only. */
#ifndef HTTP_SPLICE_H
#define HTTP_SPLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Below this many bytes to go, a copy is as fast and needs no pipe. */
enum { SPLICE_MIN = 128 * 1024 };

/* The pipes of one loop: some are kept for the next user, and there are never more than a bound,
 * since each is two descriptors and up to 256 KiB of the kernel's memory. */
struct pipe_store;
struct pipe_store *pipe_store_create(void);
void pipe_store_destroy(struct pipe_store **store);

struct splice {
    int read_end, write_end; /* of the pipe; 0: none is held */
    size_t held;             /* bytes in the pipe */
};

/* Takes a pipe. false: none is to be had, or only a small one; copy instead. */
bool splice_open(struct splice *splice, struct pipe_store *store);

/* Gives the pipe back; with bytes in it, it is closed instead. Unopened ones too. */
void splice_close(struct splice *splice, struct pipe_store *store);

enum splice_result {
    SPLICE_MOVED,      /* some bytes went out */
    SPLICE_WAIT_READ,  /* nothing to read from `from` */
    SPLICE_WAIT_WRITE, /* no room in `to` */
    SPLICE_EOF,        /* `from` ended */
    SPLICE_FROM_ERROR,
    SPLICE_TO_ERROR,
};

/* One round: fills the pipe from `from` with at most max bytes when it is empty, and empties it
 * into `to`. *taken is what left `from` in this call and *put what `to` took: both are to be
 * counted whatever the result is. */
enum splice_result splice_move(struct splice *splice, int from, int to, uint64_t max,
                               uint64_t *taken, uint64_t *put);

#endif
