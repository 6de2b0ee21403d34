// SPDX-License-Identifier: Apache-2.0
/* The way down through a DAG, node by node: for each level its links, and which comes next. For
 * readers that go depth first without recursing.
 *
 * Bounded whatever others built: at most LINK_STACK_DEPTH_MAX levels; of the links it keeps some
 * LINK_STACK_BYTES_MAX, and reads the nodes above anew when it comes back to them.
 *
 * Lives across slices; every call is in a slice of the same task. */
#ifndef UPSTREAM_EMBEDDED_LINK_STACK_H
#define UPSTREAM_EMBEDDED_LINK_STACK_H

#include "conf/error.h"
#include "conf/text.h"
#include "ipfs/cid.h"

#include <stddef.h>
#include <stdint.h>

#define LINK_STACK_DEPTH_MAX 16384
#define LINK_STACK_BYTES_MAX ((size_t)4 << 20)

struct task;
struct link_stack;

struct stacked_link {
    struct cid cid;
    struct slice name; /* until the stack changes */
    uint64_t size;     /* what the lister said */
    uint8_t kind;      /* likewise */
};

/* Puts the links of a node with link_list_put. To stop, set err and return false. */
typedef bool (*link_lister)(struct text *list, const struct cid *cid, struct slice block,
                            struct error *err);
void link_list_put(struct text *list, const struct stacked_link *link);
/* Sorts a list by the bytes of names; of one name, none overtakes another. */
void link_list_sort(struct text *list);

struct link_stack *link_stack_create(link_lister lister);
void link_stack_destroy(struct link_stack **stack); /* NULL is fine */

size_t link_stack_depth(const struct link_stack *stack); /* levels */

/* A node's links become the top. block is the node's; tag is the caller's, see link_stack_tag.
 * Fails as the lister does, or with ERROR_LIMIT. */
MUST_USE bool link_stack_push(struct link_stack *stack, const struct cid *cid, struct slice block,
                              uint32_t tag, struct error *err);
/* Of the top, which is there: */
uint32_t link_stack_tag(const struct link_stack *stack);
const struct cid *link_stack_cid(const struct link_stack *stack);
void link_stack_pop(struct link_stack *stack);
/* Its next link. found: there is one. Call link_stack_advance to be done with it. May read. */
MUST_USE bool link_stack_peek(struct link_stack *stack, struct task *task,
                              struct stacked_link *link, bool *found, struct error *err);
void link_stack_advance(struct link_stack *stack);

#endif
