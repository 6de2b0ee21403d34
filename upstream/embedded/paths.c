// SPDX-License-Identifier: Apache-2.0
/* A path is followed block by block, and inside a block name by name. The last name is looked up
 * with an answer of its own when it is not there; a name before that is "no link named", whatever
 * stood in the way. So it is in Kubo, where two parts do that. */
#include "upstream/embedded/paths.h"

#include "ipfs/dag_codec.h"
#include "ipfs/dag_pb.h"
#include "upstream/embedded/directory_reader.h"
#include "upstream/embedded/entity.h"
#include "upstream/embedded/reply.h"
#include "upstream/embedded/task.h"

/* On the way: cid is the block, rest what is still to be followed: "/a/b", not "". */
struct way {
    struct task *task;
    struct cid cid;
    struct slice rest;
};

/* What a look into one block came to. */
enum look {
    LOOK_LINK,    /* cid is the next block, rest what comes behind the link */
    LOOK_VALUE,   /* the path ends in this block: rest is where */
    LOOK_REFUSED, /* err */
};

/* The first name of a rest; what is behind it. */
static struct slice first_name(struct slice rest, struct slice *behind)
{
    const char *slash = memchr(rest.data + 1, '/', rest.size - 1);
    size_t end = slash != NULL ? (size_t)(slash - rest.data) : rest.size;

    *behind = (struct slice){rest.data + end, rest.size - end};
    return (struct slice){rest.data + 1, end - 1};
}

static enum look take_link(struct way *way, const struct cid *cid, struct slice behind)
{
    way->cid = *cid;
    way->rest = behind;
    return LOOK_LINK;
}

static enum look no_link(const struct way *way, struct slice name, struct error *err)
{
    struct text text = {0};

    reply_put_quoted(&text, name);
    text_put_text(&text, " under ");
    cid_print(&way->cid, CID_BASE_DEFAULT, &text);
    error_set(err, ERROR_NOT_FOUND, "no link named %s", text.data);
    text_dispose(&text);
    return LOOK_REFUSED;
}

static enum look refuse_name(const struct way *way, struct slice name, struct slice behind,
                             const struct error *why, struct error *err)
{
    if (behind.size > 0)
        return no_link(way, name, err);
    error_set(err, why->code == ERROR_SYNTAX ? ERROR_UNSUPPORTED : why->code, "%s", why->text);
    return LOOK_REFUSED;
}

/* ---- dag-pb as UnixFS */

/* A file has nothing below it. */
static enum look look_in_file(const struct way *way, const struct entity *file, struct slice name,
                              struct slice behind, struct error *err)
{
    if (behind.size > 0)
        return no_link(way, name, err);
    if (file->link_count == 0) { /* its bytes, which Kubo has of two kinds */
        error_set(err, ERROR_UNSUPPORTED,
                  "func called on wrong kind: \"LookupBySegment\" called on a %s node (kind: "
                  "bytes), but only makes sense on map or list",
                  file->unixfs.has_data ? "data.Bytes" : "bytes");
        return LOOK_REFUSED;
    }
    error_set(err, ERROR_UNSUPPORTED,
              "func called on wrong kind: \"\" called on a INVALID node, but only makes sense on "
              "<empty KindSet>");
    return LOOK_REFUSED;
}

static bool find_link(struct slice block, struct slice name, struct cid *cid)
{
    struct dag_pb_reader reader;
    enum dag_pb_part part;

    dag_pb_read(&reader, block.data, block.size);
    while ((part = dag_pb_next(&reader, NULL)) == DAG_PB_LINK || part == DAG_PB_DATA)
        if (part == DAG_PB_LINK && reader.link.has_name && slice_equal(reader.link.name, name)) {
            *cid = reader.link.cid;
            return true;
        }
    return false;
}

static enum look look_in_shards(struct way *way, struct slice name, struct slice behind,
                                struct error *err)
{
    struct directory_entry entry;
    struct error why = {0};
    bool found;

    if (!directory_find(way->task, &way->cid, name, &entry, &found, &why))
        return refuse_name(way, name, behind, &why, err);
    return found ? take_link(way, &entry.cid, behind) : no_link(way, name, err);
}

static bool is_well_formed(const struct cid *cid, struct slice block, struct error *err)
{
    struct dag_pb_reader reader;
    struct error why = {0};
    enum dag_pb_part part;

    dag_pb_read(&reader, block.data, block.size);
    while ((part = dag_pb_next(&reader, &why)) != DAG_PB_END)
        if (part == DAG_PB_BAD)
            return entity_refuse(err, cid, &why);
    return true;
}

static enum look look_in_unixfs(struct way *way, struct slice block, struct error *err)
{
    struct slice behind;
    struct slice name = first_name(way->rest, &behind);
    struct entity entity;
    struct cid cid;

    /* what is no UnixFS is a directory of its links */
    if (entity_of(&entity, &way->cid, block, NULL)) {
        if (entity_is_file(&entity))
            return look_in_file(way, &entity, name, behind, err);
        if (entity.unixfs.type == UNIXFS_HAMT)
            return look_in_shards(way, name, behind, err);
    } else if (!is_well_formed(&way->cid, block, err)) {
        return LOOK_REFUSED;
    }
    return find_link(block, name, &cid) ? take_link(way, &cid, behind) : no_link(way, name, err);
}

/* ---- the data model */

/* A name that a dag-pb node does not have is a link that is not there. */
static enum look refuse_step(const struct way *way, const struct dag_item *item, struct slice name,
                             struct slice behind, const struct error *why, struct error *err)
{
    if (way->cid.codec == CODEC_DAG_PB && item->kind == DAG_MAP)
        return no_link(way, name, err);
    return refuse_name(way, name, behind, why, err);
}

static enum look follow_node(struct way *way, const struct dag_node *node, struct error *err)
{
    struct slice rest = way->rest;
    struct cid cid;
    uint32_t at = 0;

    while (rest.size > 0 && node->items[at].kind != DAG_LINK) {
        struct error why = {0};
        struct slice behind;
        struct slice name = first_name(rest, &behind);

        if (!dag_node_lookup(node, at, name, &at, &why))
            return refuse_step(way, &node->items[at], name, behind, &why, err);
        rest = behind;
    }
    if (node->items[at].kind != DAG_LINK)
        return LOOK_VALUE;
    return cid_from_bytes(&cid, dag_node_bytes(node, &node->items[at]).data, node->items[at].size,
                          err)
               ? take_link(way, &cid, rest)
               : LOOK_REFUSED;
}

static enum look look_in_node(struct way *way, struct slice block, struct error *err)
{
    struct dag_node node = {0};
    enum look look = LOOK_REFUSED;
    struct error why = {0};

    if (dag_codec_show(&node, way->cid.codec, block, &why))
        look = follow_node(way, &node, err);
    else
        entity_refuse(err, &way->cid, &why);
    dag_node_dispose(&node);
    return look;
}

/* ---- from block to block */

static enum look look_in(struct way *way, bool is_unixfs, struct slice block, struct error *err)
{
    if (!entity_check_codec(&way->cid, err))
        return LOOK_REFUSED;
    return way->cid.codec == CODEC_DAG_PB && is_unixfs ? look_in_unixfs(way, block, err)
                                                       : look_in_node(way, block, err);
}

/* Kubo says of a block on the way what led to it; of the first it does not. */
static bool refuse_block(const struct way *way, struct slice path, const struct error *why,
                         struct error *err)
{
    size_t taken = path.size - way->rest.size;
    struct text cid = {0};

    if (taken == 0)
        return error_copy(err, why);
    cid_print(&way->cid, CID_BASE_DEFAULT, &cid);
    error_set(err, why->code, "error traversing node at \"%.*s\": could not load link \"%s\": %s",
              (int)(taken - 1), path.data + 1, cid.data, why->text);
    text_dispose(&cid);
    return false;
}

static bool follow(struct way *way, const struct call_path *path, struct error *err)
{
    for (size_t blocks = 0; way->rest.size > 0; blocks++) {
        struct error why = {0};
        struct slice block;

        if (blocks == PATH_BLOCKS_MAX)
            return error_set(err, ERROR_LIMIT,
                             "the path leads through more than %d blocks: not "
                             "supported",
                             PATH_BLOCKS_MAX);
        if (!task_get(way->task, &way->cid, &block, &why))
            return refuse_block(way, path->subpath, &why, err);
        switch (look_in(way, path->kind == CALL_PATH_IPFS, block, err)) {
        case LOOK_LINK:
            break;
        case LOOK_VALUE:
            return true;
        case LOOK_REFUSED:
            return false;
        }
    }
    return true;
}

/* Kubo's words for a name that it knows nothing of: a key, or else a domain. */
static bool refuse_ipns(struct slice name, struct error *err)
{
    bool is_key = slice_starts(name, "12D3Koo") || slice_starts(name, "16Uiu2");
    struct cid cid;

    if (is_key || cid_parse(&cid, name, NULL))
        return error_set(err, ERROR_NOT_FOUND, "could not resolve name");
    return error_set(err, ERROR_NOT_FOUND,
                     "DNSLink lookup for \"%.*s.\" failed: could not resolve name: DNSLink lookup "
                     "could not find a TXT record (https://docs.ipfs.tech/concepts/dnslink/)",
                     SLICE_ARGS(name));
}

bool path_resolve(struct task *task, const struct call_path *path, struct path_end *end,
                  struct error *err)
{
    struct way way = {.task = task, .cid = path->cid, .rest = path->subpath};

    if (path->kind == CALL_PATH_IPNS)
        return refuse_ipns(path->name, err);
    if (path->kind != CALL_PATH_IPFS && path->kind != CALL_PATH_IPLD)
        return error_set(err, ERROR_UNSUPPORTED, "this is no path of content");
    if (!follow(&way, path, err))
        return false;
    *end = (struct path_end){.cid = way.cid, .rest = way.rest};
    return true;
}
