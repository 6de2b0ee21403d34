// SPDX-License-Identifier: Apache-2.0
/* What `add --to-files` puts into the tree. */
#include "conf/memory.h"
#include "upstream/embedded/files_private.h"

#include <stdlib.h>

struct adding {
    struct slice path; /* clean */
    struct slice name;
    const struct cid *cid;
};

static bool quoted(struct error *err, const char *before, struct slice path, const char *behind)
{
    struct text quoted = {0};
    struct error why = *err;

    text_put_json(&quoted, path);
    *err = (struct error){0};
    error_set(err, why.code == ERROR_NONE ? ERROR_REFUSED : why.code, "%s \"%.*s\"%s%s", before,
              SLICE_ARGS(text_slice(&quoted)), behind, why.text);
    text_dispose(&quoted);
    return false;
}

/* The target's directory must be there: it is named, or it holds what is named. */
static bool check_directory(struct task *task, const struct files_change *change, struct slice path,
                            struct error *err)
{
    struct files_node node;
    struct text parents = {0};

    if (path.data[path.size - 1] == '/') {
        if (!files_find(task, &change->root, path, &node, err))
            return quoted(err, "to-files: MFS destination directory", path, " does not exist: ");
        return node.is_directory ||
               quoted(err, "to-files: MFS destination", path, " is not a directory");
    }
    if (files_find(task, &change->root, files_parent(path), &node, err))
        return true;
    text_put_text(&parents, "to-files: MFS destination parent \"");
    text_put_json(&parents, path);
    text_put_char(&parents, '"');
    quoted(err, parents.data, files_parent(path), " does not exist: ");
    text_dispose(&parents);
    return false;
}

static enum files_step make_entry(struct task *task, struct files_change *change, struct error *err)
{
    const struct adding *adding = change->arg;
    struct slice dir, base;
    struct files_node node;
    struct text to = {0};
    bool ok = check_directory(task, change, adding->path, err) &&
              files_look(task, adding->cid, &node, err);

    if (ok) {
        text_put_slice(&to, adding->path);
        files_split(adding->name, &dir, &base);
        if (to.data[to.size - 1] == '/')
            text_put_slice(&to, base);
        ok = files_put(task, change, text_slice(&to), &node.entry, err) ||
             quoted(err, "to-files: cannot put node in path", text_slice(&to), ": ");
    }
    text_dispose(&to);
    return ok ? FILES_DONE : FILES_BAD;
}

enum files_step files_add_entry(struct task *task, struct files_change *change, struct slice path,
                                struct slice name, const struct cid *cid, struct error *err)
{
    struct slice typed = path.size == 0 ? SLICE("/") : path;
    char *room = memory_alloc(typed.size + 2);
    struct call_path clean;
    struct adding adding = {.name = name, .cid = cid};
    enum files_step step = FILES_BAD;

    if (name.size == 0) {
        error_set(err, ERROR_REFUSED, "to-files: cannot add unnamed files to MFS");
    } else if (!call_path_parse(&clean, ARGUMENT_MFS, typed, room, err)) {
        error_prefix(err, "to-files");
    } else {
        adding.path = clean.subpath;
        change->arg = &adding;
        step = files_change_run(task, change, make_entry, err);
        change->arg = NULL;
    }
    free(room);
    return step;
}
