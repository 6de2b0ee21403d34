// SPDX-License-Identifier: Apache-2.0
/* What a storage implements: the table behind upstream.h. Each has the contract of the function
 * there that bears its name. */
#ifndef UPSTREAM_UPSTREAM_PRIVATE_H
#define UPSTREAM_UPSTREAM_PRIVATE_H

#include "upstream/upstream.h"

struct upstream_functions {
    void (*relay)(struct upstream *upstream, struct exchange *exchange,
                  const struct upstream_request *request);
    bool (*look)(struct upstream *upstream, struct operation **operation, const struct cid *cid,
                 struct slice name, operation_done on_done, void *arg, struct error *err);
    bool (*pin)(struct upstream *upstream, struct operation **operation, const struct cid *cid,
                enum pin_mode mode, struct slice name, bool offline, operation_progress on_progress,
                operation_done on_done, void *arg, struct error *err);
    bool (*unpin)(struct upstream *upstream, struct operation **operation, const struct cid *cid,
                  enum pin_mode mode, operation_done on_done, void *arg, struct error *err);
    bool (*measure)(struct upstream *upstream, struct operation **operation, const struct cid *cid,
                    enum pin_mode mode, operation_done on_done, void *arg, struct error *err);
    bool (*list_pins)(struct upstream *upstream, struct operation **operation,
                      operation_pin_found on_pin, operation_done on_done, void *arg,
                      struct error *err);
    bool (*contains)(struct upstream *upstream, struct operation **operation,
                     const struct cid *root, const struct cid *wanted, operation_done on_done,
                     void *arg, struct error *err);
    bool (*resolve)(struct upstream *upstream, struct operation **operation, struct slice path,
                    uint64_t timeout_ms, bool offline, operation_done on_done, void *arg,
                    struct error *err);
    bool (*gc)(struct upstream *upstream, struct operation **operation, operation_done on_done,
               void *arg, struct error *err);
    bool (*export)(struct upstream *upstream, struct operation **operation, const struct cid *root,
                   uint64_t skip, operation_content on_content, operation_done on_done, void *arg,
                   struct error *err);
    bool (*import)(struct upstream *upstream, struct operation **operation, const char *path,
                   operation_done on_done, void *arg, struct error *err);
    bool (*verify)(struct upstream *upstream, struct operation **operation,
                   operation_progress on_progress, operation_damage_found on_damage,
                   operation_done on_done, void *arg, struct error *err);
    bool (*capacity)(struct upstream *upstream, struct operation **operation,
                     operation_done on_done, void *arg, struct error *err);
    void (*pause)(struct operation *operation); /* of an export */
    void (*resume)(struct operation *operation);
    void (*cancel)(struct operation *operation); /* frees it */
    size_t block_max;                            /* see upstream_block_max */
    const char *(*address)(const struct upstream *upstream);
    void (*destroy)(struct upstream *upstream); /* frees it */
};

/* The first member of each storage, and of each operation. */
struct upstream {
    const struct upstream_functions *functions;
};

struct operation {
    const struct upstream_functions *functions;
};

#endif
