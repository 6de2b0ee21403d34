// SPDX-License-Identifier: Apache-2.0
#include "ipfs/dag_pb_edit.h"

#include "conf/memory.h"

#include <assert.h>
#include <stdlib.h>

static struct dag_pb_edit_link *make_room(struct dag_pb_edit *node, size_t index)
{
    assert(index <= node->count);
    if (node->count == node->capacity) {
        node->capacity = node->capacity == 0 ? 16 : node->capacity * 2;
        node->links = memory_resize_array(node->links, node->capacity, sizeof(*node->links));
    }
    memmove(&node->links[index + 1], &node->links[index],
            (node->count - index) * sizeof(*node->links));
    node->count++;
    return &node->links[index];
}

/* Encodes a link behind the others. */
static struct dag_pb_edit_link put_link(struct dag_pb_edit *node, const struct dag_pb_link *link)
{
    struct dag_pb_link whole = *link;
    struct dag_pb_edit_link put = {.offset = node->bytes.size};

    whole.has_name = whole.has_tsize = true;
    dag_pb_put_link(&node->bytes, &whole);
    put.size = node->bytes.size - put.offset;
    put.name_size = whole.name.size;
    /* the name stands before its size: tag and number are the end */
    put.name_offset = node->bytes.size - 1 - protobuf_varint_size(whole.tsize) - whole.name.size;
    return put;
}

void dag_pb_edit_insert(struct dag_pb_edit *node, size_t index, const struct dag_pb_link *link)
{
    struct dag_pb_edit_link put = put_link(node, link);

    *make_room(node, index) = put;
    node->tsize += link->tsize;
}

void dag_pb_edit_replace(struct dag_pb_edit *node, size_t index, const struct dag_pb_link *link)
{
    assert(index < node->count);
    node->tsize += link->tsize - dag_pb_edit_link(node, index).tsize;
    node->links[index] = put_link(node, link);
}

void dag_pb_edit_remove(struct dag_pb_edit *node, size_t index)
{
    assert(index < node->count);
    node->tsize -= dag_pb_edit_link(node, index).tsize;
    node->count--;
    memmove(&node->links[index], &node->links[index + 1],
            (node->count - index) * sizeof(*node->links));
}

bool dag_pb_edit_read(struct dag_pb_edit *node, struct slice block, struct error *err)
{
    struct dag_pb_reader reader;

    *node = (struct dag_pb_edit){0};
    dag_pb_read(&reader, block.data, block.size);
    for (;;) {
        switch (dag_pb_next(&reader, err)) {
        case DAG_PB_LINK:
            dag_pb_edit_insert(node, node->count, &reader.link);
            break;
        case DAG_PB_DATA:
            node->has_data = true;
            text_put_slice(&node->data, reader.data);
            break;
        case DAG_PB_END:
            return true;
        case DAG_PB_BAD:
            return false;
        }
    }
}

void dag_pb_edit_dispose(struct dag_pb_edit *node)
{
    text_dispose(&node->bytes);
    text_dispose(&node->data);
    free(node->links);
    *node = (struct dag_pb_edit){0};
}

struct slice dag_pb_edit_name(const struct dag_pb_edit *node, size_t index)
{
    const struct dag_pb_edit_link *link = &node->links[index];

    return (struct slice){node->bytes.data + link->name_offset, link->name_size};
}

struct dag_pb_link dag_pb_edit_link(const struct dag_pb_edit *node, size_t index)
{
    const struct dag_pb_edit_link *link = &node->links[index];
    struct dag_pb_reader reader;
    enum dag_pb_part part;

    dag_pb_read(&reader, node->bytes.data + link->offset, link->size);
    part = dag_pb_next(&reader, NULL);
    assert(part == DAG_PB_LINK); /* it was encoded here */
    return reader.link;
}

size_t dag_pb_edit_find(const struct dag_pb_edit *node, struct slice name)
{
    size_t index = 0;

    while (index < node->count && !slice_equal(dag_pb_edit_name(node, index), name))
        index++;
    return index;
}

static int compare(struct slice x, struct slice y)
{
    size_t size = x.size < y.size ? x.size : y.size;
    int order = size == 0 ? 0 : memcmp(x.data, y.data, size);

    return order != 0 ? order : (x.size > y.size) - (x.size < y.size);
}

static int by_name(const struct dag_pb_edit *node, const struct dag_pb_edit_link *x,
                   const struct dag_pb_edit_link *y)
{
    const char *bytes = node->bytes.data;

    return compare((struct slice){bytes + x->name_offset, x->name_size},
                   (struct slice){bytes + y->name_offset, y->name_size});
}

static bool is_sorted(const struct dag_pb_edit *node)
{
    for (size_t i = 1; i < node->count; i++)
        if (by_name(node, &node->links[i - 1], &node->links[i]) > 0)
            return false;
    return true;
}

/* A merge: those of one name stay in their order, which qsort does not promise. */
static void sort(struct dag_pb_edit *node)
{
    struct dag_pb_edit_link *from = node->links, *to, *other;

    if (is_sorted(node))
        return;
    to = other = memory_resize_array(NULL, node->count, sizeof(*other));
    for (size_t run = 1; run < node->count; run *= 2) {
        struct dag_pb_edit_link *swap = from;

        for (size_t first = 0; first < node->count; first += 2 * run) {
            size_t middle = first + run < node->count ? first + run : node->count;
            size_t last = middle + run < node->count ? middle + run : node->count;
            size_t left = first, right = middle;

            for (size_t at = first; at < last; at++)
                to[at] = right == last ||
                                 (left < middle && by_name(node, &from[left], &from[right]) <= 0)
                             ? from[left++]
                             : from[right++];
        }
        from = to;
        to = swap;
    }
    if (from == other)
        memcpy(node->links, other, node->count * sizeof(*other));
    free(other);
}

void dag_pb_edit_write(struct dag_pb_edit *node, struct slice data, struct text *out)
{
    sort(node);
    for (size_t i = 0; i < node->count; i++)
        text_put(out, node->bytes.data + node->links[i].offset, node->links[i].size);
    dag_pb_put_data(out, data);
}
