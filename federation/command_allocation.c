// SPDX-License-Identifier: Apache-2.0
/* What partners wrote (the words in "why") is printed as JSON prints it: none of their bytes may
 * reach a terminal as a control. */
#include "federation/command_allocation.h"

#include "auth/operator_client.h"
#include "conf/config.h"
#include "conf/text.h"
#include "conf/units.h"

#include <string.h>

#define LIST_FORMAT   "%-26s  %-16s  %-6s  %-12s  %10s  %-59s  %s"
#define COPIES_FORMAT "%-16s  %-16s  %-12s  %s\n"
#define STUCK_FORMAT  "%-59s  %-16s  %-12s  %-24s  %s"

const struct cli_option allocation_list_options[] = {
    CONFIG_OPTION,
    {"partner", "PARTNER", "of one link alone"},
    {"role", "ROLE", "owner: ours, there; holder: theirs, here"},
    {"state", "STATE", "those in one state alone: placed, pinned, stuck, ..."},
    {"stuck", NULL, "those that wait, and why"},
    {"all", NULL, "also what is over: released, gone"},
    {0},
};

const struct cli_option allocation_evict_options[] = {
    CONFIG_OPTION,
    {"reason", "TEXT", "why; its owner reads it"},
    {"within", "TIME", "how long its owner has to place it anew: 7d unless given; 0: it goes now"},
    {0},
};

static void print_why(const struct cli *cli, const json_t *row)
{
    struct text why = {0};

    text_put_json(&why, slice_of(operator_client_text(row, "why", "")));
    fputs(why.size > 0 ? why.data : "", cli->out);
    text_dispose(&why);
}

static const char *print_size(char out[UNITS_TEXT_SIZE], const json_t *row)
{
    return units_print_size(out, (uint64_t)operator_client_number(row, "bytes"));
}

/* ---- list */

static void put_narrowing(const struct cli *cli, json_t *input)
{
    operator_client_set_text(input, "partner", cli_value(cli, "partner"));
    operator_client_set_text(input, "role", cli_value(cli, "role"));
    operator_client_set_text(input, "state", cli_value(cli, "state"));
    if (cli_value(cli, "stuck") != NULL)
        json_object_set_new(input, "stuck", json_true());
    if (cli_value(cli, "all") != NULL)
        json_object_set_new(input, "all", json_true());
}

static void print_head(const struct cli *cli)
{
    fprintf(cli->out, LIST_FORMAT, "ID", "SITE", "ROLE", "STATE", "SIZE", "CID", "WHY\n");
}

static void print_row(const struct cli *cli, const json_t *row)
{
    char size[UNITS_TEXT_SIZE];

    fprintf(cli->out, LIST_FORMAT, operator_client_text(row, "id", "?"),
            operator_client_text(row, "site", "?"), operator_client_text(row, "role", "?"),
            operator_client_text(row, "state", "?"), print_size(size, row),
            operator_client_text(row, "cid", "?"), "");
    print_why(cli, row);
    fputc('\n', cli->out);
}

int command_allocation_list(struct cli *cli)
{
    static const struct operator_list list = {
        .path = "/allocation/list",
        .rows = "allocations",
        .when_empty = "nothing is placed at partners, and nothing of theirs here",
        .put_input = put_narrowing,
        .print_head = print_head,
        .print_row = print_row,
    };

    return operator_client_list(cli, &list);
}

/* ---- pin ls --stuck */

static void put_stuck(const struct cli *cli, json_t *input)
{
    operator_client_set_text(input, "role", "owner");
    json_object_set_new(input, "stuck", json_true());
    json_object_set_new(input, "unplaced", json_true());
}

static void print_stuck_head(const struct cli *cli)
{
    fprintf(cli->out, STUCK_FORMAT, "CID", "SITE", "STATE", "RETRY", "WHY\n");
}

static void print_stuck(const struct cli *cli, const json_t *row)
{
    fprintf(cli->out, STUCK_FORMAT, operator_client_text(row, "cid", "?"),
            operator_client_text(row, "site", "none"), operator_client_text(row, "state", "?"),
            operator_client_text(row, "retry", "not planned"), "");
    print_why(cli, row);
    fputc('\n', cli->out);
}

int command_allocation_list_stuck(struct cli *cli)
{
    static const struct operator_list list = {
        .path = "/allocation/list",
        .rows = "allocations",
        .when_empty = "no copy at a partner waits, and sites are found for all that are wanted",
        .put_input = put_stuck,
        .print_head = print_stuck_head,
        .print_row = print_stuck,
    };

    return operator_client_list(cli, &list);
}

/* ---- pin status */

static void print_age(const struct cli *cli, const json_t *age_ms)
{
    char text[24];
    double seconds = json_number_value(age_ms) / 1000;

    if (!json_is_number(age_ms))
        snprintf(text, sizeof(text), "none");
    else if (seconds < 100)
        snprintf(text, sizeof(text), "%.0f s ago", seconds);
    else if (seconds < 6000)
        snprintf(text, sizeof(text), "%.0f min ago", seconds / 60);
    else
        snprintf(text, sizeof(text), "%.0f h ago", seconds / 3600);
    fprintf(cli->out, "%-12s  ", text);
}

void command_allocation_print_copies(const struct cli *cli, const json_t *copies)
{
    const json_t *copy;
    size_t i;

    if (json_array_size(copies) == 0)
        return;
    fprintf(cli->out, COPIES_FORMAT, "SITE", "STATE", "EVIDENCE", "WHY");
    json_array_foreach((json_t *)copies, i, copy)
    {
        bool is_theirs = strcmp(operator_client_text(copy, "role", ""), "holder") == 0;

        fprintf(cli->out, "%-16s  %-16s  ",
                is_theirs ? "local" : operator_client_text(copy, "site", "?"),
                operator_client_text(copy, "state", "?"));
        print_age(cli, json_object_get(copy, "evidence_age_ms"));
        if (is_theirs)
            fprintf(cli->out, "for %s: ", operator_client_text(copy, "site", "?"));
        print_why(cli, copy);
        fputc('\n', cli->out);
    }
}

/* ---- evict */

static void print_evicted(const struct cli *cli, const json_t *answer)
{
    fprintf(cli->out, "%s\n", operator_client_text(answer, "said", ""));
}

int command_allocation_evict(struct cli *cli)
{
    json_t *input;

    if (cli_value(cli, "reason") == NULL) {
        cli_fail(cli, "say why, with --reason: its owner reads it");
        return CLI_USAGE;
    }
    input = json_object();
    operator_client_set_text(input, "id", cli->arguments[0]);
    operator_client_set_text(input, "reason", cli_value(cli, "reason"));
    operator_client_set_text(input, "within", cli_value(cli, "within"));
    return operator_client_show(cli, "/allocation/evict", input, print_evicted);
}
