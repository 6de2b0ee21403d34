// SPDX-License-Identifier: Apache-2.0
/* The embedded node as one loop speaks to it. */
#ifndef UPSTREAM_EMBEDDED_EMBEDDED_PRIVATE_H
#define UPSTREAM_EMBEDDED_EMBEDDED_PRIVATE_H

#include "upstream/embedded/node.h"
#include "upstream/upstream_private.h"

struct work;

struct embedded {
    struct upstream base; /* the first: see embedded_of */
    struct node *node;    /* counted */
    struct loop *loop;
    struct work *operations; /* that are under way: operation_task.c */
};

static inline struct embedded *embedded_of(struct upstream *upstream)
{
    return CONTAINER_OF(upstream, struct embedded, base);
}

/* ---- operations.c: see upstream.h */

bool embedded_look(struct upstream *upstream, struct operation **operation, const struct cid *cid,
                   struct slice name, operation_done on_done, void *arg, struct error *err);
bool embedded_pin(struct upstream *upstream, struct operation **operation, const struct cid *cid,
                  enum pin_mode mode, struct slice name, bool offline,
                  operation_progress on_progress, operation_done on_done, void *arg,
                  struct error *err);
bool embedded_unpin(struct upstream *upstream, struct operation **operation, const struct cid *cid,
                    enum pin_mode mode, operation_done on_done, void *arg, struct error *err);
bool embedded_measure(struct upstream *upstream, struct operation **operation,
                      const struct cid *cid, enum pin_mode mode, operation_done on_done, void *arg,
                      struct error *err);
bool embedded_list_pins(struct upstream *upstream, struct operation **operation,
                        operation_pin_found on_pin, operation_done on_done, void *arg,
                        struct error *err);
bool embedded_contains(struct upstream *upstream, struct operation **operation,
                       const struct cid *root, const struct cid *wanted, operation_done on_done,
                       void *arg, struct error *err);
bool embedded_resolve(struct upstream *upstream, struct operation **operation, struct slice path,
                      uint64_t timeout_ms, bool offline, operation_done on_done, void *arg,
                      struct error *err);
bool embedded_gc(struct upstream *upstream, struct operation **operation, operation_done on_done,
                 void *arg, struct error *err);
bool embedded_export(struct upstream *upstream, struct operation **operation,
                     const struct cid *root, uint64_t skip, operation_content on_content,
                     operation_done on_done, void *arg, struct error *err);
bool embedded_import(struct upstream *upstream, struct operation **operation, const char *path,
                     operation_done on_done, void *arg, struct error *err);
bool embedded_verify(struct upstream *upstream, struct operation **operation,
                     operation_progress on_progress, operation_damage_found on_damage,
                     operation_done on_done, void *arg, struct error *err);
bool embedded_capacity(struct upstream *upstream, struct operation **operation,
                       operation_done on_done, void *arg, struct error *err);

#endif
