// SPDX-License-Identifier: Apache-2.0
#include "ipfs/multipart_head.h"

#include "ipfs/call_show.h"
#include "ipfs/media_type.h"

#include <assert.h>
#include <ctype.h>

/* The headers that mean something here, each of which may stand once. */
enum header {
    HEADER_DISPOSITION,
    HEADER_TYPE,
    HEADER_ENCODING,
    HEADER_ABSPATH,
    HEADER_ABSPATH_ENCODED,
    HEADER_COUNT
};

static const struct slice names[HEADER_COUNT] = {
    [HEADER_DISPOSITION] = {"content-disposition", 19},    [HEADER_TYPE] = {"content-type", 12},
    [HEADER_ENCODING] = {"content-transfer-encoding", 25}, [HEADER_ABSPATH] = {"abspath", 7},
    [HEADER_ABSPATH_ENCODED] = {"abspath-encoded", 15},
};

static struct slice trim(struct slice s)
{
    while (s.size > 0 && (s.data[0] == ' ' || s.data[0] == '\t'))
        s = (struct slice){s.data + 1, s.size - 1};
    while (s.size > 0 && (s.data[s.size - 1] == ' ' || s.data[s.size - 1] == '\t'))
        s.size--;
    return s;
}

static bool is_name(struct slice s)
{
    for (size_t i = 0; i < s.size; i++)
        if (!isalnum((unsigned char)s.data[i]) &&
            (s.data[i] == '\0' || strchr("!#$%&'*+-.^_`|~", s.data[i]) == NULL))
            return false;
    return s.size > 0;
}

static bool has_control(struct slice s)
{
    for (size_t i = 0; i < s.size; i++)
        if (((unsigned char)s.data[i] < ' ' && s.data[i] != '\t') || s.data[i] == 0x7f)
            return true;
    return false;
}

/* One line, without its CRLF. */
static bool read_line(struct slice line, struct slice values[HEADER_COUNT], struct error *err)
{
    const char *colon = memchr(line.data, ':', line.size);
    struct slice name = {line.data, colon == NULL ? 0 : (size_t)(colon - line.data)};
    struct slice value;

    if (colon == NULL || !is_name(name) || has_control(line))
        return error_set(err, ERROR_SYNTAX, "a header of a part is malformed: '%s'",
                         call_show(line).text);
    value = trim((struct slice){colon + 1, line.size - name.size - 1});
    for (size_t i = 0; i < HEADER_COUNT; i++) {
        if (!slice_equal_caseless(name, names[i]))
            continue;
        if (values[i].data != NULL)
            return error_set(err, ERROR_SYNTAX, "a part has the header '%s' twice", names[i].data);
        values[i] = value;
    }
    return true;
}

static bool read_lines(struct slice head, struct slice values[HEADER_COUNT], struct error *err)
{
    while (head.size > 2) { /* the last line is empty */
        const char *end = memchr(head.data, '\n', head.size);
        size_t size;

        assert(end != NULL);
        size = (size_t)(end - head.data) + 1;
        if (!read_line((struct slice){head.data, size - 2}, values, err))
            return false;
        head = (struct slice){head.data + size, head.size - size};
    }
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes %-escapes and `+`; a name with a bad escape is meant as it stands. */
static void unescape(struct text *name)
{
    char *to = name->data;

    for (size_t i = 0; i < name->size; i++)
        if (name->data[i] == '%' && (i + 2 >= name->size || hex_digit(name->data[i + 1]) < 0 ||
                                     hex_digit(name->data[i + 2]) < 0))
            return;
    for (size_t i = 0; i < name->size; i++) {
        char c = name->data[i];

        if (c == '%') {
            c = (char)(hex_digit(name->data[i + 1]) * 16 + hex_digit(name->data[i + 2]));
            i += 2;
        } else if (c == '+') {
            c = ' ';
        }
        *to++ = c;
    }
    name->size = (size_t)(to - name->data);
}

/* "a//./b/../c" becomes "/a/c": absolute, without empty, `.` and `..` segments. */
static void clean(struct slice name, struct text *out)
{
    text_clear(out);
    text_put_char(out, '/');
    while (name.size > 0) {
        const char *slash = memchr(name.data, '/', name.size);
        size_t size = slash == NULL ? name.size : (size_t)(slash - name.data);
        struct slice segment = {name.data, size};

        if (slash != NULL)
            size++;
        name = (struct slice){name.data + size, name.size - size};
        if (slice_is(segment, "..")) {
            while (out->size > 1 && out->data[out->size - 1] != '/')
                out->size--;
            if (out->size > 1)
                out->size--;
        } else if (segment.size > 0 && !slice_is(segment, ".")) {
            if (out->size > 1)
                text_put_char(out, '/');
            text_put_slice(out, segment);
        }
    }
}

/* The value of a name in a query such as "mode=0644&mtime=-5". False: it is not there. */
static bool find_value(struct slice query, const char *name, struct slice *value)
{
    size_t name_size = strlen(name);

    while (query.size > 0) {
        const char *end = memchr(query.data, '&', query.size);
        size_t size = end == NULL ? query.size : (size_t)(end - query.data);
        struct slice pair = {query.data, size};

        size += end != NULL;
        query = (struct slice){query.data + size, query.size - size};
        if (!slice_starts(pair, name) || pair.size <= name_size + 1 || pair.data[name_size] != '=')
            continue;
        *value = (struct slice){pair.data + name_size + 1, pair.size - name_size - 1};
        return true;
    }
    return false;
}

static bool read_number(struct slice value, unsigned base, int64_t *number)
{
    bool negative = value.data[0] == '-';

    *number = 0;
    for (size_t i = negative; i < value.size; i++)
        if (value.data[i] < '0' || value.data[i] >= (char)('0' + base) ||
            __builtin_mul_overflow(*number, (int64_t)base, number) ||
            __builtin_add_overflow(*number, (int64_t)(value.data[i] - '0'), number))
            return false;
    *number = negative ? -*number : *number;
    return value.size > negative;
}

/* The `mode` and `mtime` that clients put behind a `?` in the field's name. What has a `?` and no
 * mtime is of the year 1970 to Kubo. */
static void read_metadata(struct multipart_part *part)
{
    const char *mark = part->name.size == 0 ? NULL : memchr(part->name.data, '?', part->name.size);
    struct slice query, value;
    int64_t number = 0;

    if (mark == NULL)
        return;
    query = (struct slice){mark + 1, part->name.size - (size_t)(mark - part->name.data) - 1};
    if (find_value(query, "mode", &value) && read_number(value, 8, &number) && number >= 0 &&
        number <= UINT32_MAX) {
        part->has_mode = true;
        part->mode = (uint32_t)number;
    }
    number = 0;
    part->has_mtime = !find_value(query, "mtime", &value) || read_number(value, 10, &number);
    if (!part->has_mtime)
        return;
    part->mtime_seconds = number;
    if (find_value(query, "mtime-nsecs", &value) && read_number(value, 10, &number) &&
        number >= 0 && number < 1000000000)
        part->mtime_nanoseconds = (uint32_t)number;
}

static bool read_disposition(struct multipart *m, struct slice value, struct error *err)
{
    struct media_type media;

    if (value.data == NULL)
        return error_set(err, ERROR_SYNTAX, "a part has no Content-Disposition");
    if (!media_type_parse(&media, value, err))
        return false;
    if (slice_equal_caseless(media.type, SLICE("form-data")) &&
        media_type_parameter(&media, "name", &m->name))
        m->part.name = text_slice(&m->name);
    read_metadata(&m->part);
    if (media_type_parameter(&media, "filename", &m->type)) /* a text that is free for now */
        unescape(&m->type);
    else
        text_clear(&m->type);
    clean(text_slice(&m->type), &m->filename);
    m->part.filename = text_slice(&m->filename);
    return true;
}

static bool read_type(struct multipart *m, struct slice value, struct error *err)
{
    struct media_type media;

    if (value.size == 0)
        return true;
    if (!media_type_parse(&media, value, err))
        return false;
    text_clear(&m->type);
    for (size_t i = 0; i < media.type.size; i++)
        text_put_char(&m->type, (char)tolower((unsigned char)media.type.data[i]));
    m->part.type = text_slice(&m->type);
    if (slice_is(m->part.type, "application/x-directory") ||
        slice_is(m->part.type, "multipart/form-data"))
        m->part.kind = MULTIPART_DIRECTORY;
    else if (slice_is(m->part.type, "application/symlink"))
        m->part.kind = MULTIPART_SYMLINK;
    return true;
}

/* Go undoes quoted-printable on its own, and so would see other bytes than we do. */
static bool check_encoding(struct slice value, struct error *err)
{
    if (value.data == NULL || slice_equal_caseless(value, SLICE("binary")) ||
        slice_equal_caseless(value, SLICE("8bit")) || slice_equal_caseless(value, SLICE("7bit")))
        return true;
    return error_set(err, ERROR_UNSUPPORTED,
                     "a part has the Content-Transfer-Encoding '%s'; send binary",
                     call_show(value).text);
}

bool multipart_head_parse(struct multipart *multipart, struct error *err)
{
    struct slice values[HEADER_COUNT] = {{NULL, 0}};

    multipart->part = (struct multipart_part){.index = multipart->parts};
    if (!read_lines(text_slice(&multipart->head), values, err) ||
        !read_disposition(multipart, values[HEADER_DISPOSITION], err) ||
        !read_type(multipart, values[HEADER_TYPE], err) ||
        !check_encoding(values[HEADER_ENCODING], err))
        return false;
    multipart->part.has_abspath =
        values[HEADER_ABSPATH].size > 0 || values[HEADER_ABSPATH_ENCODED].size > 0;
    return true;
}
