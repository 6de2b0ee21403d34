// SPDX-License-Identifier: Apache-2.0
#include "proxy/upload_body.h"

void upload_body_init(struct upload_body *body, enum command_id command, struct slice content_type,
                      struct upload_roots *roots)
{
    struct text boundary = {0};

    *body = (struct upload_body){.command = command, .roots = roots};
    if (command != COMMAND_ADD && command != COMMAND_DAG_IMPORT) {
        body->has_ended = true;
        return;
    }
    if (multipart_boundary(content_type, &boundary, &body->fault))
        multipart_init(&body->multipart, text_slice(&boundary), 0);
    else
        body->has_ended = true;
    text_dispose(&boundary);
}

static void begin_part(struct upload_body *body)
{
    static const struct car_limits limits = {.is_rootless = true};
    const struct multipart_part *part = &body->multipart.part;

    if (body->command == COMMAND_ADD) {
        body->has_nameless_directory =
            part->kind == MULTIPART_DIRECTORY && slice_is(part->filename, "/");
        body->has_ended = true;
    } else if (part->kind == MULTIPART_FILE) {
        body->car = car_reader_create(&limits);
    }
}

static void end_part(struct upload_body *body)
{
    if (body->car != NULL && car_reader_offset(body->car) > 0) /* an empty one Kubo takes */
        error_set(&body->fault, ERROR_SYNTAX, "a CAR ends inside its header");
    car_reader_destroy(&body->car);
}

static void take_roots(struct upload_body *body)
{
    uint32_t count = car_reader_root_count(body->car);

    for (uint32_t i = 0; i < count && body->fault.code == ERROR_NONE; i++) {
        struct cid cid = car_reader_root(body->car, i);

        upload_roots_add(body->roots, &cid, &body->fault);
    }
    car_reader_destroy(&body->car);
}

static void take_data(struct upload_body *body, struct slice data)
{
    if (body->car == NULL)
        return;
    switch (car_reader_next(body->car, &data, &body->fault)) {
    case CAR_HEADER:
        take_roots(body);
        break;
    case CAR_MORE:
    case CAR_BLOCK:
    case CAR_END:
    case CAR_BAD:
        break;
    }
}

bool upload_body_see(struct upload_body *body, struct slice content)
{
    struct slice data;

    while (!body->has_ended && body->fault.code == ERROR_NONE) {
        switch (multipart_next(&body->multipart, &content, &data, &body->fault)) {
        case MULTIPART_MORE:
            return true;
        case MULTIPART_PART:
            begin_part(body);
            break;
        case MULTIPART_DATA:
            take_data(body, data);
            break;
        case MULTIPART_PART_END:
            end_part(body);
            break;
        case MULTIPART_END:
            body->has_ended = true;
            break;
        case MULTIPART_BAD:
            break;
        }
    }
    return false;
}

bool upload_body_is_known(struct upload_body *body)
{
    if (body->command != COMMAND_DAG_IMPORT)
        return true;
    if (!body->has_ended)
        error_set(&body->fault, ERROR_SYNTAX, "the upload ended before its last boundary");
    return body->fault.code == ERROR_NONE;
}

void upload_body_dispose(struct upload_body *body)
{
    multipart_dispose(&body->multipart);
    car_reader_destroy(&body->car);
}
