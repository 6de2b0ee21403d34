// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/import_body.h"

#include "upstream/embedded/task.h"

static bool begin(struct import_body *body, const struct task *task, struct error *err)
{
    struct text boundary = {0};
    bool ok = multipart_boundary(task->content_type, &boundary, err);

    if (ok)
        multipart_init(&body->multipart, text_slice(&boundary), 0);
    body->has_begun = ok;
    text_dispose(&boundary);
    return ok;
}

enum import_step import_body_next(struct import_body *body, struct task *task, struct slice *data,
                                  struct error *err)
{
    if (!body->has_begun && !begin(body, task, err))
        return IMPORT_BAD;
    switch (multipart_next(&body->multipart, &task->input, data, err)) {
    case MULTIPART_MORE:
        break;
    case MULTIPART_PART:
        return IMPORT_PART;
    case MULTIPART_DATA:
        return IMPORT_DATA;
    case MULTIPART_PART_END:
        return IMPORT_PART_END;
    case MULTIPART_END:
        return IMPORT_END;
    case MULTIPART_BAD:
        return IMPORT_BAD;
    }
    if (!task->is_input_whole)
        return IMPORT_MORE;
    error_set(err, ERROR_UNSUPPORTED, "multipart: NextPart: EOF");
    return IMPORT_BAD;
}

/* Whether the part lies below the last file's name: Kubo passes such parts over. */
static bool is_below_last(const struct import_body *body, struct slice filename)
{
    size_t size = body->last.size;

    return size > 1 && filename.size > size && filename.data[size] == '/' &&
           memcmp(filename.data, body->last.data, size) == 0;
}

static bool is_in_directory(struct slice filename)
{
    return filename.size > 1 && memchr(filename.data + 1, '/', filename.size - 1) != NULL;
}

/* Whether the file is wanted. */
static bool take_part(struct import_body *body, const char *expected, struct error *err)
{
    const struct multipart_part *part = &body->multipart.part;

    body->is_skipping = is_below_last(body, part->filename);
    if (body->is_skipping)
        return true;
    if (part->kind == MULTIPART_DIRECTORY || is_in_directory(part->filename))
        return error_set(err, ERROR_UNSUPPORTED, "%s", expected);
    text_clear(&body->last);
    text_put_slice(&body->last, part->filename);
    return true;
}

enum import_step import_body_next_file(struct import_body *body, struct task *task,
                                       const char *expected, struct slice *data, struct error *err)
{
    enum import_step step;

    do {
        step = import_body_next(body, task, data, err);
        if (step == IMPORT_PART && !take_part(body, expected, err))
            return IMPORT_BAD;
    } while (body->is_skipping &&
             (step == IMPORT_PART || step == IMPORT_DATA || step == IMPORT_PART_END));
    return step;
}

void import_body_dispose(struct import_body *body)
{
    multipart_dispose(&body->multipart);
    text_dispose(&body->last);
}
