// SPDX-License-Identifier: Apache-2.0
#include "proxy/command_member.h"

#include "auth/operator_client.h"
#include "conf/config.h"
#include "conf/text.h"

#define LIST_FORMAT "%-24s  %-9s  %8s  %14s  %s\n"

const struct cli_option member_options[] = {
    CONFIG_OPTION,
    {0},
};

const struct cli_option member_suspend_options[] = {
    CONFIG_OPTION,
    {"reason", "TEXT", "kept in the list"},
    {0},
};

/* ---- list */

static void print_head(const struct cli *cli)
{
    fprintf(cli->out, LIST_FORMAT, "MEMBER", "STATE", "PINS", "BYTES", "NOTE");
}

static void print_row(const struct cli *cli, const json_t *member)
{
    char pins[24], bytes[24];

    snprintf(pins, sizeof(pins), "%lld", operator_client_number(member, "pins"));
    snprintf(bytes, sizeof(bytes), "%lld", operator_client_number(member, "bytes"));
    fprintf(cli->out, LIST_FORMAT, operator_client_text(member, "id", ""),
            operator_client_text(member, "state", ""), pins, bytes,
            json_is_true(json_object_get(member, "has_ownerless"))
                ? "has ownerless pins: causeway member transfer gives them to somebody"
                : operator_client_text(member, "reason", ""));
}

int command_member_list(struct cli *cli)
{
    static const struct operator_list list = {
        .path = "/member/list",
        .rows = "members",
        .cursor = "id",
        .print_head = print_head,
        .print_row = print_row,
    };

    return operator_client_list(cli, &list);
}

/* ---- suspend, resume, remove */

static json_t *input_of_id(const struct cli *cli)
{
    json_t *input = json_object();

    operator_client_set_text(input, "id", cli->arguments[0]);
    return input;
}

static void print_suspended(const struct cli *cli, const json_t *member)
{
    const char *id = operator_client_text(member, "id", "");

    fprintf(cli->out,
            "%s is suspended since %s: what it runs is cut, and its pins stay. causeway member "
            "resume %s ends that.\n",
            id, operator_client_text(member, "since", ""), id);
}

int command_member_suspend(struct cli *cli)
{
    json_t *input = input_of_id(cli);

    operator_client_set_text(input, "reason", cli_value(cli, "reason"));
    return operator_client_show(cli, "/member/suspend", input, print_suspended);
}

static void print_resumed(const struct cli *cli, const json_t *member)
{
    fprintf(cli->out, "%s is a member as before; it was suspended since %s.\n",
            operator_client_text(member, "id", ""), operator_client_text(member, "since", ""));
}

int command_member_resume(struct cli *cli)
{
    return operator_client_show(cli, "/member/resume", input_of_id(cli), print_resumed);
}

static void print_removed(const struct cli *cli, const json_t *member)
{
    const char *id = operator_client_text(member, "id", "");
    const char *place = operator_client_text(member, "policy", "");

    fprintf(cli->out, "%lld tokens of %s were revoked, and what it ran is cut.\n",
            operator_client_number(member, "tokens_revoked"), id);
    if (place[0] != '\0')
        fprintf(cli->out,
                "It is still in the policy: take it out at %s. Its %lld pins are then "
                "ownerless,\nkept, and charged to the organization, until causeway member "
                "transfer %s OWNER gives them to somebody.\n",
                place, operator_client_number(member, "pins"), id);
    else
        fprintf(cli->out,
                "It is not in the policy. What it pinned is kept, and charged to the "
                "organization, until\ncauseway member transfer %s OWNER gives it to somebody.\n",
                id);
}

int command_member_remove(struct cli *cli)
{
    return operator_client_show(cli, "/member/remove", input_of_id(cli), print_removed);
}

/* ---- transfer */

static void print_left(const struct cli *cli, const json_t *left)
{
    const json_t *pin;
    size_t i;

    json_array_foreach((json_t *)left, i, pin)
    {
        if (cli->json)
            operator_client_print_json(cli, pin);
        else
            fprintf(cli->out, "left: %s (%s): %s\n", operator_client_text(pin, "cid", ""),
                    operator_client_text(pin, "id", ""), operator_client_text(pin, "why", ""));
    }
}

int command_member_transfer(struct cli *cli)
{
    struct text after = {0};
    long long moved = 0;
    size_t left = 0;
    bool has_more = true;
    int result = CLI_DONE;

    while (has_more && result == CLI_DONE) {
        json_t *input = json_object(), *page;

        operator_client_set_text(input, "from", cli->arguments[0]);
        operator_client_set_text(input, "to", cli->arguments[1]);
        operator_client_set_text(input, "after", after.data);
        result = operator_client_ask(cli, "/member/transfer", input, &page);
        if (result != CLI_DONE)
            break;
        moved += operator_client_number(page, "moved");
        left += json_array_size(json_object_get(page, "left"));
        print_left(cli, json_object_get(page, "left"));
        text_clear(&after);
        text_put_text(&after, operator_client_text(page, "after", ""));
        has_more = json_is_true(json_object_get(page, "has_more"));
        if (has_more && !cli->json)
            fprintf(cli->err, "%lld pins moved so far\n", moved);
        json_decref(page);
    }
    text_dispose(&after);
    if (!cli->json)
        fprintf(cli->out, "%lld pins of %s are now %s's; %zu were left.\n", moved,
                cli->arguments[0], cli->arguments[1], left);
    return result == CLI_DONE && left > 0 ? CLI_FAILED : result;
}
