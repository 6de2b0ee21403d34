// SPDX-License-Identifier: Apache-2.0
/* Bytes: a borrowed slice, and a text that grows. Any thread, one at a time. */
#ifndef CONF_TEXT_H
#define CONF_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Borrowed bytes; not NUL-terminated. {NULL, 0} is "none". */
struct slice {
    const char *data;
    size_t size;
};

#define SLICE(literal)    ((struct slice){(literal), sizeof(literal) - 1})
#define SLICE_ARGS(s)     (int)(s).size, (s).data /* for "%.*s" */
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define CONTAINER_OF(pointer, type, member)                                                        \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

static inline struct slice slice_of(const char *text)
{
    return (struct slice){text, strlen(text)};
}

static inline bool slice_is(struct slice s, const char *text)
{
    size_t size = strlen(text);

    return s.size == size && (size == 0 || memcmp(s.data, text, size) == 0);
}

bool slice_equal(struct slice a, struct slice b);
/* ASCII letters compare without case. */
bool slice_equal_caseless(struct slice a, struct slice b);
bool slice_starts(struct slice s, const char *prefix);
/* Well-formed UTF-8: no overlong forms, no surrogates. */
bool slice_is_utf8(struct slice s);

/* Length of the well-formed UTF-8 sequence at the start, or 0. Overlong forms, surrogates and what
 * lies beyond U+10FFFF are not well formed (RFC 3629). */
size_t utf8_length(struct slice s);

/* A growing buffer, always NUL-terminated once something was put in. {0} is empty and valid. */
struct text {
    char *data;
    size_t size;
    size_t capacity;
};

void text_dispose(struct text *text); /* frees; the text is empty and valid again */
void text_clear(struct text *text);   /* keeps the memory */
void text_put(struct text *text, const void *bytes, size_t size);
void text_put_text(struct text *text, const char *string);
void text_put_slice(struct text *text, struct slice s);
void text_put_char(struct text *text, char c);
void text_put_format(struct text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* In decimal; what text_put_format does, for who does it for every request. */
void text_put_number(struct text *text, uint64_t number);
/* The inside of a JSON string: quotes, controls and bytes that are not UTF-8 are escaped. */
void text_put_json(struct text *text, struct slice s);
/* Room for `size` more bytes; returns where they go. Follow with text->size += what was written. */
char *text_reserve(struct text *text, size_t size);

static inline struct slice text_slice(const struct text *text)
{
    return (struct slice){text->data, text->size};
}

#endif
