// SPDX-License-Identifier: Apache-2.0
#include "proxy/command_deny.h"

#include "auth/operator_client.h"
#include "conf/text.h"

#include <jansson.h>
#include <string.h>

#define LIST_FORMAT "%-64s  %-24s  %s\n"

#define CONFIG_OPTION                                                                              \
    {                                                                                              \
        "config", "FILE",                                                                          \
            "the configuration; else $CAUSEWAY_CONFIG, else /etc/causeway/causeway.yaml"           \
    }

const struct cli_option deny_add_options[] = {
    CONFIG_OPTION,
    {"reason", "TEXT", "told to whoever asks for it, and kept in the list"},
    {0},
};

const struct cli_option deny_options[] = {
    CONFIG_OPTION,
    {0},
};

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL ? text : "";
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

static int change(const struct cli *cli, const char *route, const char *cid, const char *done)
{
    json_t *input = json_object(), *record;
    int result;

    set_text(input, "cid", cid);
    if (strcmp(route, "/deny/add") == 0)
        set_text(input, "reason", cli_value(cli, "reason"));
    result = operator_client_ask(cli, route, input, &record);
    if (result != CLI_DONE)
        return result;
    if (cli->json)
        print_json(cli, record);
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

int command_deny_list(struct cli *cli)
{
    struct text after = {0};
    bool has_more = true, has_head = cli->json;
    int result = CLI_DONE;

    while (has_more && result == CLI_DONE) {
        json_t *input = json_object(), *page, *denied, *record;
        size_t i;

        set_text(input, "after", after.data);
        result = operator_client_ask(cli, "/deny/list", input, &page);
        if (result != CLI_DONE)
            break;
        if (!has_head)
            fprintf(cli->out, LIST_FORMAT, "CID", "SINCE", "REASON");
        has_head = true;
        denied = json_object_get(page, "denied");
        json_array_foreach(denied, i, record)
        {
            if (cli->json)
                print_json(cli, record);
            else
                fprintf(cli->out, LIST_FORMAT, text_of(record, "cid"), text_of(record, "added"),
                        text_of(record, "reason"));
            text_clear(&after);
            text_put_text(&after, text_of(record, "multihash"));
        }
        has_more = json_is_true(json_object_get(page, "has_more")) && json_array_size(denied) > 0;
        json_decref(page);
    }
    text_dispose(&after);
    return result;
}
