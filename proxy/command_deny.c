// SPDX-License-Identifier: Apache-2.0
#include "proxy/command_deny.h"

#include "auth/operator_client.h"
#include "conf/config.h"

#include <string.h>

#define LIST_FORMAT "%-64s  %-24s  %s\n"

const struct cli_option deny_add_options[] = {
    CONFIG_OPTION,
    {"reason", "TEXT", "told to whoever asks for it, and kept in the list"},
    {0},
};

const struct cli_option deny_options[] = {
    CONFIG_OPTION,
    {0},
};

static int change(const struct cli *cli, const char *route, const char *cid, const char *done)
{
    json_t *input = json_object(), *record;
    int result;

    operator_client_set_text(input, "cid", cid);
    if (strcmp(route, "/deny/add") == 0)
        operator_client_set_text(input, "reason", cli_value(cli, "reason"));
    result = operator_client_ask(cli, route, input, &record);
    if (result != CLI_DONE)
        return result;
    if (cli->json)
        operator_client_print_json(cli, record);
    else
        fprintf(cli->out, "%s is %s.\n", cid, done);
    json_decref(record);
    return CLI_DONE;
}

static int change_all(const struct cli *cli, const char *route, const char *done)
{
    for (int i = 0; i < cli->argument_count; i++) {
        int result = change(cli, route, cli->arguments[i], done);

        if (result != CLI_DONE)
            return result;
    }
    return CLI_DONE;
}

int command_deny_add(struct cli *cli)
{
    return change_all(cli, "/deny/add",
                      "denied from now on, in whatever form it is asked for; pins of it stay");
}

int command_deny_rm(struct cli *cli)
{
    return change_all(cli, "/deny/remove", "not denied any more");
}

static void print_head(const struct cli *cli)
{
    fprintf(cli->out, LIST_FORMAT, "CID", "SINCE", "REASON");
}

static void print_row(const struct cli *cli, const json_t *record)
{
    fprintf(cli->out, LIST_FORMAT, operator_client_text(record, "cid", ""),
            operator_client_text(record, "added", ""), operator_client_text(record, "reason", ""));
}

int command_deny_list(struct cli *cli)
{
    static const struct operator_list list = {
        .path = "/deny/list",
        .rows = "denied",
        .cursor = "multihash",
        .print_head = print_head,
        .print_row = print_row,
    };

    return operator_client_list(cli, &list);
}
