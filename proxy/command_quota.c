// SPDX-License-Identifier: Apache-2.0
#include "proxy/command_quota.h"

#include "auth/operator_client.h"
#include "conf/units.h"

#include <string.h>

static uint64_t number(const json_t *object, const char *name)
{
    return (uint64_t)operator_client_number(object, name);
}

static const char *text(const json_t *object, const char *name)
{
    return operator_client_text(object, name, "");
}

/* A size for a person: three digits are enough. */
static const char *print_amount(char out[UNITS_TEXT_SIZE], const char *dimension, uint64_t value)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    double scaled = (double)value;
    size_t unit = 0;

    if (strstr(dimension, "bytes") == NULL) {
        snprintf(out, UNITS_TEXT_SIZE, "%llu", (unsigned long long)value);
        return out;
    }
    for (; scaled >= 1024 && unit + 1 < ARRAY_SIZE(units); unit++)
        scaled /= 1024;
    snprintf(out, UNITS_TEXT_SIZE, unit == 0 ? "%.0f %s" : "%.2f %s", scaled, units[unit]);
    return out;
}

static void print_limit(const struct cli *cli, const json_t *limit)
{
    const char *dimension = text(limit, "dimension");
    char most[UNITS_TEXT_SIZE], used[UNITS_TEXT_SIZE], left[UNITS_TEXT_SIZE],
        per[UNITS_TEXT_SIZE] = "";

    if (json_object_get(limit, "per_s") != NULL)
        units_print_duration(per, number(limit, "per_s") * 1000);
    fprintf(cli->out, "  %-20s %-14s %-13s %12s %12s %12s %5s %8llu s  %s%s\n",
            text(limit, "scope"), text(limit, "quota"), dimension,
            print_amount(used, dimension, number(limit, "used")),
            print_amount(left, dimension, number(limit, "left")),
            print_amount(most, dimension, number(limit, "limit")), per,
            (unsigned long long)number(limit, "reset_s"), text(limit, "at"),
            json_is_true(json_object_get(limit, "is_above_soft")) ? "  above its soft limit" : "");
}

static void print_member(const struct cli *cli, const json_t *member)
{
    const json_t *stored = json_object_get(member, "stored"), *org = json_object_get(member, "org"),
                 *limits = json_object_get(member, "limits"), *limit;
    char own[UNITS_TEXT_SIZE], all[UNITS_TEXT_SIZE];
    size_t i;

    fprintf(cli->out, "%s: charged %s in %llu pins; the organization holds %s\n",
            text(member, "member"), print_amount(own, "bytes", number(stored, "bytes")),
            (unsigned long long)number(stored, "pins"),
            print_amount(all, "bytes", number(org, "bytes")));
    if (json_array_size(limits) == 0)
        fprintf(cli->out, "  nothing is limited\n");
    else
        fprintf(cli->out, "  %-20s %-14s %-13s %12s %12s %12s %5s %10s  %s\n", "scope", "quota",
                "of", "used", "left", "limit", "per", "reset in", "at");
    json_array_foreach(limits, i, limit) print_limit(cli, limit);
}

static int show_one(struct cli *cli)
{
    json_t *input = json_object();

    operator_client_set_text(input, "member", cli->arguments[0]);
    return operator_client_show(cli, "/quota/show", input, print_member);
}

/* Page by page; *next: where the next one begins; 0: there is none. */
static int show_page(struct cli *cli, json_int_t *next)
{
    json_t *page, *member;
    size_t i;
    int result = operator_client_ask(cli, "/quota/list", json_pack("{s:I}", "from", *next), &page);

    *next = 0;
    if (result != CLI_DONE)
        return result;
    json_array_foreach(json_object_get(page, "members"), i, member)
    {
        if (cli->json)
            operator_client_print_json(cli, member);
        else
            print_member(cli, member);
    }
    *next = json_integer_value(json_object_get(page, "next"));
    json_decref(page);
    return CLI_DONE;
}

int command_quota(struct cli *cli)
{
    json_int_t next = 0;
    int result;

    if (cli->argument_count > 0)
        return show_one(cli);
    do
        result = show_page(cli, &next);
    while (result == CLI_DONE && next != 0);
    return result;
}
