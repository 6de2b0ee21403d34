// SPDX-License-Identifier: Apache-2.0
#include "shelf.h"

#include "conf/memory.h"

#include <assert.h>
#include <stdlib.h>

struct shelf_object *shelf_find(struct shelf *shelf, const struct cid *cid)
{
    struct shelf_object *object = shelf->objects;

    while (object != NULL && !cid_equal(&object->cid, cid))
        object = object->next;
    return object;
}

struct shelf_object *shelf_put(struct shelf *shelf, const struct cid *cid, uint64_t bytes)
{
    struct shelf_object *object = shelf_find(shelf, cid);

    if (object == NULL) {
        object = memory_alloc(sizeof(*object));
        object->cid = *cid;
        object->next = shelf->objects;
        shelf->objects = object;
    }
    object->bytes = bytes;
    return object;
}

/* ---- ending an operation */

static bool fails(struct shelf *shelf, struct error *err)
{
    enum error_code code = shelf->failure;

    shelf->failure = ERROR_NONE;
    if (code == ERROR_NONE && shelf->failures > 0 &&
        (unsigned)rand_r(&shelf->seed) % shelf->failures == 0)
        code = ERROR_IO;
    return code != ERROR_NONE && !error_set(err, code, "the shelf fell");
}

static bool do_pin(struct shelf *shelf, struct shelf_operation *operation,
                   struct operation_result *result, struct error *err)
{
    struct shelf_object *object = shelf_find(shelf, &operation->cid);

    shelf->pins++;
    if (object == NULL || (object->is_remote && operation->offline))
        return error_set(err, ERROR_NOT_FOUND, "block was not found locally");
    assert(object->ours == PIN_NONE || object->ours < operation->mode);
    assert(object->foreign == PIN_NONE);
    object->ours = operation->mode;
    object->is_remote = false;
    result->has_bytes = !shelf->hides_bytes;
    result->bytes = operation->mode == PIN_DIRECT ? 1 : object->bytes;
    return true;
}

static bool do_unpin(struct shelf *shelf, const struct cid *cid, struct error *err)
{
    struct cid v1 = cid_to_v1(cid);
    struct shelf_object *object = shelf_find(shelf, &v1);
    bool is_v0 = !cid_equal(&v1, cid);

    shelf->unpins++;
    if (object == NULL ||
        (is_v0 ? object->v0 == PIN_NONE : object->ours == PIN_NONE && object->foreign == PIN_NONE))
        return error_set(err, ERROR_NOT_FOUND, "not pinned");
    if (is_v0)
        object->v0 = PIN_NONE;
    else
        object->ours = object->foreign = PIN_NONE;
    return true;
}

static void do_list(const struct shelf *shelf, const struct shelf_operation *operation)
{
    static const struct slice others = SLICE("others");

    for (const struct shelf_object *object = shelf->objects; object != NULL;
         object = object->next) {
        struct cid v0;

        if (object->ours != PIN_NONE)
            operation->on_pin(operation->arg, &object->cid, object->ours, slice_of(shelf->name));
        if (object->foreign != PIN_NONE)
            operation->on_pin(operation->arg, &object->cid, object->foreign, others);
        if (object->v0 == PIN_NONE)
            continue;
        v0 = cid_to_v0(&object->cid);
        operation->on_pin(operation->arg, &v0, object->v0, others);
    }
}

static bool perform(struct shelf *shelf, struct shelf_operation *operation,
                    struct operation_result *result, struct error *err)
{
    struct shelf_object *object = shelf_find(shelf, &operation->cid);

    switch (operation->kind) {
    case SHELF_LOOK:
        shelf->looks++;
        result->ours = object != NULL ? object->ours : PIN_NONE;
        result->foreign = object != NULL ? object->foreign : PIN_NONE;
        result->foreign_v0 = object != NULL ? object->v0 : PIN_NONE;
        return true;
    case SHELF_PIN:
        return do_pin(shelf, operation, result, err);
    case SHELF_UNPIN:
        return do_unpin(shelf, &operation->cid, err);
    case SHELF_MEASURE:
        shelf->measures++;
        if (object == NULL)
            return error_set(err, ERROR_NOT_FOUND, "block was not found locally");
        result->has_bytes = true;
        result->bytes = operation->mode == PIN_DIRECT ? 1 : object->bytes;
        return true;
    case SHELF_LIST:
        shelf->lists++;
        do_list(shelf, operation);
        return true;
    case SHELF_GC:
        shelf->collections++;
        result->count = shelf->garbage;
        shelf->used -= shelf->garbage;
        shelf->garbage = 0;
        return true;
    case SHELF_CAPACITY:
        result->used = shelf->used;
        result->total = shelf->total;
        return true;
    }
    return false;
}

void shelf_end(struct shelf *shelf)
{
    struct shelf_operation *operation = shelf->first;
    struct operation_result result = {0};
    struct error err = {0};
    operation_done on_done;
    bool is_done;
    void *arg;

    assert(operation != NULL);
    shelf->first = operation->next;
    on_done = operation->on_done;
    arg = operation->arg;
    is_done = !fails(shelf, &err) && perform(shelf, operation, &result, &err);
    free(operation);
    on_done(arg, is_done ? &result : NULL, is_done ? NULL : &err);
}

void shelf_progress(struct shelf *shelf, uint64_t nodes, uint64_t bytes)
{
    assert(shelf->first != NULL && shelf->first->on_progress != NULL);
    shelf->first->on_progress(shelf->first->arg, nodes, bytes);
}

static void on_later(struct later *later)
{
    struct shelf *shelf = CONTAINER_OF(later, struct shelf, later);

    if (shelf->is_slow || shelf->first == NULL)
        return;
    shelf_end(shelf);
    if (shelf->first != NULL)
        loop_later(shelf->loop, &shelf->later);
}

void shelf_resume(struct shelf *shelf)
{
    shelf->is_slow = false;
    loop_later(shelf->loop, &shelf->later);
}

/* ---- starting */

static bool start(struct upstream *upstream, struct operation **result, enum shelf_kind kind,
                  const struct cid *cid, enum pin_mode mode, bool offline,
                  operation_progress on_progress, operation_done on_done, void *arg,
                  struct error *err)
{
    struct shelf *shelf = CONTAINER_OF(upstream, struct shelf, upstream);
    struct shelf_operation *operation, **end = &shelf->first;
    enum error_code refusal = shelf->refusal;

    shelf->refusal = ERROR_NONE;
    if (refusal != ERROR_NONE)
        return error_set(err, refusal, "the shelf is closed");
    operation = memory_alloc(sizeof(*operation));
    *operation = (struct shelf_operation){.operation = {upstream->functions},
                                          .shelf = shelf,
                                          .kind = kind,
                                          .cid = *cid,
                                          .mode = mode,
                                          .offline = offline,
                                          .on_progress = on_progress,
                                          .on_done = on_done,
                                          .arg = arg};
    while (*end != NULL)
        end = &(*end)->next;
    *end = operation;
    *result = &operation->operation;
    loop_later(shelf->loop, &shelf->later);
    return true;
}

static bool look(struct upstream *upstream, struct operation **operation, const struct cid *cid,
                 struct slice name, operation_done on_done, void *arg, struct error *err)
{
    return start(upstream, operation, SHELF_LOOK, cid, PIN_NONE, true, NULL, on_done, arg, err);
}

static bool pin(struct upstream *upstream, struct operation **operation, const struct cid *cid,
                enum pin_mode mode, struct slice name, bool offline, operation_progress on_progress,
                operation_done on_done, void *arg, struct error *err)
{
    return start(upstream, operation, SHELF_PIN, cid, mode, offline, on_progress, on_done, arg,
                 err);
}

static bool unpin(struct upstream *upstream, struct operation **operation, const struct cid *cid,
                  enum pin_mode mode, operation_done on_done, void *arg, struct error *err)
{
    return start(upstream, operation, SHELF_UNPIN, cid, mode, true, NULL, on_done, arg, err);
}

static bool measure(struct upstream *upstream, struct operation **operation, const struct cid *cid,
                    enum pin_mode mode, operation_done on_done, void *arg, struct error *err)
{
    return start(upstream, operation, SHELF_MEASURE, cid, mode, true, NULL, on_done, arg, err);
}

static bool list_pins(struct upstream *upstream, struct operation **operation,
                      operation_pin_found on_pin, operation_done on_done, void *arg,
                      struct error *err)
{
    static const struct cid nothing;
    struct shelf_operation *made;

    if (!start(upstream, operation, SHELF_LIST, &nothing, PIN_NONE, true, NULL, on_done, arg, err))
        return false;
    made = CONTAINER_OF(*operation, struct shelf_operation, operation);
    made->on_pin = on_pin;
    return true;
}

static bool gc(struct upstream *upstream, struct operation **operation, operation_done on_done,
               void *arg, struct error *err)
{
    static const struct cid nothing;

    return start(upstream, operation, SHELF_GC, &nothing, PIN_NONE, true, NULL, on_done, arg, err);
}

static bool capacity(struct upstream *upstream, struct operation **operation,
                     operation_done on_done, void *arg, struct error *err)
{
    static const struct cid nothing;

    return start(upstream, operation, SHELF_CAPACITY, &nothing, PIN_NONE, true, NULL, on_done, arg,
                 err);
}

/* As with a real one, what was under way may come to its end all the same. */
static void cancel(struct operation *operation_)
{
    struct shelf_operation *operation = CONTAINER_OF(operation_, struct shelf_operation, operation);
    struct shelf *shelf = operation->shelf;
    struct shelf_operation **at = &shelf->first;
    struct operation_result result = {0};
    struct error err = {0};

    while (*at != operation)
        at = &(*at)->next;
    *at = operation->next;
    shelf->cancels++;
    if (operation->kind < SHELF_LIST && rand_r(&shelf->seed) % 2 == 0)
        (void)perform(shelf, operation, &result, &err);
    free(operation);
}

static void destroy(struct upstream *upstream)
{
}

static const struct upstream_functions functions = {.look = look,
                                                    .pin = pin,
                                                    .unpin = unpin,
                                                    .measure = measure,
                                                    .list_pins = list_pins,
                                                    .gc = gc,
                                                    .capacity = capacity,
                                                    .cancel = cancel,
                                                    .destroy = destroy};

struct shelf *shelf_create(struct loop *loop)
{
    struct shelf *shelf = memory_alloc(sizeof(*shelf));

    shelf->upstream.functions = &functions;
    shelf->loop = loop;
    shelf->later.run = on_later;
    shelf->seed = 1;
    return shelf;
}

void shelf_destroy(struct shelf **shelf)
{
    while ((*shelf)->objects != NULL) {
        struct shelf_object *object = (*shelf)->objects;

        (*shelf)->objects = object->next;
        free(object);
    }
    assert((*shelf)->first == NULL);
    later_cancel(&(*shelf)->later);
    free(*shelf);
    *shelf = NULL;
}
