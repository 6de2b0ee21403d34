// SPDX-License-Identifier: Apache-2.0
/* The queue of what is to happen, and the paths that messages take. */
#include "sim.h"

#include "conf/memory.h"

#include <stdlib.h>

static bool is_before(const struct sim_event *a, const struct sim_event *b)
{
    return a->time_ms != b->time_ms ? a->time_ms < b->time_ms : a->order < b->order;
}

static void swap(struct sim_event *a, struct sim_event *b)
{
    struct sim_event kept = *a;

    *a = *b;
    *b = kept;
}

void sim_push(struct sim *sim, struct sim_event event)
{
    size_t place = sim->count++;

    if (sim->count > sim->capacity) {
        sim->capacity = sim->capacity == 0 ? 1024 : 2 * sim->capacity;
        sim->queue = memory_resize_array(sim->queue, sim->capacity, sizeof(*sim->queue));
    }
    event.order = sim->order++;
    sim->queue[place] = event;
    while (place > 0 && is_before(&sim->queue[place], &sim->queue[(place - 1) / 2])) {
        swap(&sim->queue[place], &sim->queue[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
}

bool sim_pop(struct sim *sim, struct sim_event *event)
{
    size_t place = 0;

    if (sim->count == 0)
        return false;
    *event = sim->queue[0];
    sim->queue[0] = sim->queue[--sim->count];
    for (;;) {
        size_t least = place, left = 2 * place + 1;

        if (left < sim->count && is_before(&sim->queue[left], &sim->queue[least]))
            least = left;
        if (left + 1 < sim->count && is_before(&sim->queue[left + 1], &sim->queue[least]))
            least = left + 1;
        if (least == place)
            return true;
        swap(&sim->queue[place], &sim->queue[least]);
        place = least;
    }
}

void sim_message_free(struct sim_message *message)
{
    free(message->statement);
    free(message);
}

static struct sim_message *copy_of(const struct sim_message *message)
{
    struct sim_message *copy = memory_alloc(sizeof(*copy));

    *copy = *message;
    if (message->statement != NULL) {
        copy->statement = memory_alloc(sizeof(*copy->statement));
        *copy->statement = *message->statement;
    }
    return copy;
}

static void deliver(struct sim *sim, const struct sim_path *path, struct sim_message *message)
{
    uint64_t delay_ms = 1 + sim_draw(sim, path->delay_ms + 1);

    if (sim->is_troubled && sim_draw(sim, 200) == 0)
        delay_ms += sim_draw(sim, 60000); /* overtaken by much */
    sim_push(sim, (struct sim_event){.time_ms = sim->now_ms + delay_ms, .message = message});
}

void sim_send(struct sim *sim, struct sim_message *message)
{
    const struct sim_path *path = &sim->path[message->from][message->to];

    sim->counts.messages++;
    if (path->is_cut || sim_draw(sim, 1000) < path->lost) {
        sim_message_free(message);
        return;
    }
    if (sim_draw(sim, 1000) < path->doubled)
        deliver(sim, path, copy_of(message));
    deliver(sim, path, message);
}
