// SPDX-License-Identifier: Apache-2.0
#include "upstream/tracker.h"

#include "conf/memory.h"
#include "upstream/tracker_private.h"

#include <assert.h>
#include <stdlib.h>

enum { TURN_MS = 100 }; /* at most, while the ledger writes */

struct tracker *tracker_create(const struct tracker_settings *settings)
{
    struct tracker *tracker = memory_alloc(sizeof(*tracker));

    tracker->settings = *settings;
    tracker->started_ms = settings->now_ms();
    tracker->held_end = &tracker->held;
    text_put_format(&tracker->pin_name, "cw:%s", store_uuid(settings->store));
    recovery_start(tracker);
    return tracker;
}

/* What was seen, was seen at the storage before. */
static void doubt(struct tracked *object)
{
    static const struct ownership_event again = {.kind = OWNERSHIP_DOUBT};
    struct error why = {0};

    error_set(&why, ERROR_CANCELED,
              "the configuration now names another storage, and what was under way was given up");
    tracked_cut(object, &why);
    tracked_queue(object, &again, NULL);
    tracked_run(object);
}

void tracker_use(struct tracker *tracker, struct upstream *upstream)
{
    if (tracker->settings.upstream == upstream)
        return;
    tracker->settings.upstream = upstream;
    for (size_t i = 0; i < TRACKER_TABLE_SIZE; i++) {
        struct tracked *object = tracker->table[i], *next;

        for (; object != NULL; object = next) {
            next = object->next;
            doubt(object);
        }
    }
}

bool tracker_is_idle(const struct tracker *tracker)
{
    return tracker->object_count == 0 && atomic_load(&tracker->call_count) == 0;
}

static bool is_writing(const struct tracker *tracker)
{
    for (size_t i = 0; i < TRACKER_TABLE_SIZE; i++)
        for (const struct tracked *object = tracker->table[i]; object != NULL;
             object = object->next)
            if (object->writes > 0)
                return true;
    return false;
}

/* Every write comes back to its object, however long the ledger's queue is. */
static void wait_for_ledger(struct tracker *tracker)
{
    while (is_writing(tracker))
        loop_turn(tracker->settings.loop, TURN_MS);
    loop_turn(tracker->settings.loop, 0);
}

void tracker_destroy(struct tracker **tracker_ptr)
{
    struct tracker *tracker = *tracker_ptr;

    if (tracker == NULL)
        return;
    *tracker_ptr = NULL;
    tracker->is_ending = true;
    recovery_stop(tracker);
    loop_turn(tracker->settings.loop, 0); /* cancellations that are on their way */
    wait_for_ledger(tracker);
    assert(atomic_load(&tracker->call_count) == 0);
    for (size_t i = 0; i < TRACKER_TABLE_SIZE; i++)
        while (tracker->table[i] != NULL)
            tracked_destroy(tracker->table[i]);
    text_dispose(&tracker->pin_name);
    free(tracker);
}
