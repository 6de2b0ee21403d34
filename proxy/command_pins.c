// SPDX-License-Identifier: Apache-2.0
#include "proxy/command_pins.h"

#include "auth/operator_client.h"
#include "conf/units.h"

#include <string.h>
#include <time.h>

#define LIST_FORMAT "%-26s  %-20s  %-9s  %-9s  %-20s  %-59s  %s\n"

const struct cli_option pin_ls_options[] = {
    {"config", "FILE", "the configuration of the gateway to ask"},
    {"owner", "OWNER", "the pins of member:ID, group:ID or operator alone"},
    {"state", "STATE", "queued, pinning, pinned, failed, lost, ownerless or removing alone"},
    {0},
};

const struct cli_option pin_adopt_options[] = {
    {"config", "FILE", "the configuration of the gateway to ask"},
    {"owner", "OWNER", "whose they will be: member:ID, group:ID or operator"},
    {"all", NULL, "every pin in the storage that is not this gateway's"},
    {0},
};

static const char *text_of(const json_t *object, const char *name, const char *missing)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL ? text : missing;
}

static long long number(const json_t *object, const char *name)
{
    return (long long)json_integer_value(json_object_get(object, name));
}

static void set_text(json_t *input, const char *name, const char *value)
{
    json_t *text = value != NULL ? json_string(value) : NULL;

    if (value != NULL) /* what is no UTF-8 becomes what every route refuses */
        json_object_set_new(input, name, text != NULL ? text : json_string("?"));
}

static void print_json(const struct cli *cli, const json_t *object)
{
    json_dumpf(object, cli->out, JSON_COMPACT);
    fputc('\n', cli->out);
}

/* ---- ls */

/* Names are members' own: none of their bytes may reach a terminal as a control. */
static void print_pin(const struct cli *cli, const json_t *pin)
{
    struct text name = {0};

    if (cli->json) {
        print_json(cli, pin);
        return;
    }
    text_put_json(&name, slice_of(text_of(pin, "name", "")));
    fprintf(cli->out, LIST_FORMAT, text_of(pin, "id", "?"), text_of(pin, "owner", "?"),
            text_of(pin, "mode", "?"), text_of(pin, "state", "?"), text_of(pin, "expires", "never"),
            text_of(pin, "cid", "?"), name.size > 0 ? name.data : "");
    text_dispose(&name);
}

static void print_head(const struct cli *cli)
{
    if (!cli->json)
        fprintf(cli->out, LIST_FORMAT, "ID", "OWNER", "MODE", "STATE", "EXPIRES", "CID", "NAME");
}

int command_pin_ls(struct cli *cli)
{
    bool has_more = true, has_head = false;
    char after[64] = "";

    while (has_more) {
        json_t *input = json_object(), *page, *pin;
        size_t i;
        int result;

        set_text(input, "owner", cli_value(cli, "owner"));
        set_text(input, "state", cli_value(cli, "state"));
        if (after[0] != '\0')
            set_text(input, "after", after);
        result = operator_client_ask(cli, "/pin/list", input, &page);
        if (result != CLI_DONE)
            return result;
        if (!has_head)
            print_head(cli);
        has_head = true;
        json_array_foreach(json_object_get(page, "pins"), i, pin) print_pin(cli, pin);
        snprintf(after, sizeof(after), "%s", text_of(page, "last", ""));
        has_more = json_is_true(json_object_get(page, "has_more")) && after[0] != '\0';
        json_decref(page);
    }
    return CLI_DONE;
}

/* ---- status */

static void print_storage(const struct cli *cli, const json_t *storage)
{
    const char *fault = text_of(storage, "fault", NULL);

    if (fault != NULL)
        fprintf(cli->out, "storage   did not say: %s\n", fault);
    else
        fprintf(cli->out, "storage   ours: %s; others\': %s, in the v0 form: %s (asked now)\n",
                text_of(storage, "ours", "?"), text_of(storage, "foreign", "?"),
                text_of(storage, "foreign_v0", "?"));
}

static void print_status(const struct cli *cli, const json_t *status)
{
    const json_t *ledger = json_object_get(status, "ledger"),
                 *pins = json_object_get(status, "pins"), *pin;
    size_t i;

    fprintf(cli->out, "object    %s\n", text_of(status, "cid", "?"));
    if (json_is_null(ledger))
        fprintf(cli->out, "ledger    does not know it\n");
    else
        fprintf(
            cli->out, "ledger    pinned there: %s%s; %lld bytes%s\n", text_of(ledger, "holds", "?"),
            json_is_true(json_object_get(ledger, "adopted")) ? " (adopted)" : "",
            number(ledger, "bytes") > 0 ? number(ledger, "bytes") : number(ledger, "root_bytes"),
            json_is_true(json_object_get(ledger, "doubtful")) ? "; not looked at since a restore"
                                                              : "");
    print_storage(cli, json_object_get(status, "storage"));
    fprintf(cli->out, "checked   %s\n", text_of(status, "checked", "not since the start"));
    if (json_array_size(pins) > 0)
        print_head(cli);
    json_array_foreach(pins, i, pin) print_pin(cli, pin);
}

int command_pin_status(struct cli *cli)
{
    json_t *input = json_object(), *status;
    int result;

    set_text(input, "pin", cli->arguments[0]);
    result = operator_client_ask(cli, "/pin/status", input, &status);
    if (result != CLI_DONE)
        return result;
    if (cli->json)
        print_json(cli, status);
    else
        print_status(cli, status);
    json_decref(status);
    return CLI_DONE;
}

/* ---- adopt */

static json_t *adopt_input(const struct cli *cli)
{
    json_t *input = json_object(), *cids = json_array();

    set_text(input, "owner", cli_value(cli, "owner"));
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
    const char *fault = text_of(status, "fault", NULL);
    const json_t *each;
    size_t i;

    if (cli->json)
        print_json(cli, status);
    else
        fprintf(cli->out, "%lld adopted, %lld were this gateway\'s already, %lld failed\n",
                number(status, "adopted"), number(status, "ours"), number(status, "failed"));
    json_array_foreach(json_object_get(status, "faults"), i, each)
        fprintf(cli->err, "%s\n", json_string_value(each));
    if (fault != NULL)
        return cli_fail(cli, "%s", fault);
    return number(status, "failed") == 0 ? CLI_DONE : CLI_FAILED;
}

int command_pin_adopt(struct cli *cli)
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
