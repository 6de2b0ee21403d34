// SPDX-License-Identifier: Apache-2.0
#include "ipfs/dag_pb_node.h"

#include "conf/memory.h"
#include "ipfs/dag_pb.h"

#include <assert.h>
#include <stdlib.h>

/* ---- from the block */

/* The names of the data model do not stand in the block: they are the first of the node's bytes. */
static const char names[] = "LinksDataHashNameTsize";
enum { LINKS = 0, DATA = 5, HASH = 9, NAME = 13, TSIZE = 17 }; /* where in names */

struct reader {
    struct dag_node *node;
    struct slice block;
    enum dag_pb_form form;
    struct error *err;
};

static struct dag_item *add(const struct reader *reader, enum dag_kind kind)
{
    return dag_node_add(reader->node, kind, reader->err);
}

static bool add_name(const struct reader *reader, uint64_t offset, uint32_t size)
{
    struct dag_item *item = add(reader, DAG_TEXT);

    if (item == NULL)
        return false;
    item->owned = true;
    item->offset = offset;
    item->size = size;
    return true;
}

static bool add_borrowed(const struct reader *reader, enum dag_kind kind, struct slice bytes)
{
    struct dag_item *item = add(reader, kind);

    if (item == NULL)
        return false;
    item->size = (uint32_t)bytes.size;
    item->offset = bytes.size > 0 ? (uint64_t)(bytes.data - reader->block.data) : 0;
    return true;
}

static bool add_hash(const struct reader *reader, const struct cid *cid)
{
    struct text *bytes = &reader->node->bytes;
    struct dag_item *item;

    if (!add_name(reader, HASH, 4) || (item = add(reader, DAG_LINK)) == NULL)
        return false;
    item->owned = true;
    item->offset = bytes->size;
    item->size = cid->size;
    text_put(bytes, cid->bytes, cid->size);
    return true;
}

static bool add_tsize(const struct reader *reader, const struct dag_pb_link *link)
{
    struct dag_item *item = add(reader, link->has_tsize ? DAG_INT : DAG_NULL);

    if (item == NULL)
        return false;
    if (link->has_tsize)
        item->integer = (int64_t)link->tsize;
    return true;
}

static bool add_link(const struct reader *reader, const struct dag_pb_link *link)
{
    bool shows_all = reader->form == DAG_PB_SHOWN;
    bool shows_name = shows_all || link->has_name, shows_tsize = shows_all || link->has_tsize;
    uint32_t map = reader->node->count;
    struct dag_item *item = add(reader, DAG_MAP);

    if (item == NULL)
        return false;
    item->size = 1U + shows_name + shows_tsize;
    if (!add_hash(reader, &link->cid))
        return false;
    if (shows_name && (!add_name(reader, NAME, 4) ||
                       !add_borrowed(reader, link->has_name ? DAG_TEXT : DAG_NULL, link->name)))
        return false;
    if (shows_tsize && (!add_name(reader, TSIZE, 5) || !add_tsize(reader, link)))
        return false;
    return dag_node_close(reader->node, map, reader->err);
}

static bool add_data(const struct reader *reader, const struct slice *data)
{
    if (data == NULL && reader->form == DAG_PB_PLAIN)
        return true;
    return add_name(reader, DATA, 4) &&
           (data != NULL ? add_borrowed(reader, DAG_BYTES, *data) : add(reader, DAG_NULL) != NULL);
}

static bool add_links(const struct reader *reader)
{
    struct dag_pb_reader parts;
    uint32_t list;

    if (!add_name(reader, LINKS, 5))
        return false;
    list = reader->node->count;
    if (add(reader, DAG_LIST) == NULL)
        return false;
    dag_pb_read(&parts, reader->block.data, reader->block.size);
    for (;;) {
        switch (dag_pb_next(&parts, reader->err)) {
        case DAG_PB_BAD:
            return false;
        case DAG_PB_END:
            return dag_node_close(reader->node, list, reader->err);
        case DAG_PB_DATA:
            break;
        case DAG_PB_LINK:
            reader->node->items[list].size++;
            if (!add_link(reader, &parts.link))
                return false;
        }
    }
}

/* *has_links, *data: out. Data may stand behind the links in the block, and before them in the
 * node. */
static bool look(struct slice block, bool *has_links, struct slice *data, bool *has_data,
                 struct error *err)
{
    struct dag_pb_reader parts;
    enum dag_pb_part part;

    *has_links = *has_data = false;
    dag_pb_read(&parts, block.data, block.size);
    while ((part = dag_pb_next(&parts, err)) != DAG_PB_END) {
        if (part == DAG_PB_BAD)
            return false;
        if (part == DAG_PB_LINK)
            *has_links = true;
        if (part != DAG_PB_DATA)
            continue;
        *has_data = true;
        *data = parts.data;
    }
    return true;
}

bool dag_pb_decode_node(struct dag_node *node, struct slice block, enum dag_pb_form form,
                        struct error *err)
{
    struct reader reader = {node, block, form, err};
    bool has_links, has_data, is_data_first;
    struct slice data;
    struct dag_item *map;

    if (!dag_node_begin(node, block, err) || !look(block, &has_links, &data, &has_data, err))
        return false;
    text_put(&node->bytes, names, sizeof(names) - 1);
    map = add(&reader, DAG_MAP);
    if (map == NULL)
        return false;
    map->size = 1U + (has_data || form == DAG_PB_SHOWN);
    is_data_first = form == DAG_PB_PLAIN && !has_links;
    return (!is_data_first || add_data(&reader, has_data ? &data : NULL)) && add_links(&reader) &&
           (is_data_first || add_data(&reader, has_data ? &data : NULL)) &&
           dag_node_close(node, 0, err);
}

/* ---- to the block */

static bool wrong_kind(const struct dag_item *item, const char *type, const char *wanted,
                       struct error *err)
{
    if (item->kind == DAG_NULL)
        return error_set(err, ERROR_UNSUPPORTED,
                         "func called on wrong kind: \"AssignNull\" called on a dagpb.%s node "
                         "(kind: %s), but only makes sense on null",
                         type, wanted);
    return error_set(err, ERROR_UNSUPPORTED,
                     "func called on wrong kind: \"AssignNode\" called on a dagpb.%s node "
                     "(kind: %s), but only makes sense on %s",
                     type, dag_kind_name((enum dag_kind)item->kind), wanted);
}

static bool check_container(const struct dag_item *item, enum dag_kind kind, const char *type,
                            struct error *err)
{
    return item->kind == kind || wrong_kind(item, type, dag_kind_name(kind), err);
}

static bool check_scalar(const struct dag_item *item, enum dag_kind kind, const char *type,
                         const char *method, struct error *err)
{
    if (item->kind == kind)
        return true;
    if (item->kind == DAG_NULL)
        return wrong_kind(item, type, dag_kind_name(kind), err);
    return dag_wrong_kind(item, method, dag_kind_name(kind), err);
}

static bool no_field(struct slice key, const char *type, struct error *err)
{
    return error_set(err, ERROR_UNSUPPORTED,
                     "invalid key for map dagpb.%s: \"%.*s\": no such field", type,
                     (int)(key.size < 100 ? key.size : 100), key.data);
}

static bool read_tsize(struct dag_pb_link *link, const struct dag_item *item, struct error *err)
{
    if (!check_scalar(item, DAG_INT, "Int", "AsInt", err))
        return false;
    if (item->integer < 0)
        return error_set(err, ERROR_UNSUPPORTED, "Link has negative Tsize value [%lld]",
                         (long long)item->integer);
    link->has_tsize = true;
    link->tsize = (uint64_t)item->integer;
    return true;
}

static bool read_field(struct dag_pb_link *link, const struct dag_node *node, uint32_t key,
                       struct error *err)
{
    struct slice name = dag_node_bytes(node, &node->items[key]);
    const struct dag_item *item = &node->items[key + 1];
    struct slice bytes;

    if (slice_is(name, "Tsize"))
        return read_tsize(link, item, err);
    if (slice_is(name, "Name")) {
        link->has_name = check_scalar(item, DAG_TEXT, "String", "AsString", err);
        if (link->has_name)
            link->name = dag_node_bytes(node, item);
        return link->has_name;
    }
    if (!slice_is(name, "Hash"))
        return no_field(name, "PBLink", err);
    if (!check_scalar(item, DAG_LINK, "Link", "AsLink", err))
        return false;
    bytes = dag_node_bytes(node, item);
    return cid_from_bytes(&link->cid, bytes.data, bytes.size, err);
}

static bool read_link(struct dag_pb_link *link, const struct dag_node *node, uint32_t map,
                      struct error *err)
{
    *link = (struct dag_pb_link){0};
    if (!check_container(&node->items[map], DAG_MAP, "PBLink", err))
        return false;
    for (uint32_t i = map + 1; i < node->items[map].end; i = dag_node_next(node, i + 1))
        if (!read_field(link, node, i, err))
            return false;
    return link->cid.size > 0 || error_set(err, ERROR_UNSUPPORTED, "missing required fields: Hash");
}

/* By name, and of one name as they came. */
static int by_name(const void *a, const void *b)
{
    const struct dag_pb_link *x = *(struct dag_pb_link *const *)a;
    const struct dag_pb_link *y = *(struct dag_pb_link *const *)b;
    size_t shorter = x->name.size < y->name.size ? x->name.size : y->name.size;
    int order = shorter > 0 ? memcmp(x->name.data, y->name.data, shorter) : 0;

    if (order == 0)
        order = (x->name.size > y->name.size) - (x->name.size < y->name.size);
    return order != 0 ? order : (x > y) - (x < y);
}

static void put_links(struct text *out, struct dag_pb_link *links, uint32_t count)
{
    struct dag_pb_link **order = memory_resize_array(NULL, count + 1, sizeof(struct dag_pb_link *));

    for (uint32_t i = 0; i < count; i++)
        order[i] = &links[i];
    qsort(order, count, sizeof(struct dag_pb_link *), by_name);
    for (uint32_t i = 0; i < count; i++)
        dag_pb_put_link(out, order[i]);
    free(order);
}

static bool encode_links(const struct dag_node *node, uint32_t list, struct text *out,
                         struct error *err)
{
    uint32_t count = 0;
    struct dag_pb_link *links;
    bool ok = true;

    if (!check_container(&node->items[list], DAG_LIST, "PBLinks", err))
        return false;
    links = memory_resize_array(NULL, node->items[list].size + 1, sizeof(*links));
    for (uint32_t i = list + 1; ok && i < node->items[list].end; i = dag_node_next(node, i))
        ok = read_link(&links[count++], node, i, err);
    if (ok)
        put_links(out, links, count);
    free(links);
    return ok;
}

static bool find_parts(const struct dag_node *node, uint32_t *links, uint32_t *data,
                       struct error *err)
{
    for (uint32_t i = 1; i < node->count; i = dag_node_next(node, i + 1)) {
        struct slice name = dag_node_bytes(node, &node->items[i]);

        if (slice_is(name, "Links"))
            *links = i + 1;
        else if (slice_is(name, "Data"))
            *data = i + 1;
        else
            return no_field(name, "PBNode", err);
    }
    return true;
}

bool dag_pb_encode_node(const struct dag_node *node, struct text *out, struct error *err)
{
    uint32_t links = 0, data = 0;

    assert(node->count > 0);
    if (!check_container(&node->items[0], DAG_MAP, "PBNode", err) ||
        !find_parts(node, &links, &data, err))
        return false;
    if (data != 0 && !check_scalar(&node->items[data], DAG_BYTES, "Bytes", "AsBytes", err))
        return false;
    if (links == 0)
        return error_set(err, ERROR_UNSUPPORTED, "missing required fields: Links");
    if (!encode_links(node, links, out, err))
        return false;
    if (data != 0)
        dag_pb_put_data(out, dag_node_bytes(node, &node->items[data]));
    return true;
}
