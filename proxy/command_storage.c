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
static void print_progress(const struct cli *cli, const json_t *status, void *phase_)
{
    char *phase = phase_; /* of 16 bytes */
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

/* Starts what path says, and asks for its status until it is idle; each is given to on_status
 * first. *last: what came of it, the caller's. */
typedef void (*status_cb)(const struct cli *cli, const json_t *status, void *arg);

static int run_to_end(const struct cli *cli, const char *path, const char *status_path,
                      status_cb on_status, void *arg, json_t **last)
{
    static const struct timespec pause = {.tv_nsec = 200000000};
    bool is_done = false;
    json_t *status;

    while (!is_done) {
        int result = operator_client_ask(cli, path, json_object(), &status);

        if (result != CLI_DONE)
            return result;
        on_status(cli, status, arg);
        is_done = strcmp(operator_client_text(status, "phase", ""), "idle") == 0;
        if (is_done)
            *last = json_incref(json_object_get(status, "last"));
        else
            nanosleep(&pause, NULL);
        json_decref(status);
        path = status_path;
    }
    return CLI_DONE;
}

int command_gc(struct cli *cli)
{
    char phase[16] = "";
    json_t *last;
    int result = run_to_end(cli, "/gc", "/gc/status", print_progress, phase, &last);

    if (result != CLI_DONE)
        return result;
    result = print_result(cli, last);
    json_decref(last);
    return result;
}

/* ---- repo verify */

static void say_nothing(const struct cli *cli, const json_t *status, void *unused)
{
}

static void print_damage(const struct cli *cli, const json_t *last)
{
    const json_t *examples = json_object_get(last, "examples");
    long long more = operator_client_number(last, "damaged") - (long long)json_array_size(examples);
    const json_t *example;
    size_t i;

    json_array_foreach(examples, i, example) fprintf(cli->out, "%s\n", json_string_value(example));
    if (more > 0)
        fprintf(cli->out, "... and %lld more\n", more);
}

static int print_verified(const struct cli *cli, const json_t *last)
{
    bool is_whole =
        operator_client_number(last, "damaged") == 0 && json_object_get(last, "fault") == NULL;

    if (cli->json) {
        operator_client_print_json(cli, last);
        return is_whole ? CLI_DONE : CLI_FAILED;
    }
    print_damage(cli, last);
    if (json_object_get(last, "fault") != NULL)
        return cli_fail(cli, "%s", operator_client_text(last, "fault", ""));
    fprintf(cli->out, "%lld blocks were read in %.1f s; %lld are damaged\n",
            operator_client_number(last, "checked"),
            (double)operator_client_number(last, "took_ms") / 1000,
            operator_client_number(last, "damaged"));
    return is_whole ? CLI_DONE : CLI_FAILED;
}

int command_repo_verify(struct cli *cli)
{
    json_t *last;
    int result = run_to_end(cli, "/repo/verify", "/repo/verify/status", say_nothing, NULL, &last);

    if (result != CLI_DONE)
        return result;
    result = print_verified(cli, last);
    json_decref(last);
    return result;
}
