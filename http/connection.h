// SPDX-License-Identifier: Apache-2.0
/* A connection, of a client or to an upstream: a descriptor with TLS or not, and the bytes read
 * from it that nobody has taken yet. What sessions, pooled connections and halves have in common.
 * Loop thread only. */
#ifndef HTTP_CONNECTION_H
#define HTTP_CONNECTION_H

#include "http/block.h"
#include "http/io.h"

struct connection {
    struct io io;
    struct buffer in;
    struct block_store *blocks;
    bool is_drained; /* the last read left nothing to read */
    bool moves_much; /* the last read filled a small block: begin with a large one */
};

/* Reads once into the free room of `in`. The result is io_read's; on IO_AGAIN an empty block is
 * given back, so that a connection without bytes holds no memory. With a full buffer nothing is
 * read: IO_AGAIN. */
MUST_USE ssize_t connection_read(struct connection *connection);

/* Takes size bytes from the front of `in`, and gives an empty block back. */
void connection_consume(struct connection *connection, size_t size);

/* The unread bytes are the beginning of a head, shorter than BLOCK_LARGE: makes room for more of it
 * behind them, in a large block if must be. */
void connection_make_room(struct connection *connection);

/* Closes the descriptor and gives the block back. Closed ones too. */
void connection_close(struct connection *connection);

#endif
