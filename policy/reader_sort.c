// SPDX-License-Identifier: Apache-2.0
/* Named things in the order of their names. */
#include "policy/reader.h"

#include <stdlib.h>

/* What each element begins with. Read by copying: the elements are of different types. */
struct head {
    struct slice name;
    const struct yaml_node *node;
};

static struct head head_of(const void *element)
{
    struct head head;

    memcpy(&head, element, sizeof(head));
    return head;
}

static int compare_numbers(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

/* By name; those of one name by file and place. */
static int compare_heads(const void *a_, const void *b_)
{
    struct head a = head_of(a_), b = head_of(b_);
    size_t least = a.name.size < b.name.size ? a.name.size : b.name.size;
    int order = memcmp(a.name.data, b.name.data, least);

    if (order == 0)
        order = compare_numbers(a.name.size, b.name.size);
    if (order == 0)
        order = strcmp(yaml_name(a.node->yaml), yaml_name(b.node->yaml));
    if (order == 0)
        order = compare_numbers(a.node->line, b.node->line);
    return order != 0 ? order : compare_numbers(a.node->column, b.node->column);
}

void reader_sort(struct reader *reader, void *array, size_t count, size_t size, const char *what,
                 struct names *names)
{
    const char *bytes = array;

    if (count > 1)
        qsort(array, count, size, compare_heads);
    for (size_t i = 0; i < count; i++) {
        struct head head = head_of(bytes + i * size), before;
        uint32_t first = names_add(names, head.name, (uint32_t)i);

        if (first == NAMES_NONE)
            continue;
        before = head_of(bytes + first * size);
        reader_fault(reader, head.node, "the %s '%.*s' stands in %s:%u already", what,
                     SLICE_ARGS(head.name), yaml_name(before.node->yaml), before.node->line);
    }
}
