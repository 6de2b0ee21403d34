// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/gzip.h"

#include "conf/memory.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <zlib.h>

enum { WINDOW_BITS = 15 + 16 /* a gzip file, not zlib's own */, MEMORY_LEVEL = 8 };
enum { ROOM = 64 << 10 };

struct gzip {
    z_stream stream;
};

struct gzip *gzip_create(int level)
{
    struct gzip *gzip = memory_alloc(sizeof(*gzip));
    int result = deflateInit2(&gzip->stream, level, Z_DEFLATED, WINDOW_BITS, MEMORY_LEVEL,
                              Z_DEFAULT_STRATEGY);

    assert(result == Z_OK); /* else memory has run out */
    return gzip;
}

void gzip_destroy(struct gzip **gzip)
{
    if (*gzip == NULL)
        return;
    deflateEnd(&(*gzip)->stream);
    free(*gzip);
    *gzip = NULL;
}

static bool compress_more(struct gzip *gzip, int flush, struct text *out, struct error *err)
{
    z_stream *stream = &gzip->stream;
    int result;

    do {
        stream->next_out = (Bytef *)text_reserve(out, ROOM);
        stream->avail_out = ROOM;
        result = deflate(stream, flush);
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR)
            return error_set(err, ERROR_IO, "the reply cannot be compressed: zlib says %d", result);
        out->size += ROOM - stream->avail_out;
    } while (stream->avail_out == 0 || stream->avail_in > 0);
    return true;
}

bool gzip_put(struct gzip *gzip, struct slice bytes, struct text *out, struct error *err)
{
    assert(bytes.size <= UINT_MAX); /* a block, or less */
    gzip->stream.next_in = (z_const Bytef *)bytes.data;
    gzip->stream.avail_in = (uInt)bytes.size;
    return bytes.size == 0 || compress_more(gzip, Z_NO_FLUSH, out, err);
}

bool gzip_end(struct gzip *gzip, struct text *out, struct error *err)
{
    return compress_more(gzip, Z_FINISH, out, err);
}
