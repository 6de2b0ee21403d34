// SPDX-License-Identifier: Apache-2.0
/* A connected descriptor, with or without TLS on it, on a loop: non-blocking reads and writes, and
 * calls when it is ready. The loop only tells readiness; bytes go straight between the descriptor
 * and the caller's memory, so that what a connection may hold is the caller's to bound.
 *
 * The process ignores SIGPIPE: TLS and splice write without MSG_NOSIGNAL.
 *
 * Loop thread only. io_close may be called from inside the io's own callbacks; nothing is called
 * after it. */
#ifndef HTTP_IO_H
#define HTTP_IO_H

#include "conf/error.h"
#include "http/loop.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

struct st_h2o_socket_t;

/* Results of io_read and io_write below zero, and io_read's end. */
enum {
    IO_EOF = 0,
    IO_AGAIN = -1, /* nothing now: wait for the call */
    IO_ERROR = -2, /* reset, or TLS broken (an end without close_notify too) */
};

struct io {
    int fd; /* -1: closed */
    SSL *ssl;
    struct loop *loop;
    struct st_h2o_socket_t *socket;
    void (*on_readable)(struct io *io);
    void (*on_writable)(struct io *io);
    struct later again;    /* readable, though the descriptor may not be: TLS holds bytes */
    bool is_read_watched;  /* the owner wants on_readable */
    bool is_write_watched; /* the owner wants on_writable, once */
    bool is_drained;       /* TLS: the last read found nothing more */
    bool has_ended;        /* TLS: behind the bytes that were read stands the end, or a failure */
    bool read_wants_write; /* TLS: a read waits for room to write, or the reverse */
    bool write_wants_read;
};

/* Takes over fd, which must be connected or connecting. No callback before io_watch_*. */
void io_init(struct io *io, struct loop *loop, int fd, void (*on_readable)(struct io *),
             void (*on_writable)(struct io *));

/* Puts TLS on it, from the side that ssl was set up for; takes over ssl. Then io_handshake. */
void io_start_tls(struct io *io, SSL *ssl);

/* 1: done. IO_AGAIN: call again when readable or writable (already watched). IO_ERROR: err has why.
 */
MUST_USE int io_handshake(struct io *io, struct error *err);

/* Reads at most size bytes. Short of size means that the descriptor is empty for now. */
MUST_USE ssize_t io_read(struct io *io, void *data, size_t size);

/* Writes some of the vectors' bytes; how many. Under TLS, after IO_AGAIN the next call must offer
 * the same bytes first (they may stand elsewhere, and more may follow). */
MUST_USE ssize_t io_write(struct io *io, const struct iovec *vectors, int count);

/* Calls on_readable whenever there is something to read, until io_unwatch_read. Idempotent. */
void io_watch_read(struct io *io);
void io_unwatch_read(struct io *io);

/* As io_watch_read, and on_readable is called at the end of this turn in any case: the owner has
 * bytes that it did not get to. */
void io_watch_read_now(struct io *io);

/* Calls on_writable once, when there is room. Cannot be taken back but by io_close. Idempotent. */
void io_watch_write(struct io *io);

/* Sends our end (close_notify, FIN); reading goes on. */
void io_shutdown_write(struct io *io);

/* Aborts with RST, so that the peer cannot take what it got for a clean end. */
void io_reset(struct io *io);

/* Closes. The memory of io is the owner's again at once. Closed ones too. */
void io_close(struct io *io);

enum io_peer { IO_PEER_OPEN, IO_PEER_FINISHED, IO_PEER_GONE };

/* What the kernel knows of the peer of a TCP or unix socket that we are not reading from: it sent
 * its FIN, or the connection is gone. One system call. */
enum io_peer io_peer_state(const struct io *io);

/* A peer that sent FIN may still read, or be gone altogether, which looks the same until something
 * is sent to it. Has the kernel ask; io_peer_state tells in the end, a minute after a process that
 * ended (its kernel remembers the connection for so long), seconds after a machine that did. */
void io_probe_peer(const struct io *io);

/* Has the peer sent bytes that io_read has not given out? One system call. */
bool io_has_unread(const struct io *io);

/* At most so many bytes were taken from the descriptor and not yet given out by io_read: TLS reads
 * ahead. */
size_t io_held_max(const struct io *io);

#endif
