// SPDX-License-Identifier: Apache-2.0
/* Paths, what is at them, and what is put there: each change writes the directories on its way. */
#include "conf/memory.h"
#include "ipfs/hash.h"
#include "upstream/embedded/directory_reader.h"
#include "upstream/embedded/files_private.h"
#include "upstream/embedded/node.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>

/* ---- paths */

struct slice files_trim(struct slice path)
{
    while (path.size > 0 && path.data[0] == '/') {
        path.data++;
        path.size--;
    }
    while (path.size > 0 && path.data[path.size - 1] == '/')
        path.size--;
    return path;
}

bool files_is_root(struct slice path)
{
    return files_trim(path).size == 0;
}

void files_split(struct slice path, struct slice *dir, struct slice *name)
{
    size_t size = path.size;

    while (size > 0 && path.data[size - 1] != '/')
        size--;
    *dir = (struct slice){path.data, size};
    *name = (struct slice){path.data + size, path.size - size};
}

struct slice files_parent(struct slice path)
{
    struct slice dir, name;

    files_split(path, &dir, &name);
    if (dir.size > 1)
        dir.size--;
    return dir;
}

struct slice files_next_name(struct slice *path)
{
    struct slice name = {path->data, 0};

    if (path->size == 0)
        return (struct slice){NULL, 0};
    while (name.size < path->size && name.data[name.size] != '/')
        name.size++;
    path->data += name.size;
    path->size -= name.size;
    if (path->size > 0) {
        path->data++;
        path->size--;
    }
    return name;
}

struct slice files_argument(const struct call *call, size_t index)
{
    if (index >= call->argument_count)
        return SLICE("/");
    return call->arguments[index].path.subpath;
}

/* ---- looking up */

bool files_not_there(struct error *err)
{
    return error_set(err, ERROR_NOT_FOUND, "file does not exist");
}

bool files_look(struct task *task, const struct cid *cid, struct files_node *node,
                struct error *err)
{
    struct unixfs_store store = files_store(task);

    *node = (struct files_node){.exists = true};
    if (cid->codec != CODEC_DAG_PB && cid->codec != CODEC_RAW)
        return error_set(err, ERROR_UNSUPPORTED, "unrecognized node type in cache node");
    if (!unixfs_look(&store, cid, &node->type, &node->entry, err))
        return false;
    node->is_directory = node->type == UNIXFS_DIRECTORY || node->type == UNIXFS_HAMT;
    return node->type != UNIXFS_METADATA ||
           error_set(err, ERROR_UNSUPPORTED, "not yet implemented");
}

/* Nothing is in a directory that no store need have. */
static bool find_child(struct task *task, const struct cid *directory, struct slice name,
                       struct cid *child, bool *found, struct error *err)
{
    struct directory_entry entry;
    struct unixfs_store store = files_store(task);
    struct slice block;

    *found = false;
    if (!store.get(store.arg, directory, &block, err))
        return false;
    if (block.size <= 4)
        return true;
    if (!directory_find(task, directory, name, &entry, found, err))
        return false;
    if (*found)
        *child = entry.cid;
    return true;
}

bool files_lookup(struct task *task, const struct cid *root, struct slice path,
                  struct files_node *node, struct error *err)
{
    struct slice rest = files_trim(path), all = rest;

    if (!files_look(task, root, node, err))
        return false;
    for (struct slice name; (name = files_next_name(&rest)).data != NULL;) {
        bool found;
        struct cid child;

        if (!node->is_directory)
            return error_set(err, ERROR_UNSUPPORTED, "cannot access %.*s: Not a directory",
                             (int)(name.data + name.size - all.data), all.data);
        if (!find_child(task, &node->entry.cid, name, &child, &found, err))
            return false;
        if (!found) {
            *node = (struct files_node){.exists = false};
            return true;
        }
        if (!files_look(task, &child, node, err))
            return false;
    }
    return true;
}

bool files_find(struct task *task, const struct cid *root, struct slice path,
                struct files_node *node, struct error *err)
{
    return files_lookup(task, root, path, node, err) && (node->exists || files_not_there(err));
}

/* ---- changing */

/* The directories on the way to a path, from the root down. */
struct way {
    struct cid cids[FILES_NAMES_MAX];
    struct slice paths[FILES_NAMES_MAX]; /* of each, trimmed */
    struct slice names[FILES_NAMES_MAX]; /* in each, of what lies below */
    size_t count;
};

static bool go_down(struct task *task, struct way *way, struct slice path, struct error *err)
{
    struct slice rest = path;

    for (;;) {
        struct slice name = files_next_name(&rest);
        bool found;

        way->names[way->count++] = name;
        if (rest.size == 0)
            return true;
        if (way->count == FILES_NAMES_MAX)
            return error_set(err, ERROR_LIMIT, "the path has more than %d names", FILES_NAMES_MAX);
        if (!find_child(task, &way->cids[way->count - 1], name, &way->cids[way->count], &found,
                        err))
            return false;
        if (!found)
            return files_not_there(err);
        way->paths[way->count] =
            (struct slice){path.data, (size_t)(name.data + name.size - path.data)};
    }
}

static bool come_up(struct task *task, struct files_change *change, struct way *way,
                    const struct unixfs_entry *entry, struct error *err)
{
    struct unixfs_store store = files_store(task);
    struct unixfs_entry made;

    while (way->count-- > 0) {
        size_t at = way->count;
        int64_t growth = files_growth(change->inside, way->paths[at]);
        struct unixfs_entry above;

        if (!unixfs_directory_set(&store, &way->cids[at], way->names[at], entry, &growth, &above,
                                  err))
            return false;
        files_set_growth(change->inside, way->paths[at], growth);
        made = above;
        entry = &made;
    }
    change->root = made.cid;
    return true;
}

bool files_set(struct task *task, struct files_change *change, struct slice path,
               const struct unixfs_entry *entry, struct error *err)
{
    struct way *way;
    bool ok;

    path = files_trim(path);
    if (path.size == 0) {
        assert(entry != NULL);
        change->root = entry->cid;
        return true;
    }
    way = memory_alloc(sizeof(*way));
    way->cids[0] = change->root;
    way->paths[0] = (struct slice){path.data, 0};
    ok = go_down(task, way, path, err) && come_up(task, change, way, entry, err);
    free(way);
    return ok;
}

/* The directory that a name is to be put into. */
static bool find_directory(struct task *task, struct files_change *change, struct slice dir,
                           struct error *err)
{
    struct files_node node;

    if (!files_find(task, &change->root, dir, &node, err))
        return false;
    return node.is_directory ||
           error_set(err, ERROR_UNSUPPORTED, "%.*s is not a directory", SLICE_ARGS(dir));
}

bool files_put(struct task *task, struct files_change *change, struct slice path,
               const struct unixfs_entry *entry, struct error *err)
{
    struct slice dir, name;
    struct files_node node;

    files_split(path, &dir, &name);
    if (name.size == 0)
        return error_set(err, ERROR_UNSUPPORTED, "cannot create file with empty name");
    if (!find_directory(task, change, dir, err) ||
        !files_lookup(task, &change->root, path, &node, err))
        return false;
    if (node.exists)
        return error_set(err, ERROR_REFUSED, "directory already has entry by that name");
    return files_set(task, change, path, entry, err);
}

bool files_flush_at(struct task *task, struct files_change *change, struct slice path,
                    struct files_node *node, struct error *err)
{
    struct unixfs_store store = files_store(task);
    struct unixfs_stat now = {0};
    struct unixfs_edit *edit;
    struct unixfs_entry flushed;
    bool ok;

    if (!files_find(task, &change->root, path, node, err))
        return false;
    files_forget_below(change, path);
    if (node->is_directory)
        return true;
    if (!unixfs_edit_open(&edit, &store, &node->entry.cid, node->entry.cid.version > 0, &now, err))
        return false;
    ok = unixfs_edit_finish(edit, &flushed, err);
    unixfs_edit_destroy(&edit);
    if (!ok || cid_equal(&flushed.cid, &node->entry.cid))
        return ok;
    node->entry = flushed;
    return files_set(task, change, path, &flushed, err);
}

/* ---- directories */

static bool make_empty(struct task *task, struct files_change *change, struct slice path,
                       const struct files_format *format, struct error *err)
{
    struct unixfs_profile profile = unixfs_profile_v0();
    struct unixfs_directory *directory;
    struct unixfs_entry entry;
    bool ok;

    profile.cid_version = format->version;
    profile.hash = format->hash;
    if (!files_check_format(format, err))
        return false;
    directory = unixfs_directory_create(&profile);
    ok = unixfs_directory_finish(directory, NULL, task_sink, task, &entry, err) &&
         files_set(task, change, path, &entry, err);
    unixfs_directory_destroy(&directory);
    return ok;
}

/* A directory on the way; made if it is missing, and may be. */
static bool pass_through(struct task *task, struct files_change *change, struct slice here,
                         struct slice above, bool makes, const struct files_format *format,
                         struct error *err)
{
    struct files_node node;

    if (!files_lookup(task, &change->root, here, &node, err))
        return false;
    if (!node.exists)
        return makes ? make_empty(task, change, here, format, err) : files_not_there(err);
    return node.is_directory ||
           error_set(err, ERROR_UNSUPPORTED, "%.*s was not a directory", SLICE_ARGS(above));
}

bool files_make_directory(struct task *task, struct files_change *change, struct slice path,
                          bool parents, const struct files_format *format, struct error *err)
{
    struct slice all = files_trim(path), rest = all, above = {all.data, 0};
    struct files_node node;

    if (all.size == 0)
        return parents ||
               error_set(err, ERROR_REFUSED, "cannot create directory '/': Already exists");
    for (;;) {
        struct slice name = files_next_name(&rest);
        struct slice here = {all.data, (size_t)(name.data + name.size - all.data)};

        if (rest.size == 0)
            break;
        if (!pass_through(task, change, here, above, parents, format, err))
            return false;
        above = here;
    }
    if (!files_lookup(task, &change->root, all, &node, err))
        return false;
    if (!node.exists)
        return make_empty(task, change, all, format, err);
    return (parents && node.is_directory) || error_set(err, ERROR_REFUSED, "file already exists");
}

static bool find_hash(struct slice text, uint64_t *hash, struct error *err)
{
    char lower[64];
    struct slice name = {lower, text.size < sizeof(lower) ? text.size : 0};

    for (size_t i = 0; i < name.size; i++)
        lower[i] = (char)tolower((unsigned char)text.data[i]);
    return hash_find(name, hash) ||
           error_set(err, ERROR_UNSUPPORTED, "unrecognized hash function: \"%.*s\"",
                     SLICE_ARGS(text));
}

/* Kubo takes these, but they are not computed here. */
static bool is_only_kubos(const char *name)
{
    return strncmp(name, "keccak-", 7) == 0 || strncmp(name, "shake-", 6) == 0 ||
           strncmp(name, "blake3", 6) == 0 || strcmp(name, "identity") == 0;
}

bool files_check_format(const struct files_format *format, struct error *err)
{
    struct hash_name name = hash_name(format->hash);

    if (is_only_kubos(name.text))
        return error_set(err, ERROR_UNSUPPORTED, "the hash %s is not supported for files",
                         name.text);
    if (!hash_is_supported(format->hash) || hash_size(format->hash) < HASH_DIGEST_MIN)
        return error_set(err, ERROR_REFUSED, "potentially insecure hash functions not allowed");
    return true;
}

bool files_format_of(const struct call *call, struct files_format *format, bool *is_given,
                     struct error *err)
{
    int64_t version = call_option_number(call, OPT_CID_VERSION, 0);
    bool has_hash = call_has_option(call, OPT_HASH);

    *is_given = has_hash || call_has_option(call, OPT_CID_VERSION);
    *format = (struct files_format){.version = (int)version, .hash = HASH_SHA2_256};
    if (has_hash && version == 0)
        format->version = 1;
    if (format->version != 0 && format->version != 1)
        return error_set(err, ERROR_UNSUPPORTED, "unknown CID version: %d", format->version);
    return !has_hash || find_hash(call_option_text(call, OPT_HASH), &format->hash, err);
}
