// SPDX-License-Identifier: Apache-2.0
#include "conf/text.h"

#include "conf/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

bool slice_equal(struct slice a, struct slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool slice_equal_caseless(struct slice a, struct slice b)
{
    return a.size == b.size && (a.size == 0 || strncasecmp(a.data, b.data, a.size) == 0);
}

bool slice_starts(struct slice s, const char *prefix)
{
    size_t size = strlen(prefix);

    return s.size >= size && memcmp(s.data, prefix, size) == 0;
}

void text_dispose(struct text *text)
{
    free(text->data);
    *text = (struct text){0};
}

void text_clear(struct text *text)
{
    text->size = 0;
    if (text->data != NULL)
        text->data[0] = '\0';
}

char *text_reserve(struct text *text, size_t size)
{
    size_t needed = text->size + size + 1;

    if (needed > text->capacity) {
        size_t capacity = text->capacity < 64 ? 64 : text->capacity;

        while (capacity < needed)
            capacity *= 2;
        text->data = memory_resize(text->data, capacity);
        text->capacity = capacity;
    }
    return text->data + text->size;
}

void text_put(struct text *text, const void *bytes, size_t size)
{
    char *end = text_reserve(text, size);

    if (size > 0)
        memcpy(end, bytes, size);
    end[size] = '\0';
    text->size += size;
}

void text_put_text(struct text *text, const char *string)
{
    text_put(text, string, strlen(string));
}

void text_put_slice(struct text *text, struct slice s)
{
    text_put(text, s.data, s.size);
}

void text_put_char(struct text *text, char c)
{
    text_put(text, &c, 1);
}

void text_put_number(struct text *text, uint64_t number)
{
    char digits[20];
    size_t first = sizeof(digits);

    do
        digits[--first] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    text_put(text, digits + first, sizeof(digits) - first);
}

void text_put_format(struct text *text, const char *format, ...)
{
    va_list args;
    int size;

    va_start(args, format);
    size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (size < 0)
        return;
    text_reserve(text, (size_t)size);
    va_start(args, format);
    vsnprintf(text->data + text->size, (size_t)size + 1, format, args);
    va_end(args);
    text->size += (size_t)size;
}

/* How many bytes a sequence has that begins with this byte; 0: none does. */
static size_t utf8_length_of_first(unsigned char first)
{
    if (first < 0x80)
        return 1;
    return first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
}

size_t utf8_length(struct slice s)
{
    const unsigned char *p = (const unsigned char *)s.data;
    size_t length = s.size == 0 ? 0 : utf8_length_of_first(p[0]);

    if (length == 0 || s.size < length)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f))
        return 0;
    if ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return length;
}

bool slice_is_utf8(struct slice s)
{
    while (s.size > 0) {
        size_t length = (unsigned char)s.data[0] < 0x80 ? 1 : utf8_length(s);

        if (length == 0)
            return false;
        s = (struct slice){s.data + length, s.size - length};
    }
    return true;
}

static void put_escaped(struct text *text, unsigned char c)
{
    switch (c) {
    case '"':
        text_put(text, "\\\"", 2);
        break;
    case '\\':
        text_put(text, "\\\\", 2);
        break;
    case '\n':
        text_put(text, "\\n", 2);
        break;
    default: /* a control, or a byte that is no UTF-8, shown as the Latin-1 character it would be */
        text_put_format(text, "\\u%04x", c);
    }
}

void text_put_json(struct text *text, struct slice s)
{
    size_t plain = 0; /* bytes from here on need no escape */

    for (size_t i = 0; i < s.size;) {
        unsigned char c = (unsigned char)s.data[i];
        bool is_ascii = c < 0x7f; /* nearly every byte: no need for a call */
        size_t length = is_ascii ? 1 : utf8_length((struct slice){s.data + i, s.size - i});

        if (length > 0 && c >= 0x20 && c != '"' && c != '\\' && c != 0x7f) {
            i += length;
            continue;
        }
        text_put(text, s.data + plain, i - plain);
        put_escaped(text, c);
        plain = ++i;
    }
    text_put(text, s.data + plain, s.size - plain);
}
