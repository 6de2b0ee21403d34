// SPDX-License-Identifier: Apache-2.0
#include "proxy/command_member.h"

#include "auth/operator_client.h"
#include "conf/text.h"
#include "conf/units.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#define LIST_FORMAT "%-24s  %-9s  %8s  %14s  %s\n"

#define CONFIG_OPTION                                                                              \
    {                                                                                              \
        "config", "FILE",                                                                          \
            "the configuration; else $CAUSEWAY_CONFIG, else /etc/causeway/causeway.yaml"           \
    }

const struct cli_option member_options[] = {
    CONFIG_OPTION,
    {0},
};

const struct cli_option member_suspend_options[] = {
    CONFIG_OPTION,
    {"reason", "TEXT", "kept in the list"},
    {0},
};

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL ? text : "";
}

static json_int_t number_of(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static void print_json(const struct cli *cli, const json_t *object)
{
    json_dumpf(object, cli->out, JSON_COMPACT);
    fputc('\n', cli->out);
}

/* What is no UTF-8 becomes a text that every route refuses. */
static void set_text(json_t *input, const char *name, const char *value)
{
    json_t *string = value != NULL ? json_string(value) : NULL;

    if (value != NULL)
        json_object_set_new(input, name, string != NULL ? string : json_string("?"));
}

/* ---- list */

static void print_row(const struct cli *cli, const json_t *member)
{
    char pins[24], bytes[24];

    if (cli->json) {
        print_json(cli, member);
        return;
    }
    snprintf(pins, sizeof(pins), "%" JSON_INTEGER_FORMAT, number_of(member, "pins"));
    snprintf(bytes, sizeof(bytes), "%" JSON_INTEGER_FORMAT, number_of(member, "bytes"));
    fprintf(cli->out, LIST_FORMAT, text_of(member, "id"), text_of(member, "state"), pins, bytes,
            json_is_true(json_object_get(member, "has_ownerless"))
                ? "has ownerless pins: causeway member transfer gives them to somebody"
                : text_of(member, "reason"));
}

int command_member_list(struct cli *cli)
{
    struct text after = {0};
    bool has_more = true, has_head = cli->json;
    int result = CLI_DONE;

    while (has_more && result == CLI_DONE) {
        json_t *input = json_object(), *page, *members, *member;
        size_t i;

        set_text(input, "after", after.data);
        result = operator_client_ask(cli, "/member/list", input, &page);
        if (result != CLI_DONE)
            break;
        if (!has_head)
            fprintf(cli->out, LIST_FORMAT, "MEMBER", "STATE", "PINS", "BYTES", "NOTE");
        has_head = true;
        members = json_object_get(page, "members");
        json_array_foreach(members, i, member)
        {
            print_row(cli, member);
            text_clear(&after);
            text_put_text(&after, text_of(member, "id"));
        }
        has_more = json_is_true(json_object_get(page, "has_more")) && json_array_size(members) > 0;
        json_decref(page);
    }
    text_dispose(&after);
    return result;
}

/* ---- suspend, resume, remove */

static int ask_about(const struct cli *cli, const char *route, json_t **answer)
{
    json_t *input = json_object();

    set_text(input, "id", cli->arguments[0]);
    if (strcmp(route, "/member/suspend") == 0)
        set_text(input, "reason", cli_value(cli, "reason"));
    return operator_client_ask(cli, route, input, answer);
}

int command_member_suspend(struct cli *cli)
{
    json_t *answer;
    int result = ask_about(cli, "/member/suspend", &answer);

    if (result != CLI_DONE)
        return result;
    if (cli->json)
        print_json(cli, answer);
    else
        fprintf(cli->out,
                "%s is suspended since %s: what it runs is cut, and its pins stay. causeway member "
                "resume %s ends that.\n",
                text_of(answer, "id"), text_of(answer, "since"), text_of(answer, "id"));
    json_decref(answer);
    return CLI_DONE;
}

int command_member_resume(struct cli *cli)
{
    json_t *answer;
    int result = ask_about(cli, "/member/resume", &answer);

    if (result != CLI_DONE)
        return result;
    if (cli->json)
        print_json(cli, answer);
    else
        fprintf(cli->out, "%s is a member as before; it was suspended since %s.\n",
                text_of(answer, "id"), text_of(answer, "since"));
    json_decref(answer);
    return CLI_DONE;
}

int command_member_remove(struct cli *cli)
{
    json_t *answer;
    int result = ask_about(cli, "/member/remove", &answer);
    const char *id, *place;

    if (result != CLI_DONE)
        return result;
    id = text_of(answer, "id");
    place = text_of(answer, "policy");
    if (cli->json) {
        print_json(cli, answer);
    } else {
        fprintf(cli->out,
                "%" JSON_INTEGER_FORMAT " tokens of %s were revoked, and what it ran is cut.\n",
                number_of(answer, "tokens_revoked"), id);
        if (place[0] != '\0')
            fprintf(cli->out,
                    "It is still in the policy: take it out at %s. Its %" JSON_INTEGER_FORMAT
                    " pins are then ownerless,\nkept, and charged to the organization, until "
                    "causeway member transfer %s OWNER gives them to somebody.\n",
                    place, number_of(answer, "pins"), id);
        else
            fprintf(cli->out,
                    "It is not in the policy. What it pinned is kept, and charged to the "
                    "organization, until\ncauseway member transfer %s OWNER gives it to "
                    "somebody.\n",
                    id);
    }
    json_decref(answer);
    return CLI_DONE;
}

/* ---- transfer */

static void print_left(const struct cli *cli, const json_t *left)
{
    const json_t *pin;
    size_t i;

    json_array_foreach((json_t *)left, i, pin)
    {
        if (cli->json)
            print_json(cli, pin);
        else
            fprintf(cli->out, "left: %s (%s): %s\n", text_of(pin, "cid"), text_of(pin, "id"),
                    text_of(pin, "why"));
    }
}

int command_member_transfer(struct cli *cli)
{
    struct text after = {0};
    json_int_t moved = 0;
    size_t left = 0;
    bool has_more = true;
    int result = CLI_DONE;

    while (has_more && result == CLI_DONE) {
        json_t *input = json_object(), *page;

        set_text(input, "from", cli->arguments[0]);
        set_text(input, "to", cli->arguments[1]);
        set_text(input, "after", after.data);
        result = operator_client_ask(cli, "/member/transfer", input, &page);
        if (result != CLI_DONE)
            break;
        moved += number_of(page, "moved");
        left += json_array_size(json_object_get(page, "left"));
        print_left(cli, json_object_get(page, "left"));
        text_clear(&after);
        text_put_text(&after, text_of(page, "after"));
        has_more = json_is_true(json_object_get(page, "has_more"));
        if (has_more && !cli->json)
            fprintf(cli->err, "%" JSON_INTEGER_FORMAT " pins moved so far\n", moved);
        json_decref(page);
    }
    text_dispose(&after);
    if (!cli->json)
        fprintf(cli->out, "%" JSON_INTEGER_FORMAT " pins of %s are now %s's; %zu were left.\n",
                moved, cli->arguments[0], cli->arguments[1], left);
    return result == CLI_DONE && left > 0 ? CLI_FAILED : result;
}
