// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/link_stack.h"

#include "conf/memory.h"
#include "ipfs/protobuf.h"
#include "upstream/embedded/entity.h"
#include "upstream/embedded/task.h"

#include <assert.h>
#include <stdlib.h>

/* One link in a list: kind (1 byte), size of the CID (1), varints: size, size of the name; the CID,
 * the name. No longer than in a block. */

struct level {
    struct cid cid;
    struct text list;
    size_t at;   /* of the next link in the list */
    size_t next; /* behind it, once it was looked at; else 0 */
    uint32_t tag;
    bool is_dropped; /* the list; at counts all the same */
};

struct link_stack {
    link_lister lister;
    struct level *levels;
    size_t depth, capacity;
    size_t bytes; /* of lists */
    size_t kept;  /* the first level whose list is not dropped, at the most */
};

void link_list_put(struct text *list, const struct stacked_link *link)
{
    text_put_char(list, (char)link->kind);
    text_put_char(list, (char)link->cid.size);
    protobuf_put_varint(list, link->size);
    protobuf_put_varint(list, link->name.size);
    text_put(list, link->cid.bytes, link->cid.size);
    text_put_slice(list, link->name);
}

/* *end: where the next one begins. False: a block was not the same when it was read anew, as only
 * a damaged one is. */
static bool read_link(struct slice list, size_t at, struct stacked_link *link, size_t *end)
{
    struct protobuf_reader wire;
    uint64_t name_size;
    size_t cid_size;

    if (list.size - at < 2)
        return false;
    link->kind = (uint8_t)list.data[at];
    cid_size = (unsigned char)list.data[at + 1];
    protobuf_read(&wire, list.data + at + 2, list.size - at - 2, false);
    if (!protobuf_varint(&wire, &link->size, NULL) || !protobuf_varint(&wire, &name_size, NULL) ||
        (size_t)(wire.end - wire.at) < cid_size ||
        (size_t)(wire.end - wire.at) - cid_size < name_size ||
        !cid_from_bytes(&link->cid, wire.at, cid_size, NULL))
        return false;
    link->name = (struct slice){(const char *)wire.at + cid_size, (size_t)name_size};
    *end = (size_t)(link->name.data + link->name.size - list.data);
    return true;
}

struct place {
    size_t at, end;    /* of a link in a list */
    struct slice name; /* there */
};

static int compare_names(const void *a_, const void *b_)
{
    const struct place *a = a_, *b = b_;
    size_t shorter = a->name.size < b->name.size ? a->name.size : b->name.size;
    int order = shorter > 0 ? memcmp(a->name.data, b->name.data, shorter) : 0;

    if (order == 0)
        order = (a->name.size > b->name.size) - (a->name.size < b->name.size);
    return order != 0 ? order : (a->at > b->at) - (a->at < b->at);
}

/* is_sorted: they are in order as they are. */
static struct place *find_places(struct slice list, size_t *count, bool *is_sorted)
{
    struct place *places = NULL;
    struct stacked_link link;
    size_t capacity = 0;

    *count = 0;
    *is_sorted = true;
    for (size_t at = 0, end; at < list.size && read_link(list, at, &link, &end); at = end) {
        if (*count == capacity) {
            capacity = capacity > 0 ? 2 * capacity : 64;
            places = memory_resize_array(places, capacity, sizeof(*places));
        }
        places[*count] = (struct place){at, end, link.name};
        if (*count > 0 && compare_names(&places[*count - 1], &places[*count]) > 0)
            *is_sorted = false;
        ++*count;
    }
    return places;
}

void link_list_sort(struct text *list)
{
    struct text sorted = {0};
    size_t count;
    bool is_sorted;
    struct place *places = find_places(text_slice(list), &count, &is_sorted);

    if (!is_sorted) {
        qsort(places, count, sizeof(*places), compare_names);
        text_reserve(&sorted, list->size);
        for (size_t i = 0; i < count; i++)
            text_put(&sorted, list->data + places[i].at, places[i].end - places[i].at);
        text_dispose(list);
        *list = sorted;
    }
    free(places);
}

struct link_stack *link_stack_create(link_lister lister)
{
    struct link_stack *stack = memory_alloc(sizeof(*stack));

    stack->lister = lister;
    return stack;
}

void link_stack_destroy(struct link_stack **stack_ptr)
{
    struct link_stack *stack = *stack_ptr;

    if (stack == NULL)
        return;
    while (stack->depth > 0)
        link_stack_pop(stack);
    free(stack->levels);
    free(stack);
    *stack_ptr = NULL;
}

size_t link_stack_depth(const struct link_stack *stack)
{
    return stack->depth;
}

static struct level *top_of(const struct link_stack *stack)
{
    assert(stack->depth > 0);
    return &stack->levels[stack->depth - 1];
}

uint32_t link_stack_tag(const struct link_stack *stack)
{
    return top_of(stack)->tag;
}

const struct cid *link_stack_cid(const struct link_stack *stack)
{
    return &top_of(stack)->cid;
}

/* Gives up lists from the bottom: these are needed last. */
static void drop_lists(struct link_stack *stack)
{
    for (; stack->bytes > LINK_STACK_BYTES_MAX && stack->kept + 1 < stack->depth; stack->kept++) {
        struct level *level = &stack->levels[stack->kept];

        stack->bytes -= level->list.capacity;
        text_dispose(&level->list);
        level->is_dropped = true;
    }
}

static bool fill(struct link_stack *stack, struct level *level, struct slice block,
                 struct error *err)
{
    bool ok = stack->lister(&level->list, &level->cid, block, err);

    if (!ok)
        text_dispose(&level->list);
    stack->bytes += level->list.capacity;
    return ok;
}

bool link_stack_push(struct link_stack *stack, const struct cid *cid, struct slice block,
                     uint32_t tag, struct error *err)
{
    struct level *level;

    if (stack->depth == LINK_STACK_DEPTH_MAX)
        return error_set(err, ERROR_LIMIT, "the object is deeper than %d blocks: not supported",
                         LINK_STACK_DEPTH_MAX);
    if (stack->depth == stack->capacity) {
        stack->capacity = stack->capacity > 0 ? 2 * stack->capacity : 8;
        stack->levels = memory_resize_array(stack->levels, stack->capacity, sizeof(*stack->levels));
    }
    level = &stack->levels[stack->depth];
    *level = (struct level){.cid = *cid, .tag = tag};
    if (!fill(stack, level, block, err))
        return false;
    stack->depth++;
    drop_lists(stack);
    return true;
}

void link_stack_pop(struct link_stack *stack)
{
    struct level *level = top_of(stack);

    stack->bytes -= level->list.capacity;
    text_dispose(&level->list);
    stack->depth--;
    if (stack->kept > 0 && stack->kept >= stack->depth)
        stack->kept = stack->depth - (stack->depth > 0);
}

bool link_stack_peek(struct link_stack *stack, struct task *task, struct stacked_link *link,
                     bool *found, struct error *err)
{
    struct level *level = top_of(stack);

    if (level->is_dropped) {
        struct slice block;

        if (!task_get(task, &level->cid, &block, err) || !fill(stack, level, block, err))
            return false;
        level->is_dropped = false;
    }
    *found = level->at < level->list.size;
    if (*found && !read_link(text_slice(&level->list), level->at, link, &level->next)) {
        struct error why = {.text = "its bytes have changed: it is damaged"};

        return entity_refuse(err, &level->cid, &why);
    }
    return true;
}

void link_stack_advance(struct link_stack *stack)
{
    struct level *level = top_of(stack);

    assert(level->next > 0);
    level->at = level->next;
    level->next = 0;
}
