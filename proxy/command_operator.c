// SPDX-License-Identifier: Apache-2.0
#include "proxy/command_operator.h"

#include "auth/operator_client.h"

#include <stdlib.h>

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

static void print_members(const struct cli *cli, const char *prefix, const json_t *object);

static void print_each(const struct cli *cli, const char *prefix, const json_t *array)
{
    json_t *value;
    char full[128];
    size_t i;

    json_array_foreach((json_t *)array, i, value)
    {
        snprintf(full, sizeof(full), "%s %zu", prefix, i + 1);
        if (json_is_object(value))
            print_members(cli, full, value);
        else
            print_value(cli, full, value);
    }
}

/* A member that is an object is printed with its name before its members', and one of an array with
 * its number. No object of ours is deeper than five. */
static void print_members(const struct cli *cli, const char *prefix, const json_t *object)
{
    const char *name;
    json_t *value;
    char full[128];

    json_object_foreach((json_t *)object, name, value)
    {
        snprintf(full, sizeof(full), "%s%s%s", prefix, prefix[0] != '\0' ? " " : "", name);
        if (json_object_size(value) > 0)
            print_members(cli, full, value);
        else if (json_array_size(value) > 0)
            print_each(cli, full, value);
        else
            print_value(cli, full, value);
    }
}

static void print_status(const struct cli *cli, const json_t *status)
{
    print_members(cli, "", status);
}

int command_status(struct cli *cli)
{
    return operator_client_show(cli, "/status", json_object(), print_status);
}

int command_reload(struct cli *cli)
{
    return operator_client_show(cli, "/reload", json_object(), print_status);
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
    return operator_client_show(cli, "/policy/rollback",
                                json_pack("{s:I}", "version", (json_int_t)version), print_status);
}

static void print_head(const struct cli *cli)
{
    fprintf(cli->out, "%8s  %-24s  %-24s\n", "version", "created", "last came into force");
}

static void print_version(const struct cli *cli, const json_t *version)
{
    fprintf(cli->out, "%8lld  %s  %s  %8lld bytes%s\n", operator_client_number(version, "version"),
            operator_client_text(version, "created", "?"),
            operator_client_text(version, "activated", "?"),
            operator_client_number(version, "size"),
            json_is_true(json_object_get(version, "in_force")) ? "  in force" : "");
}

int command_policy_list(struct cli *cli)
{
    static const struct operator_list list = {
        .path = "/policy/list",
        .rows = "versions",
        .print_head = print_head,
        .print_row = print_version,
    };

    return operator_client_list(cli, &list);
}
