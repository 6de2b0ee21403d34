// SPDX-License-Identifier: Apache-2.0
#include "upstream/upstream_private.h"

void upstream_relay(struct upstream *upstream, struct exchange *exchange,
                    const struct upstream_request *request)
{
    upstream->functions->relay(upstream, exchange, request);
}

bool upstream_look(struct upstream *upstream, struct operation **operation, const struct cid *cid,
                   struct slice name, operation_done on_done, void *arg, struct error *err)
{
    return upstream->functions->look(upstream, operation, cid, name, on_done, arg, err);
}

bool upstream_pin(struct upstream *upstream, struct operation **operation, const struct cid *cid,
                  enum pin_mode mode, struct slice name, bool offline,
                  operation_progress on_progress, operation_done on_done, void *arg,
                  struct error *err)
{
    return upstream->functions->pin(upstream, operation, cid, mode, name, offline, on_progress,
                                    on_done, arg, err);
}

bool upstream_unpin(struct upstream *upstream, struct operation **operation, const struct cid *cid,
                    enum pin_mode mode, operation_done on_done, void *arg, struct error *err)
{
    return upstream->functions->unpin(upstream, operation, cid, mode, on_done, arg, err);
}

bool upstream_measure(struct upstream *upstream, struct operation **operation,
                      const struct cid *cid, enum pin_mode mode, operation_done on_done, void *arg,
                      struct error *err)
{
    return upstream->functions->measure(upstream, operation, cid, mode, on_done, arg, err);
}

bool upstream_list_pins(struct upstream *upstream, struct operation **operation,
                        operation_pin_found on_pin, operation_done on_done, void *arg,
                        struct error *err)
{
    return upstream->functions->list_pins(upstream, operation, on_pin, on_done, arg, err);
}

bool upstream_contains(struct upstream *upstream, struct operation **operation,
                       const struct cid *root, const struct cid *wanted, operation_done on_done,
                       void *arg, struct error *err)
{
    return upstream->functions->contains(upstream, operation, root, wanted, on_done, arg, err);
}

bool upstream_resolve(struct upstream *upstream, struct operation **operation, struct slice path,
                      uint64_t timeout_ms, bool offline, operation_done on_done, void *arg,
                      struct error *err)
{
    return upstream->functions->resolve(upstream, operation, path, timeout_ms, offline, on_done,
                                        arg, err);
}

bool upstream_gc(struct upstream *upstream, struct operation **operation, operation_done on_done,
                 void *arg, struct error *err)
{
    return upstream->functions->gc(upstream, operation, on_done, arg, err);
}

bool upstream_export(struct upstream *upstream, struct operation **operation,
                     const struct cid *root, uint64_t skip, operation_content on_content,
                     operation_done on_done, void *arg, struct error *err)
{
    return upstream->functions->export(upstream, operation, root, skip, on_content, on_done, arg,
                                       err);
}

void upstream_pause(struct operation *operation)
{
    operation->functions->pause(operation);
}

void upstream_resume(struct operation *operation)
{
    operation->functions->resume(operation);
}

bool upstream_import(struct upstream *upstream, struct operation **operation, const char *path,
                     operation_done on_done, void *arg, struct error *err)
{
    return upstream->functions->import(upstream, operation, path, on_done, arg, err);
}

bool upstream_verify(struct upstream *upstream, struct operation **operation,
                     operation_progress on_progress, operation_damage_found on_damage,
                     operation_done on_done, void *arg, struct error *err)
{
    return upstream->functions->verify(upstream, operation, on_progress, on_damage, on_done, arg,
                                       err);
}

bool upstream_capacity(struct upstream *upstream, struct operation **operation,
                       operation_done on_done, void *arg, struct error *err)
{
    return upstream->functions->capacity(upstream, operation, on_done, arg, err);
}

void upstream_cancel(struct operation **operation)
{
    if (*operation != NULL)
        (*operation)->functions->cancel(*operation);
    *operation = NULL;
}

size_t upstream_block_max(const struct upstream *upstream)
{
    return upstream->functions->block_max;
}

const char *upstream_address(const struct upstream *upstream)
{
    return upstream->functions->address(upstream);
}

void upstream_destroy(struct upstream **upstream)
{
    if (*upstream != NULL)
        (*upstream)->functions->destroy(*upstream);
    *upstream = NULL;
}
