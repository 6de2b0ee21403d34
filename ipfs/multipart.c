// SPDX-License-Identifier: Apache-2.0
#include "ipfs/multipart.h"

#include "ipfs/media_type.h"
#include "ipfs/multipart_head.h"

#include <assert.h>

/* Where the next byte stands. */
enum state {
    STATE_START,     /* before the first delimiter */
    STATE_DELIMITER, /* right behind a delimiter's boundary */
    STATE_DASH,      /* behind one dash after it */
    STATE_LINE_END,  /* between the CR and the LF after it */
    STATE_HEAD,      /* in the head of a part */
    STATE_DATA,      /* in the body of a part */
    STATE_ENDING,    /* behind the last delimiter, which is yet to be told */
    STATE_LAST,      /* behind the last delimiter */
    STATE_LAST_LF,   /* between the CR and the LF after it */
    STATE_EPILOGUE,  /* whatever comes */
    STATE_BAD,
};

bool multipart_is(struct slice content_type)
{
    const char *end =
        content_type.size == 0 ? NULL : memchr(content_type.data, ';', content_type.size);
    struct slice type = content_type;

    if (end != NULL)
        type.size = (size_t)(end - type.data);
    while (type.size > 0 && (type.data[0] == ' ' || type.data[0] == '\t'))
        type = (struct slice){type.data + 1, type.size - 1};
    while (type.size > 0 && (type.data[type.size - 1] == ' ' || type.data[type.size - 1] == '\t'))
        type.size--;
    return slice_equal_caseless(type, SLICE("multipart/form-data"));
}

static bool is_boundary(struct slice s)
{
    for (size_t i = 0; i < s.size; i++) {
        char c = s.data[i];

        if ((c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') &&
            (c == '\0' || strchr("'()+_,-./:=? ", c) == NULL))
            return false;
    }
    return s.size > 0 && s.size <= MULTIPART_BOUNDARY_MAX && s.data[s.size - 1] != ' ';
}

bool multipart_boundary(struct slice content_type, struct text *out, struct error *err)
{
    struct media_type media;

    if (!media_type_parse(&media, content_type, err))
        return false;
    if (!slice_equal_caseless(media.type, SLICE("multipart/form-data")))
        return error_set(err, ERROR_SYNTAX, "the body must be of type multipart/form-data");
    if (!media_type_parameter(&media, "boundary", out) || !is_boundary(text_slice(out)))
        return error_set(err, ERROR_SYNTAX,
                         "the Content-Type has no boundary of 1 to %d allowed characters",
                         MULTIPART_BOUNDARY_MAX);
    return true;
}

void multipart_init(struct multipart *multipart, struct slice boundary, uint64_t parts_max)
{
    assert(is_boundary(boundary));
    *multipart = (struct multipart){.parts_max = parts_max, .state = STATE_START};
    memcpy(multipart->delimiter, "\r\n--", 4);
    memcpy(multipart->delimiter + 4, boundary.data, boundary.size);
    multipart->delimiter_size = 4 + boundary.size;
    multipart->delimiter[multipart->delimiter_size] = '-';
    multipart->matched = multipart->held = 2; /* no CRLF is needed before the first */
}

void multipart_dispose(struct multipart *multipart)
{
    text_dispose(&multipart->head);
    text_dispose(&multipart->filename);
    text_dispose(&multipart->name);
    text_dispose(&multipart->type);
}

static enum multipart_step bad(struct multipart *m, const char *what)
{
    error_set(&m->error, ERROR_SYNTAX, "multipart body: %s", what);
    m->state = STATE_BAD;
    return MULTIPART_BAD;
}

static void drop(struct slice *input, size_t size)
{
    *input = (struct slice){input->data + size, input->size - size};
}

/* --- Delimiters --- */

/* Matches on with a delimiter that was begun. False: it is none after all. */
static bool match_on(struct multipart *m, struct slice *input)
{
    size_t wanted = m->delimiter_size - m->matched;
    size_t size = input->size < wanted ? input->size : wanted;
    size_t same = 0;

    while (same < size && input->data[same] == m->delimiter[m->matched + same])
        same++;
    m->matched += same;
    drop(input, same);
    return same == size;
}

/* Nothing but a delimiter may stand at the start, perhaps behind a CRLF. */
static enum multipart_step step_start(struct multipart *m, struct slice *input)
{
    if (m->matched == m->held && input->data[0] == '\r')
        m->matched = m->held = 0;
    if (!match_on(m, input))
        return bad(m, "does not begin with its boundary");
    if (m->matched == m->delimiter_size)
        m->state = STATE_DELIMITER;
    return MULTIPART_MORE;
}

/* What looked like a delimiter was data: tells those bytes of it that were input. */
static enum multipart_step give_back(struct multipart *m, size_t extra, struct slice *data)
{
    *data = (struct slice){m->delimiter + m->held, m->matched + extra - m->held};
    m->matched = m->held = 0;
    m->state = STATE_DATA;
    return data->size > 0 ? MULTIPART_DATA : MULTIPART_MORE;
}

/* Sets the next state, and tells the end of the part that the delimiter ended. */
static enum multipart_step leave_part(struct multipart *m, enum state next)
{
    bool was_in_part = m->in_part;

    m->state = next;
    m->in_part = false;
    return was_in_part ? MULTIPART_PART_END : MULTIPART_MORE;
}

static enum multipart_step step_delimiter(struct multipart *m, struct slice *input,
                                          struct slice *data)
{
    char c = input->data[0];

    if (c == ' ' || c == '\t' || c == '\n')
        return bad(m, "a delimiter must be followed by CRLF");
    if (c == '\r' || c == '-') {
        drop(input, 1);
        m->state = c == '-' ? STATE_DASH : STATE_LINE_END;
        return MULTIPART_MORE;
    }
    return m->in_part ? give_back(m, 0, data) : bad(m, "does not begin with its boundary");
}

static enum multipart_step step_dash(struct multipart *m, struct slice *input, struct slice *data)
{
    if (input->data[0] == '-') {
        drop(input, 1);
        return leave_part(m, STATE_ENDING);
    }
    return m->in_part ? give_back(m, 1, data) : bad(m, "does not begin with its boundary");
}

static enum multipart_step step_line_end(struct multipart *m, struct slice *input)
{
    if (input->data[0] != '\n')
        return bad(m, "a delimiter must be followed by CRLF");
    drop(input, 1);
    text_clear(&m->head);
    m->line = 0;
    return leave_part(m, STATE_HEAD);
}

/* --- Heads and data --- */

static enum multipart_step end_head(struct multipart *m)
{
    if (m->parts_max > 0 && m->parts >= m->parts_max)
        return bad(m, "has too many parts");
    if (!multipart_head_parse(m, &m->error)) {
        m->state = STATE_BAD;
        error_prefix(&m->error, "multipart body");
        return MULTIPART_BAD;
    }
    m->parts++;
    m->in_part = true;
    m->state = STATE_DATA;
    m->matched = m->held = 2; /* an empty body needs no CRLF of its own before the delimiter */
    return MULTIPART_PART;
}

static enum multipart_step step_head(struct multipart *m, struct slice *input)
{
    const char *end = memchr(input->data, '\n', input->size);
    size_t size = end == NULL ? input->size : (size_t)(end - input->data) + 1;
    struct slice line;

    if (m->head.size + size > MULTIPART_HEAD_MAX)
        return bad(m, "the head of a part is too long");
    text_put(&m->head, input->data, size);
    drop(input, size);
    if (end == NULL)
        return MULTIPART_MORE;
    line = (struct slice){m->head.data + m->line, m->head.size - m->line};
    m->line = m->head.size;
    if (line.size < 2 || line.data[line.size - 2] != '\r')
        return bad(m, "lines must end in CRLF");
    return line.size == 2 ? end_head(m) : MULTIPART_MORE;
}

/* How much of the input is data for sure: up to a delimiter, or to what may be the start of one. */
static size_t measure_data(const struct multipart *m, struct slice input)
{
    const char *p = input.data;
    const char *end = input.data + input.size;

    while ((p = memchr(p, '\r', (size_t)(end - p))) != NULL) {
        size_t left = (size_t)(end - p);

        if (memcmp(p, m->delimiter, left < m->delimiter_size ? left : m->delimiter_size) == 0)
            return (size_t)(p - input.data);
        p++;
    }
    return input.size;
}

static enum multipart_step step_data(struct multipart *m, struct slice *input, struct slice *data)
{
    size_t size;

    if (m->matched == 0) {
        size = measure_data(m, *input);
        if (size > 0) {
            *data = (struct slice){input->data, size};
            drop(input, size);
            return MULTIPART_DATA;
        }
    }
    if (!match_on(m, input))
        return give_back(m, 0, data);
    if (m->matched == m->delimiter_size)
        m->state = STATE_DELIMITER;
    return MULTIPART_MORE;
}

/* --- The end --- */

static enum multipart_step step_last(struct multipart *m, struct slice *input)
{
    char wanted = m->state == STATE_LAST ? '\r' : '\n';

    if (input->data[0] != wanted)
        return bad(m, "the last delimiter must be followed by CRLF or nothing");
    drop(input, 1);
    m->state = m->state == STATE_LAST ? STATE_LAST_LF : STATE_EPILOGUE;
    return MULTIPART_MORE;
}

static enum multipart_step step(struct multipart *m, struct slice *input, struct slice *data)
{
    switch ((enum state)m->state) {
    case STATE_START:
        return step_start(m, input);
    case STATE_DELIMITER:
        return step_delimiter(m, input, data);
    case STATE_DASH:
        return step_dash(m, input, data);
    case STATE_LINE_END:
        return step_line_end(m, input);
    case STATE_HEAD:
        return step_head(m, input);
    case STATE_DATA:
        return step_data(m, input, data);
    case STATE_LAST:
    case STATE_LAST_LF:
        return step_last(m, input);
    case STATE_EPILOGUE:
        drop(input, input->size);
        return MULTIPART_MORE;
    case STATE_ENDING:
    case STATE_BAD:
        break; /* told before any input is looked at */
    }
    return MULTIPART_BAD;
}

enum multipart_step multipart_next(struct multipart *multipart, struct slice *input,
                                   struct slice *data, struct error *err)
{
    enum multipart_step told = MULTIPART_MORE;

    *data = (struct slice){NULL, 0};
    if (multipart->state == STATE_ENDING) {
        multipart->state = STATE_LAST;
        return MULTIPART_END;
    }
    while (told == MULTIPART_MORE && input->size > 0 && multipart->state != STATE_ENDING)
        told = step(multipart, input, data);
    if (told == MULTIPART_MORE && multipart->state == STATE_ENDING) {
        multipart->state = STATE_LAST; /* a body without parts */
        return MULTIPART_END;
    }
    if (told == MULTIPART_BAD)
        error_copy(err, &multipart->error);
    return told;
}

bool multipart_finish(const struct multipart *multipart, struct error *err)
{
    switch ((enum state)multipart->state) {
    case STATE_ENDING:
    case STATE_LAST:
    case STATE_EPILOGUE:
        return true;
    case STATE_BAD:
        return error_copy(err, &multipart->error);
    default:
        return error_set(err, ERROR_SYNTAX, "multipart body: ends before its last delimiter");
    }
}
