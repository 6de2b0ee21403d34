// SPDX-License-Identifier: Apache-2.0
#include "ipfs/dag_node.h"

#include "conf/memory.h"

#include <assert.h>
#include <stdlib.h>

void dag_node_dispose(struct dag_node *node)
{
    free(node->items);
    text_dispose(&node->bytes);
    *node = (struct dag_node){0};
}

struct slice dag_node_bytes(const struct dag_node *node, const struct dag_item *item)
{
    const char *base = item->owned ? node->bytes.data : node->block;

    assert(item->kind == DAG_TEXT || item->kind == DAG_BYTES || item->kind == DAG_LINK);
    if (item->size == 0)
        return (struct slice){"", 0};
    return (struct slice){base + item->offset, item->size};
}

uint32_t dag_node_next(const struct dag_node *node, uint32_t index)
{
    const struct dag_item *item = &node->items[index];

    if (item->kind == DAG_LIST || item->kind == DAG_MAP)
        return (uint32_t)item->end;
    return index + 1;
}

uint32_t dag_node_find(const struct dag_node *node, uint32_t map, const char *key)
{
    if (map >= node->count || node->items[map].kind != DAG_MAP)
        return 0;
    for (uint32_t i = map + 1; i < node->items[map].end; i = dag_node_next(node, i + 1))
        if (slice_is(dag_node_bytes(node, &node->items[i]), key))
            return i + 1;
    return 0;
}

const char *dag_kind_name(enum dag_kind kind)
{
    static const char *const names[] = {
        [DAG_NULL] = "null",   [DAG_BOOL] = "bool",   [DAG_INT] = "int",     [DAG_UINT] = "int",
        [DAG_FLOAT] = "float", [DAG_TEXT] = "string", [DAG_BYTES] = "bytes", [DAG_LINK] = "link",
        [DAG_LIST] = "list",   [DAG_MAP] = "map",
    };

    return names[kind];
}

bool dag_wrong_kind(const struct dag_item *item, const char *method, const char *wanted,
                    struct error *err)
{
    const char *kind = dag_kind_name((enum dag_kind)item->kind);

    return error_set(err, ERROR_UNSUPPORTED,
                     "func called on wrong kind: \"%s\" called on a %s node (kind: %s), but only "
                     "makes sense on %s",
                     method, kind, kind, wanted);
}

static int shown(struct slice name)
{
    return (int)(name.size < 100 ? name.size : 100);
}

/* As Go's ParseInt reads a decimal. */
static bool read_index(struct slice name, int64_t *index, struct error *err)
{
    bool is_negative = name.size > 0 && *name.data == '-';
    size_t at = name.size > 0 && (is_negative || *name.data == '+');
    const char *what = at < name.size ? NULL : "invalid syntax";

    *index = 0;
    for (; what == NULL && at < name.size; at++) {
        int digit = name.data[at] - '0';

        if (digit < 0 || digit > 9)
            what = "invalid syntax";
        else if (__builtin_mul_overflow(*index, 10, index) ||
                 __builtin_sub_overflow(*index, digit, index))
            what = "value out of range";
    }
    if (what == NULL && !is_negative && __builtin_sub_overflow(0, *index, index))
        what = "value out of range";
    return what == NULL ||
           error_set(err, ERROR_SYNTAX,
                     "invalid segment for lookup on a list: \"%.*s\": strconv.ParseInt: parsing "
                     "\"%.*s\": %s",
                     shown(name), name.data, shown(name), name.data, what);
}

static bool look_up_index(const struct dag_node *node, uint32_t list, struct slice name,
                          uint32_t *found, struct error *err)
{
    int64_t index;

    if (!read_index(name, &index, err))
        return false;
    if (index < 0) /* its words are Kubo's */
        return error_set(err, ERROR_NOT_FOUND, "key not found: \"\"");
    if (index >= node->items[list].size)
        return error_set(err, ERROR_NOT_FOUND, "key not found: \"%lld\"", (long long)index);
    *found = list + 1;
    while (index-- > 0)
        *found = dag_node_next(node, *found);
    return true;
}

bool dag_node_lookup(const struct dag_node *node, uint32_t at, struct slice name, uint32_t *found,
                     struct error *err)
{
    const struct dag_item *item = &node->items[at];

    if (item->kind == DAG_LIST)
        return look_up_index(node, at, name, found, err);
    if (item->kind != DAG_MAP)
        return dag_wrong_kind(item, "LookupBySegment", "map or list", err);
    for (uint32_t i = at + 1; i < item->end; i = dag_node_next(node, i + 1)) {
        if (!slice_equal(dag_node_bytes(node, &node->items[i]), name))
            continue;
        *found = i + 1;
        return true;
    }
    return error_set(err, ERROR_NOT_FOUND, "key not found: \"%.*s\"", shown(name), name.data);
}

static bool find_link(const struct dag_node *node, uint32_t at, struct slice cid,
                      struct text *path);

static bool find_link_in_map(const struct dag_node *node, uint32_t map, struct slice cid,
                             struct text *path)
{
    size_t size = path->size;

    for (uint32_t i = map + 1; i < node->items[map].end; i = dag_node_next(node, i + 1)) {
        text_put_char(path, '/');
        text_put_slice(path, dag_node_bytes(node, &node->items[i]));
        if (find_link(node, i + 1, cid, path))
            return true;
        path->size = size;
    }
    return false;
}

static bool find_link_in_list(const struct dag_node *node, uint32_t list, struct slice cid,
                              struct text *path)
{
    size_t size = path->size;
    uint32_t index = 0;

    for (uint32_t i = list + 1; i < node->items[list].end; i = dag_node_next(node, i)) {
        text_put_format(path, "/%u", index++);
        if (find_link(node, i, cid, path))
            return true;
        path->size = size;
    }
    return false;
}

/* Recursion: DAG_DEPTH_MAX at most, for the decoders nest no deeper. */
static bool find_link(const struct dag_node *node, uint32_t at, struct slice cid, struct text *path)
{
    const struct dag_item *item = &node->items[at];

    if (item->kind == DAG_MAP)
        return find_link_in_map(node, at, cid, path);
    if (item->kind == DAG_LIST)
        return find_link_in_list(node, at, cid, path);
    return item->kind == DAG_LINK && slice_equal(dag_node_bytes(node, item), cid);
}

bool dag_node_find_link(const struct dag_node *node, struct slice cid, struct text *path)
{
    return find_link(node, 0, cid, path);
}

void dag_node_keep(struct dag_node *node, uint32_t index)
{
    uint32_t count = dag_node_next(node, index) - index;

    memmove(node->items, node->items + index, count * sizeof(*node->items));
    node->count = count;
    for (uint32_t i = 0; i < count; i++)
        if (node->items[i].kind == DAG_LIST || node->items[i].kind == DAG_MAP)
            node->items[i].end -= index;
}

/* What qsort_r hands to the orders: its last argument cannot be const. */
struct sorted {
    const struct dag_node *node;
};

static int by_bytes(const void *a, const void *b, void *sorted)
{
    const struct dag_node *node = ((const struct sorted *)sorted)->node;
    struct slice x = dag_node_bytes(node, &node->items[*(const uint32_t *)a]);
    struct slice y = dag_node_bytes(node, &node->items[*(const uint32_t *)b]);
    int order = memcmp(x.data, y.data, x.size < y.size ? x.size : y.size);

    return order != 0 ? order : (x.size > y.size) - (x.size < y.size);
}

static int by_length(const void *a, const void *b, void *sorted)
{
    const struct dag_node *node = ((const struct sorted *)sorted)->node;
    uint32_t x = node->items[*(const uint32_t *)a].size;
    uint32_t y = node->items[*(const uint32_t *)b].size;

    return x != y ? (x > y) - (x < y) : by_bytes(a, b, sorted);
}

uint32_t *dag_node_sorted_keys(const struct dag_node *node, uint32_t map, enum dag_order order)
{
    const struct dag_item *item = &node->items[map];
    uint32_t *keys = memory_resize_array(NULL, item->size + 1, sizeof(*keys));
    struct sorted sorted = {node};
    uint32_t count = 0;

    for (uint32_t i = map + 1; i < item->end; i = dag_node_next(node, i + 1))
        keys[count++] = i;
    assert(count == item->size);
    qsort_r(keys, count, sizeof(*keys), order == DAG_BY_BYTES ? by_bytes : by_length, &sorted);
    return keys;
}

bool dag_node_begin(struct dag_node *node, struct slice block, struct error *err)
{
    node->count = 0;
    node->block = block.data;
    text_clear(&node->bytes);
    return block.size <= UINT32_MAX ||
           error_set(err, ERROR_LIMIT, "the block has %zu bytes, more than the %u that are read",
                     block.size, UINT32_MAX);
}

struct dag_item *dag_node_add(struct dag_node *node, enum dag_kind kind, struct error *err)
{
    if (node->count == DAG_ITEMS_MAX) {
        error_set(err, ERROR_LIMIT, "the block has more than %u values", DAG_ITEMS_MAX);
        return NULL;
    }
    if (node->count == node->capacity) {
        node->capacity = node->capacity == 0 ? 32 : node->capacity * 2;
        node->items = memory_resize_array(node->items, node->capacity, sizeof(*node->items));
    }
    node->items[node->count] = (struct dag_item){.kind = (uint8_t)kind};
    return &node->items[node->count++];
}

static bool check_keys(const struct dag_node *node, uint32_t map, struct error *err)
{
    uint32_t count = node->items[map].size;
    uint32_t *keys;
    bool ok = true;

    if (count < 2)
        return true;
    keys = dag_node_sorted_keys(node, map, DAG_BY_LENGTH);
    for (uint32_t i = 1; ok && i < count; i++) {
        struct slice key = dag_node_bytes(node, &node->items[keys[i]]);

        if (slice_equal(key, dag_node_bytes(node, &node->items[keys[i - 1]])))
            ok = error_set(err, ERROR_SYNTAX, "a map has the key \"%.*s\" twice",
                           (int)(key.size < 100 ? key.size : 100), key.data);
    }
    free(keys);
    return ok;
}

bool dag_node_close(struct dag_node *node, uint32_t index, struct error *err)
{
    node->items[index].end = node->count;
    return node->items[index].kind != DAG_MAP || check_keys(node, index, err);
}
