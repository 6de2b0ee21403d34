// SPDX-License-Identifier: Apache-2.0
/* Arguments that come in a body: `ipfs pin ls -q | ipfs pin add`. */
#include "ipfs/call.h"
#include "ipfs/call_parts.h"
#include "ipfs/multipart.h"

#include <assert.h>

/* What stands in the one part, gathered into `lines`. */
static bool gather(struct multipart *view, struct slice body, struct text *lines, struct error *err)
{
    struct slice data;

    for (;;) {
        switch (multipart_next(view, &body, &data, err)) {
        case MULTIPART_PART:
            if (view->part.kind != MULTIPART_FILE)
                return error_set(err, ERROR_SYNTAX, "the body's part must be a file");
            break;
        case MULTIPART_DATA:
            text_put_slice(lines, data);
            break;
        case MULTIPART_PART_END:
        case MULTIPART_END:
            break;
        case MULTIPART_MORE:
            return multipart_finish(view, err);
        case MULTIPART_BAD:
            return false;
        }
    }
}

static bool read_body(struct slice body, struct slice content_type, struct text *lines,
                      struct error *err)
{
    struct text boundary = {0};
    struct multipart view;
    bool good = multipart_boundary(content_type, &boundary, err);

    if (good) {
        multipart_init(&view, text_slice(&boundary), 1);
        good = gather(&view, body, lines, err);
        multipart_dispose(&view);
    }
    text_dispose(&boundary);
    return good;
}

/* Whether the line can be printed again and read back as itself. */
static bool check_line(struct slice line, struct error *err)
{
    if (memchr(line.data, '\r', line.size) != NULL)
        return error_set(err, ERROR_SYNTAX, "an argument in the body holds a carriage return");
    if (memmem(line.data, line.size, CALL_BOUNDARY, sizeof(CALL_BOUNDARY) - 1) != NULL)
        return error_set(err, ERROR_SYNTAX, "an argument in the body holds a reserved word");
    return true;
}

static bool put_lines(struct call *call, struct slice lines, struct error *err)
{
    while (lines.size > 0) {
        const char *end = memchr(lines.data, '\n', lines.size);
        size_t size = end == NULL ? lines.size : (size_t)(end - lines.data);
        struct slice line = {lines.data, size};

        if (end != NULL && size > 0 && line.data[size - 1] == '\r')
            line.size--;
        size += end != NULL;
        lines = (struct slice){lines.data + size, lines.size - size};
        if (!check_line(line, err) || !call_put_argument(call, line, true, err))
            return false;
    }
    return true;
}

bool call_body_arguments(struct call *call, struct slice body, struct slice content_type,
                         struct error *err)
{
    struct text lines = {0};
    bool good;

    assert(call->wants_body);
    call->wants_body = false;
    good =
        body.size <= CALL_BODY_MAX_BYTES ||
        error_set(err, ERROR_LIMIT, "a body with arguments may have %d bytes", CALL_BODY_MAX_BYTES);
    good = good && read_body(body, content_type, &lines, err);
    if (good) {
        char *copy = arena_copy(&call->memory, lines.data, lines.size);

        good = put_lines(call, (struct slice){copy, lines.size}, err) && call_check(call, err);
    }
    text_dispose(&lines);
    if (!good && err != NULL && err->code != ERROR_UNSUPPORTED)
        error_prefix(err, "%s", call->command->path);
    return good;
}
