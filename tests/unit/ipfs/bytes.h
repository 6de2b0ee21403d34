// SPDX-License-Identifier: Apache-2.0
/* Bytes written in hex, for tables of test input. */
#ifndef TESTS_UNIT_IPFS_BYTES_H
#define TESTS_UNIT_IPFS_BYTES_H

#include "conf/text.h"

#include <ctype.h>
#include <stdlib.h>

static inline unsigned bytes_digit(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : tolower(c) - 'a' + 10);
}

/* "0a 00" -> the two bytes, appended. Spaces are skipped. */
static inline void bytes_put_hex(struct text *out, const char *hex)
{
    for (; *hex != '\0'; hex++) {
        if (*hex == ' ')
            continue;
        text_put_char(out, (char)(bytes_digit(hex[0]) << 4 | bytes_digit(hex[1])));
        hex++;
    }
}

static inline struct text bytes_from_hex(const char *hex)
{
    struct text out = {0};

    text_reserve(&out, 1);
    bytes_put_hex(&out, hex);
    return out;
}

static inline struct text bytes_to_hex(struct slice bytes)
{
    struct text out = {0};

    text_reserve(&out, 1)[0] = '\0';
    for (size_t i = 0; i < bytes.size; i++)
        text_put_format(&out, "%02x", (unsigned char)bytes.data[i]);
    return out;
}

#endif
