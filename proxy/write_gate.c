// SPDX-License-Identifier: Apache-2.0
#include "proxy/write_gate.h"

#include "conf/units.h"

#include <assert.h>

bool write_gate_concerns(const struct command *command)
{
    return (command->flags & COMMAND_CHANGES) != 0 &&
           (command->class == CLASS_WRITE || command->class == CLASS_PIN ||
            command->class == CLASS_FILES);
}

/* What makes room is let through when there is none. */
static bool adds(const struct command *command)
{
    return command->id != COMMAND_PIN_RM && command->id != COMMAND_FILES_RM;
}

static bool has_room(struct write_gate *gate, const struct command *command, struct error *err)
{
    char used[UNITS_TEXT_SIZE], total[UNITS_TEXT_SIZE];

    if (!atomic_load(&gate->is_full) || !adds(command))
        return true;
    units_print_size(used, atomic_load(&gate->used));
    units_print_size(total, atomic_load(&gate->total));
    atomic_fetch_add(&gate->refused_for_space, 1);
    return error_set(err, ERROR_LIMIT,
                     "%s: the storage behind this gateway is nearly full: %s of %s are used, and "
                     "above %llu %% (limits.storage_high_water) nothing is added; pin rm what is "
                     "not needed, or ask whoever runs this gateway to make room",
                     command->path, used, total, (unsigned long long)atomic_load(&gate->mark));
}

bool write_gate_enter(struct write_gate *gate, const struct command *command, int *status,
                      struct error *err)
{
    *status = 507;
    if (!has_room(gate, command, err))
        return false;
    atomic_fetch_add(&gate->inside, 1); /* before the look: who closes looks behind it */
    if (atomic_load(&gate->state) == WRITES_GO_ON)
        return true;
    write_gate_leave(gate);
    atomic_fetch_add(&gate->refused_for_garbage, 1);
    *status = 503;
    return error_set(err, ERROR_REFUSED,
                     "%s: the storage behind this gateway collects garbage, and nothing is written "
                     "meanwhile; try again in %d seconds",
                     command->path, WRITE_RETRY_S);
}

void write_gate_leave(struct write_gate *gate)
{
    unsigned before = atomic_fetch_sub(&gate->inside, 1);

    assert(before > 0);
    (void)before;
}

bool write_gate_cuts(struct write_gate *gate, struct error *err)
{
    if (atomic_load(&gate->state) != WRITES_CUT)
        return false;
    atomic_fetch_add(&gate->cut, 1);
    error_set(err, ERROR_CANCELED,
              "cut: the storage behind this gateway collects garbage, and this call had not ended "
              "in time (limits.collect_wait); nothing of it is kept, try again in %d seconds",
              WRITE_RETRY_S);
    return true;
}

void write_gate_set(struct write_gate *gate, enum write_state state)
{
    atomic_store(&gate->state, state);
}

void write_gate_measure(struct write_gate *gate, uint64_t used, uint64_t total, uint64_t mark)
{
    atomic_store(&gate->used, used);
    atomic_store(&gate->total, total);
    atomic_store(&gate->mark, mark);
    atomic_store(&gate->is_full, mark > 0 && total > 0 && used >= total / 100 * mark);
}
