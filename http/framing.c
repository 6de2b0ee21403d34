// SPDX-License-Identifier: Apache-2.0
#include "http/framing.h"

#include <assert.h>

enum step {
    STEP_SIZE,
    STEP_EXTENSION,
    STEP_SIZE_LF,
    STEP_DATA,
    STEP_DATA_CR,
    STEP_DATA_LF,
    STEP_TRAILER,
    STEP_TRAILER_LF,
};

enum {
    SIZE_DIGITS = 15, /* more would not fit a file offset */
    MERGE_SIZE = 4096 /* content up to this size is moved next to what stands before it */
};

void decoder_init(struct decoder *decoder, enum body_framing kind, uint64_t length,
                  const struct framing_limits *limits)
{
    *decoder = (struct decoder){
        .kind = kind,
        .left = kind == FRAMING_LENGTH ? length : 0,
        .is_done = kind == FRAMING_NONE || (kind == FRAMING_LENGTH && length == 0),
        .limits = *limits,
    };
}

void decoder_dispose(struct decoder *decoder)
{
    if (decoder->trailers.data != NULL)
        text_dispose(&decoder->trailers);
    if (decoder->line.data != NULL)
        text_dispose(&decoder->line);
}

static enum decode_result bad(struct decoder *decoder, const char *text)
{
    decoder->fault = text;
    return DECODE_BAD;
}

/* ---- trailers */

static bool is_field_value(struct slice s)
{
    for (size_t i = 0; i < s.size; i++) {
        unsigned char c = (unsigned char)s.data[i];

        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

/* A trailer line is complete in decoder->line. An empty one ends the body. */
static enum decode_result take_trailer_line(struct decoder *decoder)
{
    struct slice line = text_slice(&decoder->line);
    const char *colon;
    struct slice name;

    if (line.size == 0) {
        decoder->is_done = true;
        return DECODE_DONE;
    }
    colon = memchr(line.data, ':', line.size);
    if (colon == NULL)
        return bad(decoder, "a trailer line is not a header");
    name = (struct slice){line.data, (size_t)(colon - line.data)};
    if (!head_is_token(name) || !is_field_value(line))
        return bad(decoder, "a trailer line is not a header");
    if (!head_is_forbidden_trailer(name) &&
        (decoder->passes_trailer == NULL || decoder->passes_trailer(name))) {
        text_put_slice(&decoder->trailers, line);
        text_put_text(&decoder->trailers, "\r\n");
    }
    text_clear(&decoder->line);
    return DECODE_MORE;
}

static enum decode_result read_trailer_byte(struct decoder *decoder, char c)
{
    if (c == '\n')
        return bad(decoder, "a trailer line does not end with CR LF");
    if (c == '\r') {
        decoder->step = STEP_TRAILER_LF;
        return DECODE_MORE;
    }
    if (++decoder->trailer > decoder->limits.trailer_size)
        return bad(decoder, "the trailers are larger than is allowed");
    text_put_char(&decoder->line, c);
    return DECODE_MORE;
}

/* ---- chunk framing, byte by byte */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
        return (c | 0x20) - 'a' + 10;
    return -1;
}

static enum decode_result read_size_byte(struct decoder *decoder, char c)
{
    int digit = hex_digit(c);

    if (digit >= 0) {
        if (++decoder->digits > SIZE_DIGITS)
            return bad(decoder, "a chunk size has too many digits");
        decoder->left = decoder->left << 4 | (unsigned int)digit;
        return DECODE_MORE;
    }
    if (decoder->digits == 0 || (c != '\r' && c != ';'))
        return bad(decoder, "a chunk size is not a plain hexadecimal number");
    decoder->step = c == '\r' ? STEP_SIZE_LF : STEP_EXTENSION;
    decoder->extension = 0;
    return DECODE_MORE;
}

static enum decode_result read_extension_byte(struct decoder *decoder, char c)
{
    if (c == '\r') {
        decoder->step = STEP_SIZE_LF;
        return DECODE_MORE;
    }
    if (((unsigned char)c < ' ' && c != '\t') || c == 0x7f)
        return bad(decoder, "a chunk extension has a control character");
    if (++decoder->extension > decoder->limits.extension_size)
        return bad(decoder, "a chunk extension is larger than is allowed");
    return DECODE_MORE;
}

static enum decode_result expect(struct decoder *decoder, char c, char wanted, enum step next,
                                 const char *text)
{
    if (c != wanted)
        return bad(decoder, text);
    decoder->step = (uint8_t)next;
    return DECODE_MORE;
}

static enum decode_result read_framing_byte(struct decoder *decoder, char c)
{
    switch ((enum step)decoder->step) {
    case STEP_SIZE:
        return read_size_byte(decoder, c);
    case STEP_EXTENSION:
        return read_extension_byte(decoder, c);
    case STEP_SIZE_LF:
        decoder->digits = 0;
        return expect(decoder, c, '\n', decoder->left > 0 ? STEP_DATA : STEP_TRAILER,
                      "a chunk size line does not end with CR LF");
    case STEP_DATA_CR:
        return expect(decoder, c, '\r', STEP_DATA_LF, "a chunk is longer than its size");
    case STEP_DATA_LF:
        return expect(decoder, c, '\n', STEP_SIZE, "a chunk does not end with CR LF");
    case STEP_TRAILER:
        return read_trailer_byte(decoder, c);
    case STEP_TRAILER_LF:
        decoder->step = STEP_TRAILER;
        return c == '\n' ? take_trailer_line(decoder)
                         : bad(decoder, "a trailer line does not end with CR LF");
    case STEP_DATA:
        break;
    }
    assert(!"data is not read byte by byte");
    return DECODE_BAD;
}

/* ---- content */

/* Adds [data, size) to content: moved next to the last vector when small, as a vector of its own
 * otherwise. false: content is full. */
static bool add_content(struct iovec *content, int *count, int room, char *data, size_t size)
{
    struct iovec *last = *count > 0 ? &content[*count - 1] : NULL;

    if (last != NULL && (char *)last->iov_base + last->iov_len == data) {
        last->iov_len += size;
        return true;
    }
    if (last != NULL && size <= MERGE_SIZE) {
        memmove((char *)last->iov_base + last->iov_len, data, size);
        last->iov_len += size;
        return true;
    }
    if (*count == room)
        return false;
    content[(*count)++] = (struct iovec){.iov_base = data, .iov_len = size};
    return true;
}

static enum decode_result read_chunked(struct decoder *decoder, char *data, size_t size,
                                       size_t *used, struct iovec *content, int *count, int room)
{
    enum decode_result result = DECODE_MORE;
    size_t i = 0;

    while (i < size && result == DECODE_MORE) {
        size_t part;

        if (decoder->step != STEP_DATA) {
            result = read_framing_byte(decoder, data[i++]);
            continue;
        }
        part = size - i < decoder->left ? size - i : (size_t)decoder->left;
        if (!add_content(content, count, room, data + i, part))
            break;
        i += part;
        decoder->left -= part;
        if (decoder->left == 0)
            decoder->step = STEP_DATA_CR;
    }
    *used = i;
    return result;
}

enum decode_result decoder_read(struct decoder *decoder, char *data, size_t size, size_t *used,
                                struct iovec *content, int *count)
{
    int room = *count;

    *count = 0;
    *used = 0;
    if (decoder->is_done)
        return DECODE_DONE;
    if (decoder->kind == FRAMING_CHUNKED)
        return read_chunked(decoder, data, size, used, content, count, room);
    if (decoder->kind == FRAMING_LENGTH && size > decoder->left)
        size = (size_t)decoder->left;
    if (size > 0)
        add_content(content, count, room, data, size);
    *used = size;
    if (decoder->kind == FRAMING_LENGTH)
        decoder_skip(decoder, size);
    return decoder->is_done ? DECODE_DONE : DECODE_MORE;
}

void decoder_skip(struct decoder *decoder, uint64_t size)
{
    assert(decoder->kind == FRAMING_LENGTH && size <= decoder->left);
    decoder->left -= size;
    if (decoder->left == 0)
        decoder->is_done = true;
}

bool decoder_finish(struct decoder *decoder)
{
    if (decoder->kind == FRAMING_UNTIL_CLOSE)
        decoder->is_done = true;
    return decoder->is_done;
}

size_t framing_chunk_line(char *line, uint64_t size)
{
    static const char digits[] = "0123456789abcdef";
    char reversed[16];
    size_t count = 0;

    assert(size > 0);
    for (; size > 0; size >>= 4)
        reversed[count++] = digits[size & 15];
    for (size_t i = 0; i < count; i++)
        line[i] = reversed[count - 1 - i];
    line[count] = '\r';
    line[count + 1] = '\n';
    return count + 2;
}
