// SPDX-License-Identifier: Apache-2.0
#include "proxy/command_storage.h"

#include "auth/operator_client.h"
#include "conf/units.h"

#include <string.h>
#include <time.h>

static const char *say_phase(const char *phase)
{
    static const char *const said[][2] = {
        {"checking", "checking that every object of the ledger is pinned"},
        {"waiting", "waiting for calls that write to end; new ones are refused (503)"},
        {"cutting", "cutting calls that did not end in time"},
        {"settling", "waiting for pins under way"},
        {"collecting", "collecting"},
    };

    for (size_t i = 0; i < sizeof(said) / sizeof(said[0]); i++)
        if (strcmp(said[i][0], phase) == 0)
            return said[i][1];
    return phase;
}

/* A line when the phase is another one than before. */
static void print_progress(const struct cli *cli, const json_t *status, char phase[16])
{
    const char *now = operator_client_text(status, "phase", "");

    if (strcmp(now, phase) == 0 || strcmp(now, "idle") == 0)
        return;
    snprintf(phase, 16, "%s", now);
    if (!cli->json)
        fprintf(cli->err, "%s\n", say_phase(now));
}

static int print_result(const struct cli *cli, const json_t *last)
{
    char before[UNITS_TEXT_SIZE], after[UNITS_TEXT_SIZE];

    if (json_object_get(last, "fault") != NULL)
        return cli_fail(cli, "%s", operator_client_text(last, "fault", ""));
    if (cli->json) {
        operator_client_print_json(cli, last);
        return CLI_DONE;
    }
    fprintf(cli->out, "%lld blocks removed in %.1f s; %lld calls were cut\n",
            operator_client_number(last, "removed"),
            (double)operator_client_number(last, "took_ms") / 1000,
            operator_client_number(last, "cut"));
    if (json_object_get(last, "used_after") != NULL)
        fprintf(cli->out, "the storage uses %s, and used %s before\n",
                units_print_size(after, (uint64_t)operator_client_number(last, "used_after")),
                units_print_size(before, (uint64_t)operator_client_number(last, "used_before")));
    return CLI_DONE;
}

int command_gc(struct cli *cli)
{
    static const struct timespec pause = {.tv_nsec = 200000000};
    const char *path = "/gc";
    char phase[16] = "";
    bool is_done = false;
    int result = CLI_DONE;

    while (!is_done) {
        json_t *status;

        result = operator_client_ask(cli, path, json_object(), &status);
        if (result != CLI_DONE)
            return result;
        print_progress(cli, status, phase);
        is_done = strcmp(operator_client_text(status, "phase", ""), "idle") == 0;
        if (is_done)
            result = print_result(cli, json_object_get(status, "last"));
        else
            nanosleep(&pause, NULL);
        json_decref(status);
        path = "/gc/status";
    }
    return result;
}
