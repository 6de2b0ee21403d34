// SPDX-License-Identifier: Apache-2.0
/* sim_links SEED OPERATIONS     histories from this seed until so many operations were asked for
 * sim_links --history SEED      one history, told step by step
 * sim_links --forgetful SEED OPERATIONS    with journals that are not always written, which must
 * fail Prints what happened as one JSON object; exit code 1 and the history's seed if something
 * that must hold did not. */
#include "sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print(const struct sim_counts *counts, uint64_t histories)
{
    printf("{\"histories\":%" PRIu64 ",\"operations\":%" PRIu64 ",\"messages\":%" PRIu64
           ",\"effects\":%" PRIu64 ",\"repeated\":%" PRIu64 ",\"commands\":%" PRIu64
           ",\"epochs\":%" PRIu64 ",\"revocations\":%" PRIu64 ",\"crashes\":%" PRIu64
           ",\"restores\":%" PRIu64 ",\"clock_steps\":%" PRIu64 ",\"one_way_cuts\":%" PRIu64
           ",\"lost_items\":%" PRIu64 ",\"repins\":%" PRIu64 ",\"rotations\":%" PRIu64
           ",\"stolen\":%" PRIu64 ",\"stranded\":%" PRIu64 ",\"disowned\":%" PRIu64 "}\n",
           histories, counts->operations, counts->messages, counts->effects, counts->repeated,
           counts->commands, counts->epochs, counts->revocations, counts->crashes, counts->restores,
           counts->clocks, counts->cuts, counts->lost_items, counts->repins, counts->rotations,
           counts->stolen, counts->stranded, counts->disowned);
}

int main(int argc, char **argv)
{
    struct sim_counts counts = {0};
    enum sim_way way = SIM_PLAIN;
    uint64_t first, wanted, histories = 0;

    if (argc == 3 && strcmp(argv[1], "--history") == 0) {
        sim_history(strtoull(argv[2], NULL, 10), SIM_TRACED, &counts);
        print(&counts, 1);
        return 0;
    }
    if (argc == 4 && strcmp(argv[1], "--forgetful") == 0) {
        way = SIM_FORGETFUL;
        argv++;
        argc--;
    }
    if (argc != 3) {
        fprintf(stderr, "sim_links [--forgetful] SEED OPERATIONS | sim_links --history SEED\n");
        return 2;
    }
    first = strtoull(argv[1], NULL, 10);
    wanted = strtoull(argv[2], NULL, 10);
    while (counts.operations < wanted)
        sim_history(first + histories++, way, &counts);
    print(&counts, histories);
    return 0;
}
