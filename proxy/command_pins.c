// SPDX-License-Identifier: Apache-2.0
#include "proxy/command_pins.h"

#include "auth/operator_client.h"
#include "conf/config.h"
#include "conf/units.h"
#include "federation/command_allocation.h"

#include <string.h>
#include <time.h>

#define LIST_FORMAT "%-26s  %-20s  %-9s  %-9s  %-20s  %-59s  %s\n"

const struct cli_option pin_ls_options[] = {
    CONFIG_OPTION,
    {"owner", "OWNER", "the pins of member:ID, group:ID or operator alone"},
    {"state", "STATE", "queued, pinning, pinned, failed, lost, ownerless or removing alone"},
    {"stuck", NULL, "copies at partners that wait, and those that no site is found for; why"},
    {0},
};

const struct cli_option pin_adopt_options[] = {
    CONFIG_OPTION,
    {"owner", "OWNER", "whose they will be: member:ID, group:ID or operator"},
    {"all", NULL, "every pin in the storage that is not this gateway's"},
    {0},
};

/* ---- ls */

/* Names are members' own: none of their bytes may reach a terminal as a control. */
static void print_pin(const struct cli *cli, const json_t *pin)
{
    struct text name = {0};

    text_put_json(&name, slice_of(operator_client_text(pin, "name", "")));
    fprintf(cli->out, LIST_FORMAT, operator_client_text(pin, "id", "?"),
            operator_client_text(pin, "owner", "?"), operator_client_text(pin, "mode", "?"),
            operator_client_text(pin, "state", "?"), operator_client_text(pin, "expires", "never"),
            operator_client_text(pin, "cid", "?"), name.size > 0 ? name.data : "");
    text_dispose(&name);
}

static void print_head(const struct cli *cli)
{
    fprintf(cli->out, LIST_FORMAT, "ID", "OWNER", "MODE", "STATE", "EXPIRES", "CID", "NAME");
}

static void put_narrowing(const struct cli *cli, json_t *input)
{
    operator_client_set_text(input, "owner", cli_value(cli, "owner"));
    operator_client_set_text(input, "state", cli_value(cli, "state"));
}

int cli_pin_ls(struct cli *cli)
{
    static const struct operator_list list = {
        .path = "/pin/list",
        .rows = "pins",
        .put_input = put_narrowing,
        .print_head = print_head,
        .print_row = print_pin,
    };

    if (cli_value(cli, "stuck") != NULL &&
        (cli_value(cli, "owner") != NULL || cli_value(cli, "state") != NULL)) {
        cli_fail(cli, "--stuck is for all: without --owner and --state");
        return CLI_USAGE;
    }
    if (cli_value(cli, "stuck") != NULL)
        return command_allocation_list_stuck(cli);
    return operator_client_list(cli, &list);
}

/* ---- status */

static void print_storage(const struct cli *cli, const json_t *storage)
{
    const char *fault = operator_client_text(storage, "fault", NULL);

    if (fault != NULL)
        fprintf(cli->out, "storage   did not say: %s\n", fault);
    else
        fprintf(cli->out, "storage   ours: %s; others\': %s, in the v0 form: %s (asked now)\n",
                operator_client_text(storage, "ours", "?"),
                operator_client_text(storage, "foreign", "?"),
                operator_client_text(storage, "foreign_v0", "?"));
}

static void print_placement(const struct cli *cli, const json_t *placement)
{
    struct text why = {0};

    if (!json_is_object(placement))
        return;
    text_put_json(&why, slice_of(operator_client_text(placement, "why", "")));
    fprintf(cli->out, "copies    %s\n", why.size > 0 ? why.data : "?");
    text_dispose(&why);
}

static void print_status(const struct cli *cli, const json_t *status)
{
    const json_t *ledger = json_object_get(status, "ledger"),
                 *pins = json_object_get(status, "pins"), *pin;
    size_t i;

    fprintf(cli->out, "object    %s\n", operator_client_text(status, "cid", "?"));
    if (json_is_null(ledger))
        fprintf(cli->out, "ledger    does not know it\n");
    else
        fprintf(cli->out, "ledger    pinned there: %s%s; %lld bytes%s\n",
                operator_client_text(ledger, "holds", "?"),
                json_is_true(json_object_get(ledger, "adopted")) ? " (adopted)" : "",
                operator_client_number(ledger, "bytes") > 0
                    ? operator_client_number(ledger, "bytes")
                    : operator_client_number(ledger, "root_bytes"),
                json_is_true(json_object_get(ledger, "doubtful"))
                    ? "; not looked at since a restore"
                    : "");
    print_storage(cli, json_object_get(status, "storage"));
    fprintf(cli->out, "checked   %s\n",
            operator_client_text(status, "checked", "not since the start"));
    print_placement(cli, json_object_get(status, "placement"));
    command_allocation_print_copies(cli, json_object_get(status, "copies"));
    if (json_array_size(pins) > 0)
        print_head(cli);
    json_array_foreach(pins, i, pin) print_pin(cli, pin);
}

int cli_pin_status(struct cli *cli)
{
    json_t *input = json_object();

    operator_client_set_text(input, "pin", cli->arguments[0]);
    return operator_client_show(cli, "/pin/status", input, print_status);
}

/* ---- adopt */

static json_t *adopt_input(const struct cli *cli)
{
    json_t *input = json_object(), *cids = json_array();

    operator_client_set_text(input, "owner", cli_value(cli, "owner"));
    for (int i = 0; i < cli->argument_count; i++) {
        json_t *cid = json_string(cli->arguments[i]);

        json_array_append_new(cids, cid != NULL ? cid : json_string("?"));
    }
    if (cli_value(cli, "all") != NULL)
        json_object_set_new(input, "all", json_true());
    json_object_set_new(input, "cids", cids);
    return input;
}

static int print_adopted(const struct cli *cli, const json_t *status)
{
    const char *fault = operator_client_text(status, "fault", NULL);
    const json_t *each;
    size_t i;

    if (cli->json)
        operator_client_print_json(cli, status);
    else
        fprintf(cli->out, "%lld adopted, %lld were this gateway\'s already, %lld failed\n",
                operator_client_number(status, "adopted"), operator_client_number(status, "ours"),
                operator_client_number(status, "failed"));
    json_array_foreach(json_object_get(status, "faults"), i, each)
        fprintf(cli->err, "%s\n", json_string_value(each));
    if (fault != NULL)
        return cli_fail(cli, "%s", fault);
    return operator_client_number(status, "failed") == 0 ? CLI_DONE : CLI_FAILED;
}

int cli_pin_adopt(struct cli *cli)
{
    static const struct timespec pause = {.tv_nsec = 100000000};
    json_t *status, *input;
    const char *path = "/pin/adopt";
    int result;

    if (cli_value(cli, "owner") == NULL ||
        (cli->argument_count == 0) == (cli_value(cli, "all") == NULL)) {
        cli_fail(cli, "say whose they will be (--owner member:ID), and which: CIDs or --all");
        return CLI_USAGE;
    }
    input = adopt_input(cli);
    for (;;) {
        result = operator_client_ask(cli, path, input, &status);
        if (result != CLI_DONE)
            return result;
        if (!json_is_true(json_object_get(status, "running")))
            break;
        json_decref(status);
        nanosleep(&pause, NULL);
        path = "/pin/adopt/status";
        input = json_object();
    }
    result = print_adopted(cli, status);
    json_decref(status);
    return result;
}
