// SPDX-License-Identifier: Apache-2.0
/* refs: the links of objects, in the order of the blocks, those of a child behind the child. What
 * goes wrong below a root is a line of the reply; the next root is gone through all the same. */
#include "conf/memory.h"
#include "ipfs/walk_memory.h"
#include "upstream/embedded/entity.h"
#include "upstream/embedded/link_stack.h"
#include "upstream/embedded/node.h"
#include "upstream/embedded/node_links.h"
#include "upstream/embedded/paths.h"
#include "upstream/embedded/read_commands.h"
#include "upstream/embedded/reply.h"
#include "upstream/embedded/walk_disk.h"

#include <stdlib.h>

struct refs {
    bool is_begun;
    bool is_unique;
    int64_t max_depth; /* below 0: none */
    struct slice format;
    struct reply_form form;
    struct cid *roots; /* one for each argument, as far as they were resolved */
    size_t resolved;
    size_t walked; /* of roots, the one that is gone through counted */
    struct link_stack *stack;
    struct walk_memory *seen; /* unless not unique */
};

static bool begin(struct task *task, struct refs *refs, struct error *err)
{
    const struct call *call = task->call;

    refs->is_begun = true;
    refs->is_unique = call_option_bool(call, OPT_UNIQUE, false);
    refs->max_depth = call_option_number(call, OPT_MAX_DEPTH, -1);
    if (!call_option_bool(call, OPT_RECURSIVE, false))
        refs->max_depth = 1;
    refs->format =
        call_has_option(call, OPT_FORMAT) ? call_option_text(call, OPT_FORMAT) : SLICE("<dst>");
    if (call_option_bool(call, OPT_EDGES, false)) {
        if (!slice_is(refs->format, "<dst>"))
            return error_set(err, ERROR_UNSUPPORTED,
                             "using format argument with edges is not allowed");
        refs->format = SLICE("<src> -> <dst>");
    } else if (refs->format.size == 0) {
        refs->format = SLICE("<dst>");
    }
    refs->roots = memory_resize_array(NULL, call->argument_count, sizeof(*refs->roots));
    refs->stack = link_stack_create(node_links_list);
    if (refs->is_unique && (refs->seen = walk_disk_create(task->node->scratch, 0, err)) == NULL)
        return false;
    return reply_form_of(call, &refs->form, err);
}

static bool resolve(struct task *task, struct refs *refs, struct error *err)
{
    struct path_end end;

    if (!path_resolve(task, &task->call->arguments[refs->resolved].path, &end, err))
        return false;
    refs->roots[refs->resolved++] = end.cid;
    return true;
}

/* ---- lines */

static void put_error(struct task *task, const struct error *why)
{
    text_put_text(&task->out, "{\"Ref\":\"\",\"Err\":");
    reply_put_string(&task->out, slice_of(why->text));
    text_put_text(&task->out, "}\n");
}

static void put_ref(struct task *task, const struct refs *refs, const struct stacked_link *link)
{
    struct text ref = {0};

    for (size_t i = 0; i < refs->format.size;) {
        struct slice rest = {refs->format.data + i, refs->format.size - i};

        if (slice_starts(rest, "<src>")) {
            reply_put_cid(&ref, &refs->form, link_stack_cid(refs->stack));
            i += strlen("<src>");
        } else if (slice_starts(rest, "<dst>")) {
            reply_put_cid(&ref, &refs->form, &link->cid);
            i += strlen("<dst>");
        } else if (slice_starts(rest, "<linkname>")) {
            text_put_slice(&ref, link->name);
            i += strlen("<linkname>");
        } else {
            text_put_char(&ref, refs->format.data[i++]);
        }
    }
    text_put_text(&task->out, "{\"Ref\":");
    reply_put_string(&task->out, text_slice(&ref));
    text_put_text(&task->out, ",\"Err\":\"\"}\n");
    text_dispose(&ref);
}

/* ---- what was seen */

/* A key for "seen so deep": the CID with the depth behind it. */
static struct cid key_at(const struct cid *cid, uint32_t depth)
{
    struct cid key = *cid;

    if (key.size + sizeof(depth) <= sizeof(key.bytes)) {
        memcpy(key.bytes + key.size, &depth, sizeof(depth));
        key.size = (uint16_t)(key.size + sizeof(depth));
    }
    return key;
}

/* Whether it was seen at this depth or above: then all that a limit of depth lets through below it
 * was seen as well. */
static bool saw_above(struct refs *refs, const struct cid *cid, uint32_t depth, bool *seen,
                      struct error *err)
{
    *seen = false;
    for (uint32_t i = 1; i <= depth && !*seen; i++) {
        struct cid key = key_at(cid, i);

        if (!refs->seen->ops->saw(refs->seen, &key, seen, err))
            return false;
    }
    return true;
}

struct visit {
    bool is_shown, is_deeper;
};

static bool visit(struct refs *refs, const struct cid *cid, struct visit *visit, struct error *err)
{
    uint32_t depth = (uint32_t)link_stack_depth(refs->stack);
    bool is_limited = refs->max_depth >= 0;
    bool is_above = false;
    struct cid key;
    bool added;

    *visit = (struct visit){true, !is_limited || depth < refs->max_depth};
    if (is_limited && depth > refs->max_depth) {
        *visit = (struct visit){false, false};
        return true;
    }
    if (!refs->is_unique)
        return true;
    if (!refs->seen->ops->see(refs->seen, cid, &visit->is_shown, err))
        return false;
    if (!is_limited) {
        visit->is_deeper = visit->is_shown;
        return true;
    }
    if (!visit->is_shown && !saw_above(refs, cid, depth, &is_above, err))
        return false;
    visit->is_deeper = visit->is_deeper && !is_above;
    key = key_at(cid, depth);
    return is_above || refs->seen->ops->see(refs->seen, &key, &added, err);
}

/* ---- going through */

/* A child that is shown or gone into must be there. block: of one that is gone into. */
static bool fetch(struct task *task, const struct cid *cid, bool is_deeper, struct slice *block,
                  struct error *err)
{
    struct error why = {0};
    uint32_t size;

    if (!entity_check_codec(cid, err))
        return false;
    if (is_deeper ? task_get(task, cid, block, &why) : task_size(task, cid, &size, &why))
        return true;
    if (why.code == ERROR_NOT_FOUND)
        return error_set(err, ERROR_NOT_FOUND, "failed to fetch all nodes");
    return error_copy(err, &why);
}

static bool take_link(struct task *task, struct refs *refs, const struct stacked_link *link,
                      struct error *err)
{
    struct slice block;
    struct visit way;

    if (!visit(refs, &link->cid, &way, err))
        return false;
    way.is_deeper = way.is_deeper && link->cid.codec != CODEC_RAW;
    if (!way.is_shown && !way.is_deeper) {
        link_stack_advance(refs->stack);
        return true;
    }
    if (!fetch(task, &link->cid, way.is_deeper, &block, err))
        return false;
    if (way.is_shown)
        put_ref(task, refs, link);
    link_stack_advance(refs->stack);
    return !way.is_deeper || link_stack_push(refs->stack, &link->cid, block, 0, err);
}

/* One link, or the next root, or the way up. False: the root cannot be gone through further. */
static bool walk(struct task *task, struct refs *refs, struct error *err)
{
    struct stacked_link link;
    struct slice block;
    bool found;

    if (link_stack_depth(refs->stack) == 0) {
        const struct cid *root = &refs->roots[refs->walked++];

        return task_get(task, root, &block, err) &&
               link_stack_push(refs->stack, root, block, 0, err);
    }
    if (!link_stack_peek(refs->stack, task, &link, &found, err))
        return false;
    if (found)
        return take_link(task, refs, &link, err);
    link_stack_pop(refs->stack);
    return true;
}

static enum task_step run(struct task *task, struct error *err)
{
    struct refs *refs = task->state;

    if (!refs->is_begun && !begin(task, refs, err))
        return TASK_FAILED;
    do {
        struct error why = {0};

        if (refs->resolved < task->call->argument_count) {
            if (!resolve(task, refs, err))
                return TASK_FAILED;
        } else if (link_stack_depth(refs->stack) == 0 && refs->walked == refs->resolved) {
            return TASK_DONE;
        } else if (!walk(task, refs, &why)) {
            put_error(task, &why);
            while (link_stack_depth(refs->stack) > 0)
                link_stack_pop(refs->stack);
        }
    } while (!task_is_due(task));
    return TASK_GO_ON;
}

static void dispose(struct task *task)
{
    struct refs *refs = task->state;

    link_stack_destroy(&refs->stack);
    walk_disk_destroy(&refs->seen);
    free(refs->roots);
}

const struct task_command command_refs = {
    .id = COMMAND_REFS,
    .state_size = sizeof(struct refs),
    .run = run,
    .dispose = dispose,
    .is_lines = true,
};
