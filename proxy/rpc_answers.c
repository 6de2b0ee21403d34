// SPDX-License-Identifier: Apache-2.0
#include "proxy/rpc_answers.h"

#include "proxy/access_gate.h"
#include "proxy/treatment.h"

#include <jansson.h>
#include <stdlib.h>

/* The release that catalogue.def describes. */
#define CATALOGUE_VERSION "0.43.1"

static void answer_json(struct exchange *exchange, struct slice body)
{
    struct answer answer = {
        .status = 200, .content_type = "application/json", .body = body, .reason = CLOSE_DONE};

    exchange_answer(exchange, &answer);
}

void rpc_answer_version(struct exchange *exchange)
{
    answer_json(exchange, SLICE("{\"Version\":\"" CATALOGUE_VERSION
                                "\",\"Commit\":\"\",\"Repo\":\"\",\"System\":\"\","
                                "\"Golang\":\"\"}\n"));
}

/* ---- commands: {"Name","Subcommands":[...],"Options":[{"Names":[...]}]} */

static json_t *new_node(struct slice name)
{
    return json_pack("{s:s%,s:[],s:[]}", "Name", name.data, name.size, "Subcommands", "Options");
}

/* The subcommand of that name, made if there is none. Borrowed. */
static json_t *descend(json_t *node, struct slice name)
{
    json_t *children = json_object_get(node, "Subcommands");
    json_t *child;
    size_t i;

    json_array_foreach(children, i, child)
    {
        if (slice_is(name, json_string_value(json_object_get(child, "Name"))))
            return child;
    }
    child = new_node(name);
    json_array_append_new(children, child);
    return child;
}

static void add_options(json_t *node, const struct command *command)
{
    json_t *options = json_object_get(node, "Options");

    for (size_t i = 0; i < command->option_count; i++) {
        const struct catalogue_option *option = &command->options[i];
        json_t *names = json_pack("[s]", catalogue_option_name(option->id));

        if (option->alias != NULL)
            json_array_append_new(names, json_string(option->alias));
        json_array_append_new(options, json_pack("{s:o}", "Names", names));
    }
}

static void add_command(json_t *root, const struct command *command, bool flags)
{
    struct slice rest = slice_of(command->path);
    json_t *node = root;

    while (rest.size > 0) {
        const char *slash = memchr(rest.data, '/', rest.size);
        size_t size = slash == NULL ? rest.size : (size_t)(slash - rest.data);

        node = descend(node, (struct slice){rest.data, size});
        rest.data += slash == NULL ? size : size + 1;
        rest.size -= slash == NULL ? size : size + 1;
    }
    if (flags)
        add_options(node, command);
}

void rpc_answer_commands(struct exchange *exchange, const struct site *site,
                         const struct principal *principal, const struct call *call)
{
    bool flags = call_option_bool(call, OPT_FLAGS, false);
    json_t *root = new_node(SLICE("ipfs"));
    char *text;

    for (enum command_id id = 0; id < COMMAND_COUNT; id++)
        if (treatment_of(id) == TREATMENT_VERSION || access_allows_command(site, principal, id))
            add_command(root, catalogue_command(id), flags);
    text = json_dumps(root, JSON_COMPACT);
    answer_json(exchange, slice_of(text));
    free(text);
    json_decref(root);
}
