// SPDX-License-Identifier: Apache-2.0
#include "proxy/pin_batch.h"

#include <assert.h>

static void on_later(struct later *later)
{
    struct pin_batch *batch = CONTAINER_OF(later, struct pin_batch, later);

    batch->on_done(batch);
}

static void end_one(struct pin_batch *batch)
{
    if (--batch->waiting == 0)
        loop_later(batch->loop, &batch->later);
}

static void on_answer(void *item_, const struct tracker_answer *answer)
{
    struct pin_batch_item *item = item_;

    item->call = NULL;
    item->has_failed = answer->outcome != TRACKER_DONE && answer->outcome != TRACKER_NOT_PINNED;
    if (item->has_failed)
        error_set(&item->why, ERROR_REFUSED, "%.*s", SLICE_ARGS(answer->text));
    end_one(item->batch);
}

static void start_one(struct pin_batch_item *item, struct tracker *tracker,
                      enum tracker_action action, const struct owner *owner,
                      const struct pin_record *record)
{
    struct tracker_request request = {.action = action, .owner = *owner};

    memcpy(item->id, record->id, sizeof(item->id));
    memcpy(request.id, record->id, sizeof(request.id));
    item->has_failed = !cid_from_bytes(&item->cid, record->key.data, record->key.size, &item->why);
    request.cid = item->cid;
    item->has_failed =
        item->has_failed || !tracker_start(tracker, item->batch->loop, &item->call, &request, NULL,
                                           on_answer, item, &item->why);
    if (item->has_failed)
        end_one(item->batch);
}

void pin_batch_start(struct pin_batch *batch, struct tracker *tracker, struct loop *loop,
                     enum tracker_action action, const struct owner *owner,
                     const struct pin_record *records, size_t count,
                     void (*on_done)(struct pin_batch *batch))
{
    assert(batch->waiting == 0 && count <= PIN_BATCH_MAX);
    batch->count = count;
    batch->waiting = count + 1; /* one for this function, so that none ends it before the last */
    batch->loop = loop;
    batch->later.run = on_later;
    batch->on_done = on_done;
    for (size_t i = 0; i < count; i++) {
        batch->items[i] = (struct pin_batch_item){.batch = batch};
        start_one(&batch->items[i], tracker, action, owner, &records[i]);
    }
    end_one(batch);
}

void pin_batch_cancel(struct pin_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        tracker_cancel(&batch->items[i].call);
    later_cancel(&batch->later);
    batch->count = batch->waiting = 0;
}
