// SPDX-License-Identifier: Apache-2.0
/* files/chcid, chmod, touch, flush: what changes the node at a path, and no name. */
#include "ipfs/hash.h"
#include "upstream/embedded/command_files.h"
#include "upstream/embedded/files_private.h"
#include "upstream/embedded/node.h"
#include "upstream/embedded/reply.h"

#include <time.h>

static void dispose_change(struct task *task)
{
    struct files_change *change = task->state;

    files_change_dispose(change);
}

/* What stands at a path becomes another node. */
static bool replace(struct task *task, struct files_change *change, struct slice path,
                    const struct unixfs_entry *entry, struct error *err)
{
    if (!files_set(task, change, path, entry, err))
        return false;
    files_set_growth(change->inside, files_trim(path), 0);
    return true;
}

/* ---- chcid */

static bool change_format(struct task *task, struct files_change *change, struct slice path,
                          const struct files_format *format, struct error *err)
{
    struct unixfs_store store = files_store(task);
    struct unixfs_entry entry;
    struct files_node node;

    if (!files_find(task, &change->root, path, &node, err))
        return false;
    if (!node.is_directory)
        return error_set(err, ERROR_UNSUPPORTED, "can only update directories");
    return files_check_format(format, err) && /* Kubo takes any, and cannot read its tree then */
           unixfs_set_format(&store, &node.entry.cid, format->version, format->hash, &entry, err) &&
           files_set(task, change, path, &entry, err);
}

static enum files_step make_chcid(struct task *task, struct files_change *change, struct error *err)
{
    struct slice path = files_argument(task->call, 0);
    struct files_format format;
    struct files_node node;
    bool is_given;

    if (slice_is(path, "/")) {
        error_set(err, ERROR_REFUSED,
                  "cannot change CID format of the MFS root; use 'ipfs config Import.CidVersion' "
                  "and 'ipfs config Import.HashFunction' instead");
        return FILES_BAD;
    }
    if (!files_format_of(task->call, &format, &is_given, err) ||
        (is_given && !change_format(task, change, path, &format, err)))
        return FILES_BAD;
    if (!call_option_bool(task->call, OPT_FLUSH, true))
        return FILES_DONE;
    if (!files_flush_at(task, change, path, &node, err))
        return FILES_BAD;
    files_forget_below(change, files_parent(path));
    return FILES_DONE;
}

static enum task_step run_chcid(struct task *task, struct error *err)
{
    return files_run_change(task, task->state, make_chcid, err);
}

const struct task_command command_files_chcid = {
    .id = COMMAND_FILES_CHCID,
    .state_size = sizeof(struct files_change),
    .run = run_chcid,
    .dispose = dispose_change,
    .writes = true,
    .is_lines = true,
};

/* ---- chmod */

/* As Go's strconv.ParseInt(text, 8, 32). */
static bool parse_octal(struct slice text, int64_t *value, struct error *err)
{
    bool is_negative = text.size > 0 && text.data[0] == '-';
    size_t i = text.size > 0 && (is_negative || text.data[0] == '+') ? 1 : 0;
    struct text quoted = {0};
    int64_t sum = 0;
    const char *wrong = i == text.size ? "invalid syntax" : NULL;

    for (; i < text.size && wrong == NULL; i++) {
        if (text.data[i] < '0' || text.data[i] > '7')
            wrong = "invalid syntax";
        else if (sum <= INT32_MAX)
            sum = sum * 8 + (text.data[i] - '0');
    }
    if (wrong == NULL && sum > (is_negative ? (int64_t)INT32_MAX + 1 : INT32_MAX))
        wrong = "value out of range";
    *value = is_negative ? -sum : sum;
    if (wrong == NULL)
        return true;
    text_put_json(&quoted, text);
    error_set(err, ERROR_UNSUPPORTED, "strconv.ParseInt: parsing \"%.*s\": %s",
              SLICE_ARGS(text_slice(&quoted)), wrong);
    text_dispose(&quoted);
    return false;
}

/* The number is taken for Go's os.FileMode, in which setuid, setgid and sticky are other bits. */
static uint32_t mode_of(int64_t number)
{
    uint32_t bits = (uint32_t)number;

    return (bits & 0xC00000) >> 12 | (bits & 0x100000) >> 11 | (bits & 0777);
}

static enum files_step change_stat(struct task *task, struct files_change *change,
                                   struct slice path, const struct unixfs_stat *stat,
                                   struct error *err)
{
    struct unixfs_store store = files_store(task);
    struct unixfs_entry entry;
    struct files_node node;

    return files_find(task, &change->root, path, &node, err) &&
                   unixfs_set_stat(&store, &node.entry.cid, stat, &entry, err) &&
                   replace(task, change, path, &entry, err)
               ? FILES_DONE
               : FILES_BAD;
}

static enum files_step make_chmod(struct task *task, struct files_change *change, struct error *err)
{
    struct unixfs_stat stat = {0};
    int64_t number;

    if (!parse_octal(task->call->arguments[0].text, &number, err))
        return FILES_BAD;
    stat.mode = mode_of(number);
    return change_stat(task, change, files_argument(task->call, 1), &stat, err);
}

static enum task_step run_chmod(struct task *task, struct error *err)
{
    return files_run_change(task, task->state, make_chmod, err);
}

const struct task_command command_files_chmod = {
    .id = COMMAND_FILES_CHMOD,
    .state_size = sizeof(struct files_change),
    .run = run_chmod,
    .dispose = dispose_change,
    .writes = true,
    .is_lines = true,
};

/* ---- touch */

struct unixfs_stat files_now(void)
{
    struct unixfs_stat stat = {.mode = UINT32_MAX, .has_mtime = true};
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    stat.mtime_s = now.tv_sec;
    stat.mtime_ns = (uint32_t)now.tv_nsec;
    return stat;
}

static enum files_step make_touch(struct task *task, struct files_change *change, struct error *err)
{
    int64_t seconds = call_option_number(task->call, OPT_MTIME, 0);
    uint32_t nanoseconds = (uint32_t)call_option_number(task->call, OPT_MTIME_NSECS, 0);
    struct unixfs_stat stat = files_now();

    if (seconds != 0) {
        stat.mtime_s = seconds + nanoseconds / 1000000000;
        stat.mtime_ns = nanoseconds % 1000000000;
    }
    return change_stat(task, change, files_argument(task->call, 0), &stat, err);
}

static enum task_step run_touch(struct task *task, struct error *err)
{
    return files_run_change(task, task->state, make_touch, err);
}

const struct task_command command_files_touch = {
    .id = COMMAND_FILES_TOUCH,
    .state_size = sizeof(struct files_change),
    .run = run_touch,
    .dispose = dispose_change,
    .writes = true,
    .is_lines = true,
};

/* ---- flush: all is flushed already */

struct flush {
    struct files_change change; /* the first: see dispose_change */
    struct files_node node;
};

static enum files_step make_flush(struct task *task, struct files_change *change, struct error *err)
{
    struct flush *flush = task->state;

    return files_flush_at(task, change, files_argument(task->call, 0), &flush->node, err) &&
                   files_count_unflushed(task->node->files, true, err)
               ? FILES_DONE
               : FILES_BAD;
}

static enum task_step run_flush(struct task *task, struct error *err)
{
    struct flush *flush = task->state;
    struct reply_form form;
    enum task_step step;

    if (!reply_form_of(task->call, &form, err))
        return TASK_FAILED;
    step = files_run_change(task, &flush->change, make_flush, err);
    if (step == TASK_DONE) {
        text_put_text(&task->out, "{\"Cid\":");
        reply_put_cid_string(&task->out, &form, &flush->node.entry.cid);
        text_put_text(&task->out, "}\n");
    }
    return step;
}

const struct task_command command_files_flush = {
    .id = COMMAND_FILES_FLUSH,
    .state_size = sizeof(struct flush),
    .run = run_flush,
    .dispose = dispose_change,
    .writes = true,
};
