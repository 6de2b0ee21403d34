// SPDX-License-Identifier: Apache-2.0
/* export, import: objects as CARs, out of the node and into it. */
#include "conf/memory.h"
#include "ipfs/car.h"
#include "upstream/kubo_private.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- export: the node sends all of it; what is to be left out is read over */

struct kubo_export {
    operation_content on_content;
    struct car_reader *reader; /* NULL: all that comes passes */
    uint64_t skip;
};

static void pass(struct kubo_operation *operation, struct slice content)
{
    if (content.size > 0)
        operation->export->on_content(operation->arg, content);
}

static void begin_to_pass(struct kubo_operation *operation, struct slice rest)
{
    struct kubo_export *export = operation->export;
    struct text header = {0};

    car_reader_destroy(&export->reader);
    car_put_header(&header, &operation->cid, 1);
    text_put_slice(&header, rest);
    pass(operation, text_slice(&header));
    text_dispose(&header);
}

static void malformed(const struct kubo_operation *operation, const struct error *why,
                      struct error *fault)
{
    error_set(fault, ERROR_MISMATCH, "%s: sent a malformed CAR: %s",
              pool_address(operation->kubo->pool), why->text);
}

static void on_bytes(struct kubo_operation *operation, struct slice content, struct error *fault)
{
    struct kubo_export *export = operation->export;
    struct error why = {0};
    enum car_event event;

    if (export->reader == NULL) {
        pass(operation, content);
        return;
    }
    while ((event = car_reader_next(export->reader, &content, &why)) == CAR_HEADER ||
           event == CAR_BLOCK) {
        if (event == CAR_BLOCK)
            export->skip--;
        if (export->skip == 0) {
            begin_to_pass(operation, content);
            return;
        }
    }
    if (event == CAR_BAD)
        malformed(operation, &why, fault);
}

static void on_export_end(struct kubo_operation *operation)
{
    struct kubo_export *export = operation->export;
    struct error err = {0}, why = {0};

    if (export->reader != NULL && car_reader_finish(export->reader, &why) == CAR_BAD)
        malformed(operation, &why, &err);
    else if (export->reader != NULL)
        error_set(&err, ERROR_MISMATCH,
                  "the object has fewer blocks than are to be left out, by %llu",
                  (unsigned long long)export->skip);
    kubo_operation_end(operation, err.code == ERROR_NONE ? NULL : &err);
}

static void dispose_export(struct kubo_operation *operation)
{
    car_reader_destroy(&operation->export->reader);
    free(operation->export);
}

bool kubo_export(struct upstream *upstream, struct operation **result, const struct cid *root,
                 uint64_t skip, operation_content on_content, operation_done on_done, void *arg,
                 struct error *err)
{
    struct kubo_operation *operation = kubo_operation_create(upstream, on_done, arg);
    struct kubo_export *export = memory_alloc(sizeof(*export));
    struct call *call = call_create(COMMAND_DAG_EXPORT);

    export->on_content = on_content;
    export->skip = skip;
    export->reader = car_reader_create(NULL);
    operation->cid = *root;
    operation->export = export;
    operation->dispose = dispose_export;
    operation->on_bytes = on_bytes;
    operation->on_end = on_export_end;
    operation->silence_ms = operation->kubo->settings.walk_idle_ms;
    kubo_add_cid(call, root);
    call_set_option_bool(call, OPT_PROGRESS, false);
    call_set_option_bool(call, OPT_OFFLINE, true);
    return kubo_operation_start(operation, result, call, err);
}

void kubo_pause(struct operation *base)
{
    struct kubo_operation *operation = CONTAINER_OF(base, struct kubo_operation, base);

    if (operation->fetch != NULL)
        fetch_pause(operation->fetch);
}

void kubo_resume(struct operation *base)
{
    struct kubo_operation *operation = CONTAINER_OF(base, struct kubo_operation, base);

    if (operation->fetch != NULL)
        fetch_resume(operation->fetch);
}

/* ---- import: the file is read in the job pool, a piece while the one before is sent */

#define BOUNDARY "causeway-import"

enum { PIECE = 1024 * 1024 };

/* Outlives its operation while a piece is read. */
struct kubo_import {
    struct job job;
    struct kubo_operation *operation; /* NULL: it is gone */
    struct text path;
    int fd; /* 0: not opened */
    struct text piece;
    struct error read_err; /* the job's, while it runs */
    struct error err;
    bool is_reading, has_begun;
};

static void free_import(struct kubo_import *import)
{
    if (import->fd > 0)
        close(import->fd);
    text_dispose(&import->path);
    text_dispose(&import->piece);
    free(import);
}

static void read_piece(struct job *job)
{
    struct kubo_import *import = CONTAINER_OF(job, struct kubo_import, job);
    ssize_t got;

    if (import->fd == 0)
        import->fd = open(import->path.data, O_RDONLY | O_CLOEXEC);
    text_clear(&import->piece);
    text_reserve(&import->piece, PIECE);
    got = import->fd < 0 ? -1 : read(import->fd, import->piece.data, PIECE);
    if (got < 0)
        error_set_errno(&import->read_err, "%s", import->path.data);
    else
        import->piece.size = (size_t)got;
}

static void on_read(struct job *job)
{
    struct kubo_import *import = CONTAINER_OF(job, struct kubo_import, job);

    import->is_reading = false;
    if (import->read_err.code != ERROR_NONE)
        import->err = import->read_err;
    if (import->operation == NULL)
        free_import(import);
    else if (import->operation->fetch != NULL)
        fetch_produce_more(import->operation->fetch);
}

static bool start_reading(struct kubo_import *import)
{
    struct kubo *kubo = import->operation->kubo;

    import->is_reading = job_start(kubo->settings.jobs, kubo->loop, &import->job);
    return import->is_reading ||
           error_set(&import->err, ERROR_LIMIT, "the job pool is full; try again");
}

static enum produce_result put_piece(struct kubo_import *import, struct text *out)
{
    if (import->piece.size > 0) {
        text_put_slice(out, text_slice(&import->piece));
        text_clear(&import->piece);
        return start_reading(import) ? PRODUCE_MORE : PRODUCE_BREAK;
    }
    text_put_text(out, "\r\n--" BOUNDARY "--\r\n");
    return PRODUCE_END;
}

static enum produce_result produce(void *import_, struct text *out)
{
    struct kubo_import *import = import_;

    if (import->err.code != ERROR_NONE)
        return PRODUCE_BREAK;
    if (import->is_reading)
        return PRODUCE_WAIT;
    if (import->has_begun)
        return put_piece(import, out);
    import->has_begun = true;
    text_put_text(out, "--" BOUNDARY "\r\n"
                       "Content-Disposition: form-data; name=\"file\"; filename=\"part.car\"\r\n"
                       "Content-Type: application/octet-stream\r\n\r\n");
    return start_reading(import) ? PRODUCE_MORE : PRODUCE_BREAK;
}

/* What it says of roots is nothing here: none is pinned. Blocks beyond what nodes exchange are here
 * because some node has taken them in: links carry them, so this one is to take them, too. */
static void on_import_line(struct kubo_operation *operation, const json_t *line,
                           struct error *fault)
{
    const json_t *stats = json_object_get(line, "Stats");

    if (stats == NULL)
        return;
    if (!kubo_number(stats, "BlockCount", &operation->result.blocks) ||
        !kubo_number(stats, "BlockBytesCount", &operation->result.bytes))
        kubo_fault(operation, fault, "its count of blocks");
    else
        operation->result.has_bytes = true;
}

static void on_import_end(struct kubo_operation *operation)
{
    struct error err = {0};

    if (!operation->result.has_bytes)
        kubo_fault(operation, &err, "its count of blocks");
    kubo_operation_end(operation, err.code == ERROR_NONE ? NULL : &err);
}

static void dispose_import(struct kubo_operation *operation)
{
    struct kubo_import *import = operation->import;

    import->operation = NULL;
    if (import->is_reading)
        job_cancel(operation->kubo->settings.jobs, &import->job);
    else
        free_import(import);
}

bool kubo_import(struct upstream *upstream, struct operation **result, const char *path,
                 operation_done on_done, void *arg, struct error *err)
{
    struct kubo_operation *operation = kubo_operation_create(upstream, on_done, arg);
    struct kubo_import *import = memory_alloc(sizeof(*import));
    struct call *call = call_create(COMMAND_DAG_IMPORT);

    import->job = (struct job){.run = read_piece, .on_done = on_read};
    import->operation = operation;
    text_put_text(&import->path, path);
    operation->import = import;
    operation->dispose = dispose_import;
    operation->body = (struct kubo_body){.content_type = "multipart/form-data; boundary=" BOUNDARY,
                                         .produce = produce,
                                         .arg = import,
                                         .fault = &import->err};
    operation->on_line = on_import_line;
    operation->on_end = on_import_end;
    operation->silence_ms = operation->kubo->settings.walk_idle_ms;
    call_set_option_bool(call, OPT_ALLOW_BIG_BLOCK, true);
    call_set_option_bool(call, OPT_PIN_ROOTS, false);
    call_set_option_bool(call, OPT_STATS, true);
    call_set_option_bool(call, OPT_OFFLINE, true);
    return kubo_operation_start(operation, result, call, err);
}
