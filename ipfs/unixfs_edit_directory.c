// SPDX-License-Identifier: Apache-2.0
#include "ipfs/unixfs_edit_node.h"

/* What a link counts for, as Kubo estimates the size of a directory. */
static uint64_t weight(struct slice name, const struct cid *cid)
{
    return name.size + cid->size;
}

/* A new directory of the node's stat and format, of whatever is added; limit: bytes up to which it
 * is plain. */
static struct unixfs_directory *begin(const struct unixfs_node *node, uint64_t limit,
                                      struct error *err)
{
    struct unixfs_profile profile = unixfs_profile_v0();

    profile.cid_version = node->version;
    profile.hash = node->hash;
    profile.directory_bytes = limit;
    return unixfs_profile_check(&profile, err) ? unixfs_directory_create(&profile) : NULL;
}

static bool add(struct unixfs_directory *to, const struct dag_pb_link *link, struct error *err)
{
    struct unixfs_entry entry = {.cid = link->cid, .tsize = link->tsize};

    return unixfs_directory_add(to, link->name, &entry, err);
}

/* Adds the changed entry, and writes the directory. */
static bool finish(struct unixfs_directory **made, const struct unixfs_store *store,
                   const struct unixfs_node *node, struct slice name,
                   const struct unixfs_entry *entry, struct unixfs_entry *result, struct error *err)
{
    struct unixfs_stat stat = node->unixfs.stat;
    bool ok = entry == NULL || unixfs_directory_add(*made, name, entry, err);

    stat.mode &= 07777;
    ok = ok && unixfs_directory_finish(*made, &stat, store->put, store->arg, result, err);
    unixfs_directory_destroy(made);
    return ok;
}

/* ---- plain */

static bool shard_plain(const struct unixfs_store *store, const struct unixfs_node *node,
                        struct slice name, const struct unixfs_entry *entry,
                        struct unixfs_entry *result, struct error *err)
{
    struct unixfs_directory *made = begin(node, 0, err);

    if (made == NULL)
        return false;
    for (size_t i = 0; i < node->links.count; i++) {
        struct dag_pb_link link = dag_pb_edit_link(&node->links, i);

        if (!slice_equal(link.name, name) && !add(made, &link, err)) {
            unixfs_directory_destroy(&made);
            return false;
        }
    }
    return finish(&made, store, node, name, entry, result, err);
}

static bool is_before(struct slice x, struct slice y)
{
    int order = memcmp(x.data, y.data, x.size < y.size ? x.size : y.size);

    return order < 0 || (order == 0 && x.size < y.size);
}

/* Removes all links of that name. */
static bool remove_name(struct dag_pb_edit *links, struct slice name)
{
    bool any = false;

    for (size_t i = dag_pb_edit_find(links, name); i < links->count;
         i = dag_pb_edit_find(links, name)) {
        dag_pb_edit_remove(links, i);
        any = true;
    }
    return any;
}

static void insert_sorted(struct dag_pb_edit *links, struct slice name,
                          const struct unixfs_entry *entry)
{
    struct dag_pb_link link = {.cid = entry->cid, .name = name, .tsize = entry->tsize};
    size_t index = 0;

    while (index < links->count && is_before(dag_pb_edit_name(links, index), name))
        index++;
    dag_pb_edit_insert(links, index, &link);
}

static uint64_t plain_weight(const struct dag_pb_edit *links)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < links->count; i++) {
        struct dag_pb_link link = dag_pb_edit_link(links, i);

        sum += weight(link.name, &link.cid);
    }
    return sum;
}

static bool set_plain(const struct unixfs_store *store, struct unixfs_node *node, struct slice name,
                      const struct unixfs_entry *entry, int64_t *growth,
                      struct unixfs_entry *result, struct error *err)
{
    size_t at = dag_pb_edit_find(&node->links, name);
    uint64_t old = 0;

    if (entry == NULL && at == node->links.count)
        return error_set(err, ERROR_NOT_FOUND, "file does not exist");
    *growth = 0;
    if (entry != NULL) {
        if (at < node->links.count) {
            struct dag_pb_link link = dag_pb_edit_link(&node->links, at);

            old = weight(name, &link.cid);
        }
        if (plain_weight(&node->links) - old + weight(name, &entry->cid) > UNIXFS_DIRECTORY_MAX) {
            *growth = (int64_t)weight(name, &entry->cid) - (int64_t)old;
            return shard_plain(store, node, name, entry, result, err);
        }
    }
    remove_name(&node->links, name);
    if (entry != NULL)
        insert_sorted(&node->links, name, entry);
    return unixfs_node_put(node, store, text_slice(&node->links.data), result, err);
}

/* ---- sharded */

struct sum {
    int64_t bytes;
};

static bool add_weight(void *arg, const struct dag_pb_link *link, bool *stops, struct error *err)
{
    struct sum *sum = arg;

    (void)err;
    sum->bytes += (int64_t)weight(link->name, &link->cid);
    *stops = sum->bytes > UNIXFS_DIRECTORY_MAX;
    return true;
}

struct gathering {
    struct unixfs_directory *made;
    struct slice without;
};

static bool gather(void *arg, const struct dag_pb_link *link, bool *stops, struct error *err)
{
    struct gathering *gathering = arg;

    (void)stops;
    return slice_equal(link->name, gathering->without) || add(gathering->made, link, err);
}

static bool flatten(const struct unixfs_store *store, const struct cid *root,
                    const struct unixfs_node *node, struct slice name,
                    const struct unixfs_entry *entry, struct unixfs_entry *result,
                    struct error *err)
{
    struct gathering gathering = {begin(node, UINT64_MAX, err), name};

    if (gathering.made == NULL)
        return false;
    if (!unixfs_shard_each(store, root, gather, &gathering, err)) {
        unixfs_directory_destroy(&gathering.made);
        return false;
    }
    return finish(&gathering.made, store, node, name, entry, result, err);
}

/* Kubo takes a shard's link for two characters longer than the entry's name, and, when it looks
 * whether the directory has become small enough, counts no name for what is put in: within the
 * length of a name its threshold is another. */
static bool set_sharded(const struct unixfs_store *store, const struct cid *root,
                        const struct unixfs_node *node, struct slice name,
                        const struct unixfs_entry *entry, int64_t *growth,
                        struct unixfs_entry *result, struct error *err)
{
    int64_t added = entry == NULL ? 0 : (int64_t)entry->cid.size, removed = 0;
    struct dag_pb_link old;
    struct sum sum;
    bool found;

    if (!unixfs_shard_find(store, root, name, &old, &found, err))
        return false;
    if (entry == NULL && !found)
        return error_set(err, ERROR_NOT_FOUND, "file does not exist");
    if (found)
        removed = (int64_t)(weight(name, &old.cid) + unixfs_shard_prefix_size(node->unixfs.fanout));
    sum.bytes = added - removed;
    if (*growth + sum.bytes < 0) {
        if (!unixfs_shard_each(store, root, add_weight, &sum, err))
            return false;
        if (sum.bytes <= UNIXFS_DIRECTORY_MAX) {
            *growth = 0;
            return flatten(store, root, node, name, entry, result, err);
        }
    }
    *growth += added - removed + (entry == NULL ? 0 : (int64_t)name.size);
    return unixfs_shard_set(store, root, name, entry, result, err);
}

bool unixfs_directory_set(const struct unixfs_store *store, const struct cid *directory,
                          struct slice name, const struct unixfs_entry *entry, int64_t *growth,
                          struct unixfs_entry *result, struct error *err)
{
    struct unixfs_node node;
    bool ok = unixfs_node_load(&node, store, directory, err);

    *result = (struct unixfs_entry){0};
    if (ok && node.unixfs.type == UNIXFS_DIRECTORY)
        ok = set_plain(store, &node, name, entry, growth, result, err);
    else if (ok && node.unixfs.type == UNIXFS_HAMT)
        ok = set_sharded(store, directory, &node, name, entry, growth, result, err);
    else if (ok)
        ok = error_set(err, ERROR_SYNTAX, "merkledag node was not a directory or shard");
    unixfs_node_dispose(&node);
    return ok;
}
