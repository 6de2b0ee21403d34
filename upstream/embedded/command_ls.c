// SPDX-License-Identifier: Apache-2.0
/* ls: the entries of directories; of any other node its links. As lines in the order of the blocks,
 * or all in one value, sorted: then they are kept in a sorter until all of them are known. */
#include "upstream/embedded/directory_reader.h"
#include "upstream/embedded/entity.h"
#include "upstream/embedded/link_stack.h"
#include "upstream/embedded/node.h"
#include "upstream/embedded/node_links.h"
#include "upstream/embedded/paths.h"
#include "upstream/embedded/read_commands.h"
#include "upstream/embedded/reply.h"
#include "upstream/embedded/sorter.h"

#include <arpa/inet.h>
#include <endian.h>
#include <time.h>

struct ls {
    bool is_begun;
    bool resolves; /* children are looked at */
    bool is_stream, is_by_size;
    struct reply_form form;
    uint32_t argument; /* that is listed; those before are */
    struct directory_reader *directory;
    struct link_stack *links; /* of a node that is no directory */
    struct sorter *sorter;    /* unless it is a stream: rows of an argument's number and a link */
    uint64_t place;           /* of the next row among those that came */
    uint32_t objects;         /* that were put out, the last one not ended */
    bool has_links;           /* the last one */
};

static bool begin(struct task *task, struct ls *ls, struct error *err)
{
    const struct call *call = task->call;
    bool has_size = call_option_bool(call, OPT_SIZE, true);

    ls->is_begun = true;
    ls->resolves = has_size || call_option_bool(call, OPT_RESOLVE_TYPE, true);
    ls->is_stream = call_option_bool(call, OPT_STREAM, false);
    ls->is_by_size = call_option_bool(call, OPT_SORT_SIZE, false);
    if (ls->is_by_size && ls->is_stream) /* the call's own fault: 400 */
        return error_set(err, ERROR_SYNTAX, "cannot use --sort-size with --stream");
    if (ls->is_by_size && !has_size)
        return error_set(err, ERROR_SYNTAX, "cannot use --sort-size with --size=false");
    if (ls->is_stream)
        task_reply(task, "application/json", TASK_LINES_HEADER);
    else
        ls->sorter = sorter_create(task->node->scratch, 0);
    return reply_form_of(call, &ls->form, err);
}

/* ---- one link */

enum { TYPE_NONE = 0, TYPE_DIRECTORY = 1, TYPE_FILE = 2, TYPE_SYMLINK = 4 }; /* of UnixFS */

struct listed {
    struct slice name;
    struct cid cid;
    int type;
    uint64_t size;
    struct slice target; /* of a symlink */
    struct unixfs_stat stat;
};

static int type_of(const struct entity *entity)
{
    switch (entity->unixfs.type) {
    case UNIXFS_RAW:
    case UNIXFS_FILE:
        return TYPE_FILE;
    case UNIXFS_SYMLINK:
        return TYPE_SYMLINK;
    default:
        return TYPE_DIRECTORY;
    }
}

/* What the link alone does not tell. What is borrowed lives until the next read. */
static bool look_at(struct task *task, const struct ls *ls, uint64_t tsize, struct listed *listed,
                    struct error *err)
{
    struct entity entity;

    if (listed->cid.codec == CODEC_RAW) {
        listed->type = TYPE_FILE;
        listed->size = tsize;
        return true;
    }
    if (listed->cid.codec != CODEC_DAG_PB || !ls->resolves)
        return true;
    if (!entity_read(&entity, task, &listed->cid, err))
        return false;
    listed->type = type_of(&entity);
    listed->size = entity.file_size;
    listed->stat = entity.unixfs.stat;
    if (listed->type == TYPE_SYMLINK)
        listed->target = entity.unixfs.data;
    return true;
}

/* The bits of Go's FileMode. */
static uint32_t go_mode(const struct listed *listed)
{
    uint32_t mode = listed->stat.mode & 07777;
    uint32_t bits = (mode & 0777) | (mode & 06000) << 12 | (mode & 01000) << 11;

    if (mode == 0)
        return 0;
    if (listed->type == TYPE_DIRECTORY)
        bits |= UINT32_C(1) << 31;
    return listed->type == TYPE_SYMLINK ? bits | UINT32_C(1) << 27 : bits;
}

/* RFC 3339 with as many digits behind the seconds as there are. */
static bool put_time(struct text *out, const struct unixfs_stat *stat, struct error *err)
{
    time_t seconds = stat->mtime_s;
    struct tm tm;

    if (!stat->has_mtime) {
        text_put_text(out, "\"0001-01-01T00:00:00Z\"");
        return true;
    }
    if (gmtime_r(&seconds, &tm) == NULL || tm.tm_year < -1900 || tm.tm_year > 9999 - 1900)
        return error_set(err, ERROR_UNSUPPORTED,
                         "json: error calling MarshalJSON for type time.Time: Time.MarshalJSON: "
                         "year outside of range [0,9999]");
    text_put_format(out, "\"%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1,
                    tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    if (stat->mtime_ns > 0) {
        text_put_format(out, ".%09u", stat->mtime_ns);
        while (out->data[out->size - 1] == '0')
            out->size--;
    }
    text_put_text(out, "Z\"");
    return true;
}

static bool put_listed(struct text *out, const struct ls *ls, const struct listed *listed,
                       struct error *err)
{
    text_put_text(out, "{\"Name\":");
    reply_put_string(out, listed->name);
    text_put_text(out, ",\"Hash\":");
    reply_put_cid_string(out, &ls->form, &listed->cid);
    text_put_format(out, ",\"Size\":%llu,\"Type\":%d,\"Target\":", (unsigned long long)listed->size,
                    listed->type);
    reply_put_string(out, listed->target);
    text_put_format(out, ",\"Mode\":%u,\"ModTime\":", go_mode(listed));
    if (!put_time(out, &listed->stat, err))
        return false;
    text_put_char(out, '}');
    return true;
}

/* ---- all links */

static void open_object(struct text *out, const struct call_argument *argument)
{
    text_put_text(out, "{\"Hash\":");
    reply_put_string(out, argument->text);
    text_put_text(out, ",\"Links\":[");
}

/* The order of rows: by argument, then by size, if asked for, the largest first, then by name;
 * those of one name as they came. */
static bool keep(struct ls *ls, const struct listed *listed, struct error *err)
{
    uint32_t argument = htonl(ls->argument);
    uint64_t size = htobe64(~listed->size);
    uint64_t place = htobe64(ls->place++);
    struct text key = {0}, row = {0};
    bool ok;

    text_put(&key, &argument, sizeof(argument));
    if (ls->is_by_size)
        text_put(&key, &size, sizeof(size));
    text_put_slice(&key, listed->name);
    text_put_char(&key, '\0'); /* before whatever else a name goes on with */
    text_put(&key, &place, sizeof(place));
    text_put(&row, &argument, sizeof(argument));
    ok = put_listed(&row, ls, listed, err) &&
         sorter_put(ls->sorter, text_slice(&key), text_slice(&row), err);
    text_dispose(&key);
    text_dispose(&row);
    return ok;
}

static bool add(struct task *task, struct ls *ls, struct slice name, const struct cid *cid,
                uint64_t tsize, struct error *err)
{
    struct listed listed = {.name = name, .cid = *cid, .target = {"", 0}};

    if (!look_at(task, ls, tsize, &listed, err))
        return false;
    if (!ls->is_stream)
        return keep(ls, &listed, err);
    text_put_text(&task->out, "{\"Objects\":[");
    open_object(&task->out, &task->call->arguments[ls->argument]);
    if (!put_listed(&task->out, ls, &listed, err))
        return false;
    text_put_text(&task->out, "]}]}\n");
    return true;
}

static bool open_node(struct task *task, struct ls *ls, struct error *err)
{
    struct path_end end;
    struct entity entity;

    if (!path_resolve(task, &task->call->arguments[ls->argument].path, &end, err) ||
        !entity_read(&entity, task, &end.cid, err))
        return false;
    if (entity_is_directory(&entity))
        return directory_reader_open(&ls->directory, task, &end.cid, err);
    ls->links = link_stack_create(node_links_list);
    return end.cid.codec == CODEC_RAW /* of which no copy is needed */
               ? link_stack_push(ls->links, &end.cid, (struct slice){"", 0}, 0, err)
               : link_stack_push(ls->links, &end.cid, entity.block, 0, err);
}

static enum read_step next_entry(struct task *task, struct ls *ls, struct error *err)
{
    struct directory_entry entry;
    enum read_step step = directory_reader_next(ls->directory, task, &entry, err);

    if (step == READ_GOT && !add(task, ls, entry.name, &entry.cid, entry.tsize, err))
        return READ_BAD;
    return step;
}

static enum read_step next_link(struct task *task, struct ls *ls, struct error *err)
{
    struct stacked_link link;
    bool found;

    if (!link_stack_peek(ls->links, task, &link, &found, err))
        return READ_BAD;
    if (!found)
        return READ_END;
    if (!add(task, ls, link.name, &link.cid, link.size, err))
        return READ_BAD;
    link_stack_advance(ls->links);
    return READ_GOT;
}

/* One link of one argument. */
static bool list(struct task *task, struct ls *ls, struct error *err)
{
    enum read_step step;

    if (ls->directory == NULL && ls->links == NULL)
        return open_node(task, ls, err);
    step = ls->directory != NULL ? next_entry(task, ls, err) : next_link(task, ls, err);
    if (step == READ_END) {
        directory_reader_destroy(&ls->directory);
        link_stack_destroy(&ls->links);
        ls->argument++;
    }
    return step != READ_BAD;
}

/* ---- the one value */

/* Begins the objects up to this one. */
static void put_objects(struct task *task, struct ls *ls, uint32_t up_to)
{
    while (ls->objects <= up_to) {
        text_put_text(&task->out, ls->objects == 0 ? "{\"Objects\":[" : "]},");
        open_object(&task->out, &task->call->arguments[ls->objects++]);
        ls->has_links = false;
    }
}

/* One row. is_done: that was the last. */
static bool put_row(struct task *task, struct ls *ls, bool *is_done, struct error *err)
{
    struct slice key, row;
    uint32_t argument;

    if (!sorter_next(ls->sorter, &key, &row, is_done, err))
        return false;
    if (*is_done) {
        put_objects(task, ls, (uint32_t)task->call->argument_count - 1);
        text_put_text(&task->out, "]}]}\n");
        return true;
    }
    memcpy(&argument, row.data, sizeof(argument));
    put_objects(task, ls, ntohl(argument));
    if (ls->has_links)
        text_put_char(&task->out, ',');
    ls->has_links = true;
    text_put(&task->out, row.data + sizeof(argument), row.size - sizeof(argument));
    return true;
}

static enum task_step run(struct task *task, struct error *err)
{
    struct ls *ls = task->state;

    if (!ls->is_begun && !begin(task, ls, err))
        return TASK_FAILED;
    do {
        bool is_done = ls->is_stream;
        bool is_listed = ls->argument == task->call->argument_count;

        if (is_listed && !is_done && !put_row(task, ls, &is_done, err))
            return TASK_FAILED;
        if (is_listed && is_done)
            return TASK_DONE;
        if (!is_listed && !list(task, ls, err))
            return TASK_FAILED;
    } while (!task_is_due(task));
    return TASK_GO_ON;
}

static void dispose(struct task *task)
{
    struct ls *ls = task->state;

    directory_reader_destroy(&ls->directory);
    link_stack_destroy(&ls->links);
    sorter_destroy(&ls->sorter);
}

const struct task_command command_ls = {
    .id = COMMAND_LS,
    .state_size = sizeof(struct ls),
    .run = run,
    .dispose = dispose,
};
