// SPDX-License-Identifier: Apache-2.0
/* What must hold when all is mended and at rest. */
#include "sim.h"

#include <string.h>

static bool is_live(enum link_state state)
{
    return state >= LINK_PENDING && state <= LINK_SUSPENDED;
}

static void check_ended(struct sim *sim, unsigned a, unsigned b)
{
    const struct link_record *record = &sim_side(sim, a, b)->link.record;
    bool is_in_vain = record->peer_root[0] != b + 1 || sim_side(sim, a, b)->is_stranded;

    SIM_CHECK(sim, a, b, record->state != LINK_INVITED);
    SIM_CHECK(sim, a, b, record->state != LINK_REVOKING || is_in_vain);
}

static void check_live(struct sim *sim, unsigned a, unsigned b)
{
    const struct sim_side *here = sim_side(sim, a, b), *there = sim_side(sim, b, a);

    SIM_CHECK(sim, a, b, here->link.record.state == LINK_ACTIVE);
    SIM_CHECK(sim, a, b, strcmp(here->link.record.id, there->link.record.id) == 0);
    SIM_CHECK(sim, a, b, here->link.record.epoch == there->link.record.epoch);
    SIM_CHECK(sim, a, b, here->link.record.incarnation_here > sim->org[a].restored);
    SIM_CHECK(sim, a, b,
              here->link.record.incarnation_there == there->link.record.incarnation_here);
    SIM_CHECK(sim, a, b, here->link.record.epoch > sim->ended[a][b]);
    SIM_CHECK(sim, a, b, here->link.record.roots_there == sim->org[b].roots);
    SIM_CHECK(sim, a, b, here->breaker.state != BREAKER_OPEN);
    SIM_CHECK(sim, a, b, set_equal(&here->disk.done, &there->disk.effects));
    for (uint32_t key = 1; key <= sim->last_key[a][b]; key++)
        SIM_CHECK(sim, a, b, !set_has(&here->disk.intents, key));
}

void sim_check_rest(struct sim *sim)
{
    for (unsigned a = 0; a < sim->orgs; a++) {
        for (unsigned b = 0; b < sim->orgs; b++) {
            if (a == b)
                continue;
            SIM_CHECK(sim, a, b,
                      is_live(sim_side(sim, a, b)->link.record.state) ==
                          is_live(sim_side(sim, b, a)->link.record.state));
            if (is_live(sim_side(sim, a, b)->link.record.state))
                check_live(sim, a, b);
            else
                check_ended(sim, a, b);
        }
    }
}
