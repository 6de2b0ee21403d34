// SPDX-License-Identifier: Apache-2.0
/* The operations that treatments and the tracker ask the node for. */
#include "upstream/embedded/embedded_private.h"

static bool is_not_built(const char *what, struct error *err)
{
    return error_set(err, ERROR_UNSUPPORTED, "the embedded node: %s is not built", what);
}

bool embedded_look(struct upstream *upstream, struct operation **operation, const struct cid *cid,
                   struct slice name, operation_done on_done, void *arg, struct error *err)
{
    return is_not_built("look", err);
}

bool embedded_pin(struct upstream *upstream, struct operation **operation, const struct cid *cid,
                  enum pin_mode mode, struct slice name, bool offline,
                  operation_progress on_progress, operation_done on_done, void *arg,
                  struct error *err)
{
    return is_not_built("pin", err);
}

bool embedded_unpin(struct upstream *upstream, struct operation **operation, const struct cid *cid,
                    enum pin_mode mode, operation_done on_done, void *arg, struct error *err)
{
    return is_not_built("unpin", err);
}

bool embedded_measure(struct upstream *upstream, struct operation **operation,
                      const struct cid *cid, enum pin_mode mode, operation_done on_done, void *arg,
                      struct error *err)
{
    return is_not_built("measure", err);
}

bool embedded_list_pins(struct upstream *upstream, struct operation **operation,
                        operation_pin_found on_pin, operation_done on_done, void *arg,
                        struct error *err)
{
    return is_not_built("list_pins", err);
}

bool embedded_contains(struct upstream *upstream, struct operation **operation,
                       const struct cid *root, const struct cid *wanted, operation_done on_done,
                       void *arg, struct error *err)
{
    return is_not_built("contains", err);
}

bool embedded_resolve(struct upstream *upstream, struct operation **operation, struct slice path,
                      uint64_t timeout_ms, bool offline, operation_done on_done, void *arg,
                      struct error *err)
{
    return is_not_built("resolve", err);
}

bool embedded_gc(struct upstream *upstream, struct operation **operation, operation_done on_done,
                 void *arg, struct error *err)
{
    return is_not_built("gc", err);
}

bool embedded_capacity(struct upstream *upstream, struct operation **operation,
                       operation_done on_done, void *arg, struct error *err)
{
    return is_not_built("capacity", err);
}
