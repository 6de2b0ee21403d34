// SPDX-License-Identifier: Apache-2.0
#include "conf/yaml_check.h"

#include "conf/yaml.h"

struct place {
    unsigned line, column;
};

static bool refuse(const char *name, struct place place, enum error_code code, struct error *err,
                   const char *what)
{
    return error_set(err, code, "%s:%u:%u: %s", name, place.line, place.column, what);
}

/* The code point of a well-formed sequence of this length. */
static uint32_t decode(const char *bytes, size_t length)
{
    static const unsigned char first_mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t point = (unsigned char)bytes[0] & first_mask[length];

    for (size_t i = 1; i < length; i++)
        point = point << 6 | ((unsigned char)bytes[i] & 0x3f);
    return point;
}

/* Why a character may not stand in a document, or NULL. */
static const char *why_not(uint32_t point, bool is_before_newline)
{
    if (point == '\r' && !is_before_newline)
        return "a carriage return without a newline is a line end that editors do not show";
    if ((point < 0x20 && point != '\t' && point != '\n' && point != '\r') ||
        (point >= 0x7f && point < 0xa0 && point != 0x85))
        return "a control character is not allowed; in a quoted text write it as an escape (\\x1b)";
    if (point == 0x85 || point == 0x2028 || point == 0x2029)
        return "U+0085, U+2028 and U+2029 are line ends that editors do not show";
    if ((point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069) ||
        point == 0x200e || point == 0x200f || point == 0x061c)
        return "a character that changes the direction of text makes the file read otherwise than "
               "it looks";
    if (point == 0xfeff || point == 0xfffe || point == 0xffff)
        return "U+FEFF, U+FFFE and U+FFFF are not allowed inside a document";
    return NULL;
}

bool yaml_check_source(const char *name, struct slice source, struct error *err)
{
    struct place place = {1, 1};
    size_t length;

    if (source.size > YAML_SIZE_MAX)
        return error_set(err, ERROR_LIMIT, "%s: larger than %d MiB", name,
                         YAML_SIZE_MAX / (1024 * 1024));
    for (size_t i = 0; i < source.size; i += length) {
        const char *why;
        char c = source.data[i];

        place.column += i > 0 && source.data[i - 1] != '\n';
        if (i > 0 && source.data[i - 1] == '\n')
            place = (struct place){place.line + 1, 1};
        length = 1;
        if (c >= 0x20 && c < 0x7f)
            continue;
        length = utf8_length((struct slice){source.data + i, source.size - i});
        if (length == 0)
            return refuse(name, place, ERROR_SYNTAX, err, "a byte that is not UTF-8");
        why = why_not(decode(source.data + i, length),
                      i + 1 < source.size && source.data[i + 1] == '\n');
        if (why != NULL)
            return refuse(name, place, ERROR_SYNTAX, err, why);
    }
    return true;
}

char yaml_cursor_byte(struct yaml_cursor *cursor, struct slice source, size_t character)
{
    if (character < cursor->character)
        *cursor = (struct yaml_cursor){0};
    while (cursor->character < character && cursor->byte < source.size) {
        do
            cursor->byte++;
        while (cursor->byte < source.size &&
               ((unsigned char)source.data[cursor->byte] & 0xc0) == 0x80);
        cursor->character++;
    }
    return cursor->byte < source.size ? source.data[cursor->byte] : '\0';
}
