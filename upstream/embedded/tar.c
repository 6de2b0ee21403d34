// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/tar.h"

#include <stdio.h>

struct field {
    size_t at, size;
};

static const struct field NAME = {0, 100}, MODE = {100, 8}, UID = {108, 8}, GID = {116, 8},
                          SIZE = {124, 12}, MTIME = {136, 12}, CHECKSUM = {148, 8}, TYPE = {156, 1},
                          TARGET = {157, 100}, MAGIC = {257, 8}, DEVMAJOR = {329, 8},
                          DEVMINOR = {337, 8}, PREFIX = {345, 155};

enum { PAX_TYPE = 'x' };

/* ---- what fits where */

static bool is_ascii(struct slice s)
{
    for (size_t i = 0; i < s.size; i++)
        if ((unsigned char)s.data[i] >= 0x80 || s.data[i] == '\0')
            return false;
    return true;
}

static bool is_octal(const struct field *field, int64_t value)
{
    return value >= 0 && (uint64_t)value < UINT64_C(1) << 3 * (field->size - 1);
}

/* The last slash in the first so many bytes; 0: none, or only the first byte. */
static size_t last_slash(struct slice name, size_t end)
{
    while (end > 0 && name.data[end - 1] != '/')
        end--;
    return end > 0 ? end - 1 : 0;
}

/* A long name in two: USTAR's prefix and the rest behind the slash. */
static bool split_name(struct slice name, struct slice *prefix, struct slice *rest)
{
    size_t end = name.size, slash;

    if (name.size <= NAME.size || !is_ascii(name))
        return false;
    if (end > PREFIX.size + 1)
        end = PREFIX.size + 1;
    else if (name.data[end - 1] == '/')
        end--;
    slash = last_slash(name, end);
    *prefix = (struct slice){name.data, slash};
    *rest = (struct slice){name.data + slash + 1, name.size - slash - 1};
    return slash > 0 && rest->size > 0 && rest->size <= NAME.size && slash <= PREFIX.size;
}

static bool is_plain(struct slice s, const struct field *field)
{
    return s.size <= field->size && is_ascii(s);
}

/* ---- one block */

/* Fields are zeros where nothing is put. */
static void put_field(char *block, const struct field *field, struct slice s)
{
    size_t size = s.size < field->size ? s.size : field->size;

    if (size > 0)
        memcpy(block + field->at, s.data, size);
    /* some readers take a name that is cut behind a slash for a directory's */
    while (s.size > field->size && size > 0 && block[field->at + size - 1] == '/')
        block[field->at + --size] = '\0';
}

static void put_octal(char *block, const struct field *field, int64_t value)
{
    char digits[24];

    if (!is_octal(field, value))
        value = 0;
    snprintf(digits, sizeof(digits), "%0*llo", (int)field->size - 1, (unsigned long long)value);
    put_field(block, field, slice_of(digits));
}

static void put_checksum(char *block)
{
    char digits[8];
    unsigned sum = 0;

    memset(block + CHECKSUM.at, ' ', CHECKSUM.size);
    for (size_t i = 0; i < TAR_BLOCK; i++)
        sum += (unsigned char)block[i];
    snprintf(digits, sizeof(digits), "%06o", sum);
    memcpy(block + CHECKSUM.at, digits, 7); /* and its zero; the last byte stays a blank */
}

static void put_block(struct text *out, char *block, char type)
{
    block[TYPE.at] = type;
    memcpy(block + MAGIC.at,
           "ustar\0"
           "00",
           MAGIC.size);
    put_checksum(block);
    text_put(out, block, TAR_BLOCK);
}

/* ---- PAX */

/* Without what PAX's fallback fields cannot have. */
static void put_ascii(struct text *out, struct slice s)
{
    for (size_t i = 0; i < s.size; i++)
        if ((unsigned char)s.data[i] < 0x80 && s.data[i] != '\0')
            text_put_char(out, s.data[i]);
}

static size_t digits_of(size_t number)
{
    size_t digits = 1;

    while (number >= 10) {
        number /= 10;
        digits++;
    }
    return digits;
}

static void put_record(struct text *records, const char *key, struct slice value)
{
    size_t rest = strlen(key) + value.size + 3; /* a blank, "=", a line feed */
    size_t size = rest + digits_of(rest);       /* the size counts its own digits */

    text_put_format(records, "%zu %s=", rest + digits_of(size), key);
    text_put_slice(records, value);
    text_put_char(records, '\n');
}

static void put_time(struct text *records, int64_t seconds, uint32_t nanos)
{
    char text[48];
    size_t size;
    const char *sign = "";

    if (nanos > 0 && seconds < 0) {
        sign = "-";
        seconds = -(seconds + 1);
        nanos = 1000000000 - nanos;
    }
    size = (size_t)snprintf(text, sizeof(text), "%s%lld", sign, (long long)seconds);
    if (nanos > 0) {
        size += (size_t)snprintf(text + size, sizeof(text) - size, ".%09u", nanos);
        while (text[size - 1] == '0')
            size--;
    }
    put_record(records, "mtime", (struct slice){text, size});
}

/* In the order of keys. */
static void put_records(struct text *records, const struct tar_entry *entry)
{
    char digits[24];

    if (!is_plain(entry->target, &TARGET))
        put_record(records, "linkpath", entry->target);
    if (entry->mtime_ns > 0 || !is_octal(&MTIME, entry->mtime_s))
        put_time(records, entry->mtime_s, entry->mtime_ns);
    if (!is_plain(entry->name, &NAME))
        put_record(records, "path", entry->name);
    if (!is_octal(&SIZE, (int64_t)entry->size)) {
        snprintf(digits, sizeof(digits), "%llu", (unsigned long long)entry->size);
        put_record(records, "size", slice_of(digits));
    }
}

/* "a/b" becomes "a/PaxHeaders.0/b". */
static void put_pax_name(struct text *out, struct slice name)
{
    size_t slash = last_slash(name, name.size);
    bool has_slash = slash > 0 || (name.size > 0 && name.data[0] == '/');
    size_t rest = has_slash ? slash + 1 : 0;
    struct text whole = {0};

    text_put(&whole, name.data, rest);
    text_put_text(&whole, "PaxHeaders.0/");
    text_put(&whole, name.data + rest, name.size - rest);
    put_ascii(out, text_slice(&whole));
    text_dispose(&whole);
    if (out->size > NAME.size)
        out->size = NAME.size;
    while (out->size > 0 && out->data[out->size - 1] == '/')
        out->size--;
}

static void put_pax(struct text *out, const struct text *records, struct slice entry_name)
{
    char block[TAR_BLOCK] = {0};
    struct text name = {0};

    put_pax_name(&name, entry_name);
    put_field(block, &NAME, text_slice(&name));
    put_octal(block, &MODE, 0);
    put_octal(block, &UID, 0);
    put_octal(block, &GID, 0);
    put_octal(block, &SIZE, (int64_t)records->size);
    put_octal(block, &MTIME, 0);
    put_block(out, block, PAX_TYPE);
    text_put_slice(out, text_slice(records));
    tar_put_padding(out, records->size);
    text_dispose(&name);
}

/* ---- */

static bool has_zero(struct slice s)
{
    return s.size > 0 && memchr(s.data, '\0', s.size) != NULL;
}

/* prefix: USTAR's, or nothing. */
static void put_main(struct text *out, const struct tar_entry *entry, struct slice prefix,
                     struct slice name)
{
    char block[TAR_BLOCK] = {0};
    struct text plain = {0}, target = {0};

    put_ascii(&plain, name);
    put_ascii(&target, entry->target);
    put_field(block, &NAME, text_slice(&plain));
    put_field(block, &TARGET, text_slice(&target));
    put_octal(block, &MODE, entry->mode);
    put_octal(block, &UID, 0);
    put_octal(block, &GID, 0);
    put_octal(block, &SIZE, (int64_t)entry->size);
    put_octal(block, &MTIME, entry->mtime_s);
    put_octal(block, &DEVMAJOR, 0);
    put_octal(block, &DEVMINOR, 0);
    put_field(block, &PREFIX, prefix);
    put_block(out, block, (char)entry->type);
    text_dispose(&plain);
    text_dispose(&target);
}

static bool fits_ustar(const struct tar_entry *entry, bool is_split)
{
    return (is_split || is_plain(entry->name, &NAME)) && is_plain(entry->target, &TARGET) &&
           is_octal(&SIZE, (int64_t)entry->size) && entry->mtime_ns == 0 &&
           is_octal(&MTIME, entry->mtime_s);
}

bool tar_put_header(struct text *out, const struct tar_entry *entry, struct error *err)
{
    struct slice prefix = {"", 0}, rest = entry->name;
    bool is_split = split_name(entry->name, &prefix, &rest);
    struct text records = {0};

    if (has_zero(entry->name) || has_zero(entry->target))
        return error_set(err, ERROR_UNSUPPORTED,
                         "archive/tar: cannot encode header: invalid PAX record: a name has a "
                         "zero byte");
    if (entry->name.size + entry->target.size > TAR_NAMES_MAX)
        return error_set(err, ERROR_UNSUPPORTED, "archive/tar: header field too long");
    if (fits_ustar(entry, is_split)) {
        put_main(out, entry, is_split ? prefix : (struct slice){"", 0},
                 is_split ? rest : entry->name);
        return true;
    }
    put_records(&records, entry);
    put_pax(out, &records, entry->name);
    put_main(out, entry, (struct slice){"", 0}, entry->name);
    text_dispose(&records);
    return true;
}

static void put_zeros(struct text *out, size_t size)
{
    memset(text_reserve(out, size), 0, size);
    out->size += size;
}

void tar_put_padding(struct text *out, uint64_t size)
{
    size_t behind = (size_t)(size % TAR_BLOCK);

    if (behind > 0)
        put_zeros(out, TAR_BLOCK - behind);
}

void tar_put_end(struct text *out)
{
    put_zeros(out, (size_t)2 * TAR_BLOCK);
}
