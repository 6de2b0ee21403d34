// SPDX-License-Identifier: Apache-2.0
#include "proxy/command_operator.h"

#include "auth/operator_client.h"

#include <stdlib.h>
#include <string.h>

static void print_json(const struct cli *cli, const json_t *object)
{
    json_dumpf(object, cli->out, JSON_COMPACT);
    fputc('\n', cli->out);
}

static void print_value(const struct cli *cli, const char *name, const json_t *value)
{
    if (json_is_string(value))
        fprintf(cli->out, "%-20s %s\n", name, json_string_value(value));
    else if (json_is_integer(value))
        fprintf(cli->out, "%-20s %lld\n", name, (long long)json_integer_value(value));
    else if (json_is_boolean(value))
        fprintf(cli->out, "%-20s %s\n", name, json_is_true(value) ? "yes" : "no");
    else
        fprintf(cli->out, "%-20s none\n", name);
}

/* A member an object of its own is printed with its name before its members'. */
static void print_status(const struct cli *cli, const json_t *status)
{
    const char *name, *inner_name;
    json_t *value, *inner;
    char full[64];

    json_object_foreach((json_t *)status, name, value)
    {
        if (!json_is_object(value)) {
            print_value(cli, name, value);
            continue;
        }
        json_object_foreach(value, inner_name, inner)
        {
            snprintf(full, sizeof(full), "%s %s", name, inner_name);
            print_value(cli, full, inner);
        }
    }
}

/* Asks a route that answers with the status. */
static int ask_for_status(struct cli *cli, const char *path, json_t *input)
{
    json_t *status;
    int result = operator_client_ask(cli, path, input, &status);

    if (result != CLI_DONE)
        return result;
    if (cli->json)
        print_json(cli, status);
    else
        print_status(cli, status);
    json_decref(status);
    return CLI_DONE;
}

int command_status(struct cli *cli)
{
    return ask_for_status(cli, "/status", json_object());
}

int command_reload(struct cli *cli)
{
    return ask_for_status(cli, "/reload", json_object());
}

int command_policy_rollback(struct cli *cli)
{
    char *end;
    long long version = strtoll(cli->arguments[0], &end, 10);

    if (*end != '\0' || version < 1) {
        cli_fail(cli, "'%s' is no version: give its number, see causeway policy list",
                 cli->arguments[0]);
        return CLI_USAGE;
    }
    return ask_for_status(cli, "/policy/rollback",
                          json_pack("{s:I}", "version", (json_int_t)version));
}

static void print_version(const struct cli *cli, const json_t *version)
{
    fprintf(cli->out, "%8lld  %s  %s  %8lld bytes%s\n",
            (long long)json_integer_value(json_object_get(version, "version")),
            json_string_value(json_object_get(version, "created")),
            json_string_value(json_object_get(version, "activated")),
            (long long)json_integer_value(json_object_get(version, "size")),
            json_is_true(json_object_get(version, "in_force")) ? "  in force" : "");
}

int command_policy_list(struct cli *cli)
{
    json_t *list, *version;
    size_t i;
    int result = operator_client_ask(cli, "/policy/list", json_object(), &list);

    if (result != CLI_DONE)
        return result;
    if (!cli->json)
        fprintf(cli->out, "%8s  %-24s  %-24s\n", "version", "created", "last came into force");
    json_array_foreach(json_object_get(list, "versions"), i, version)
    {
        if (cli->json)
            print_json(cli, version);
        else
            print_version(cli, version);
    }
    json_decref(list);
    return CLI_DONE;
}
