// SPDX-License-Identifier: Apache-2.0
/* A body decodes to the same content and trailers however it is cut, and its re-encoding decodes to
 * them again. The first byte says which framing, the second seeds the cuts. */
#include "http/framing.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct framing_limits limits = {.trailer_size = 256, .extension_size = 32};

struct outcome {
    enum decode_result result;
    struct text content, trailers;
    size_t used;
    const char *fault;
};

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* seed 0: in one piece. */
static void decode(struct outcome *outcome, enum body_framing kind, uint64_t length,
                   const char *data, size_t size, unsigned int seed)
{
    struct decoder decoder;

    *outcome = (struct outcome){.result = DECODE_MORE};
    decoder_init(&decoder, kind, length, &limits);
    while (outcome->used < size && outcome->result == DECODE_MORE) {
        size_t left = size - outcome->used, piece = left, at = 0;
        char *copy;

        if (seed != 0) {
            seed = seed * 1103515245 + 12345;
            piece = 1 + (seed >> 16) % (left < 40 ? left : 40);
        }
        copy = memcpy(malloc(piece), data + outcome->used, piece);
        while (at < piece && outcome->result == DECODE_MORE) {
            struct iovec content[4];
            int count = seed == 0 ? 4 : 1 + (int)(seed >> 8) % 4;
            size_t used;

            outcome->result = decoder_read(&decoder, copy + at, piece - at, &used, content, &count);
            check(used <= piece - at && (used > 0 || outcome->result != DECODE_MORE));
            for (int i = 0; i < count; i++) {
                check((char *)content[i].iov_base >= copy + at &&
                      (char *)content[i].iov_base + content[i].iov_len <= copy + at + used);
                text_put(&outcome->content, content[i].iov_base, content[i].iov_len);
            }
            at += used;
        }
        outcome->used += at;
        free(copy);
    }
    check((outcome->result == DECODE_DONE) ==
              (decoder.is_done && size > 0 && outcome->result != DECODE_BAD) ||
          outcome->used == 0);
    outcome->fault = decoder.fault;
    check((outcome->result == DECODE_BAD) == (outcome->fault != NULL));
    text_put_slice(&outcome->trailers, text_slice(&decoder.trailers));
    decoder_dispose(&decoder);
}

static void outcome_dispose(struct outcome *outcome)
{
    text_dispose(&outcome->content);
    text_dispose(&outcome->trailers);
}

static void check_same(const struct outcome *a, const struct outcome *b)
{
    check(a->result == b->result && a->fault == b->fault);
    check(slice_equal(text_slice(&a->content), text_slice(&b->content)));
    check(slice_equal(text_slice(&a->trailers), text_slice(&b->trailers)));
    check(a->result == DECODE_BAD || a->used == b->used);
}

/* As a half does it. */
static void check_reencoded(const struct outcome *first)
{
    struct text raw = {0};
    struct outcome second;
    size_t at = 0;

    while (at < first->content.size) {
        char line[FRAMING_CHUNK_LINE];
        size_t part = first->content.size - at < 1000 ? first->content.size - at : 1000;

        text_put(&raw, line, framing_chunk_line(line, part));
        text_put(&raw, first->content.data + at, part);
        text_put_text(&raw, "\r\n");
        at += part;
    }
    text_put_text(&raw, "0\r\n");
    text_put_slice(&raw, text_slice(&first->trailers));
    text_put_text(&raw, "\r\n");
    decode(&second, FRAMING_CHUNKED, 0, raw.data, raw.size, 0);
    check(second.result == DECODE_DONE && second.used == raw.size);
    check(slice_equal(text_slice(&first->content), text_slice(&second.content)));
    check(slice_equal(text_slice(&first->trailers), text_slice(&second.trailers)));
    outcome_dispose(&second);
    text_dispose(&raw);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum body_framing kinds[] = {FRAMING_CHUNKED, FRAMING_LENGTH, FRAMING_UNTIL_CLOSE};
    enum body_framing kind;
    struct outcome whole;

    if (size < 3)
        return 0;
    kind = kinds[data[0] % 3];
    decode(&whole, kind, data[0], (const char *)data + 2, size - 2, 0);
    for (unsigned int i = 0; i < 3; i++) {
        struct outcome cut;

        decode(&cut, kind, data[0], (const char *)data + 2, size - 2, (data[1] + 1U) * (i + 1));
        check_same(&whole, &cut);
        outcome_dispose(&cut);
    }
    if (whole.result == DECODE_DONE)
        check_reencoded(&whole);
    outcome_dispose(&whole);
    return 0;
}
