// SPDX-License-Identifier: Apache-2.0
#include "http/connection.h"

#include <assert.h>

static void prepare_room(struct connection *connection)
{
    struct buffer *in = &connection->in;

    buffer_acquire(connection->blocks, in);
    if (buffer_size(in) == 0)
        in->start = in->end = 0;
    if (connection->moves_much && buffer_size(in) == 0)
        buffer_upgrade(connection->blocks, in);
    if (buffer_room(in) == 0)
        buffer_compact(in);
}

ssize_t connection_read(struct connection *connection)
{
    struct buffer *in = &connection->in;
    size_t room;
    ssize_t got;

    prepare_room(connection);
    room = buffer_room(in);
    if (room == 0)
        return IO_AGAIN;
    got = io_read(&connection->io, in->data + in->end, room);
    if (got > 0) {
        in->end += (uint32_t)got;
        connection->moves_much = got >= BLOCK_SMALL / 2;
        connection->is_drained = (size_t)got < room;
    } else if (buffer_size(in) == 0) {
        buffer_release(connection->blocks, in);
    }
    return got;
}

void connection_consume(struct connection *connection, size_t size)
{
    assert(size <= buffer_size(&connection->in));
    connection->in.start += (uint32_t)size;
    if (buffer_size(&connection->in) == 0)
        buffer_release(connection->blocks, &connection->in);
}

void connection_make_room(struct connection *connection)
{
    struct buffer *in = &connection->in;

    if (buffer_room(in) == 0)
        buffer_compact(in);
    if (buffer_room(in) == 0)
        buffer_force_upgrade(connection->blocks, in);
}

void connection_close(struct connection *connection)
{
    io_close(&connection->io);
    buffer_release(connection->blocks, &connection->in);
}
