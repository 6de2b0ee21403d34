// SPDX-License-Identifier: Apache-2.0
#include "auth/command_token.h"

#include "auth/token.h"

#include <string.h>

/* The layout of the list: the longest id and role names push their line out, and no other. */
#define LIST_FORMAT "%-10s  %-20s  %-7s  %-24s  %-24s  %-16s  %s\n"

#define CONFIG_OPTION                                                                              \
    {                                                                                              \
        "config", "FILE",                                                                          \
            "the configuration; else $CAUSEWAY_CONFIG, else /etc/causeway/causeway.yaml"           \
    }

const struct cli_option token_new_options[] = {
    CONFIG_OPTION,
    {"label", "TEXT", "what it is for, to know it again in the list"},
    {"roles", "ROLE,...", "let it do only what these roles give, of what its owner may do"},
    {"expires-in", "TIME", "30d, 12h, ... or never; 365d unless given"},
    {"pin-group", "GROUP", "its pins are this group's, of which its owner is one"},
    {"pin-expire-in", "TIME", "its pins last so long, unless a call says less"},
    {0},
};

const struct cli_option token_list_options[] = {
    CONFIG_OPTION,
    {"owner", "MEMBER", "the tokens of this member alone"},
    {"all", NULL, "expired and revoked ones, too"},
    {0},
};

const struct cli_option token_rotate_options[] = {
    CONFIG_OPTION,
    {"grace", "TIME", "how long the old secret stays good: 1d unless given; 0 ends it now"},
    {"expires-in", "TIME", "30d, 12h, ... or never, from now; as before unless given"},
    {0},
};

const struct cli_option token_revoke_options[] = {
    CONFIG_OPTION,
    {0},
};

/* ---- asking */

/* What is no UTF-8 becomes a text that every route refuses. */
static json_t *string_of(struct slice text)
{
    json_t *string = json_stringn(text.data, text.size);

    return string != NULL ? string : json_string("?");
}

static void set_text(json_t *input, const char *name, const char *value)
{
    if (value != NULL)
        json_object_set_new(input, name, string_of(slice_of(value)));
}

static json_t *split_roles(const char *roles)
{
    json_t *array = json_array();

    for (;;) {
        size_t size = strcspn(roles, ",");

        json_array_append_new(array, string_of((struct slice){roles, size}));
        if (roles[size] == '\0')
            return array;
        roles += size + 1;
    }
}

/* An id, or a whole token, of which the secret stays here: what leaked is what is at hand. */
static json_t *input_of_id(const char *argument)
{
    static const size_t id_size = TOKEN_ID_SIZE - 1;
    struct slice text = slice_of(argument);

    if (slice_starts(text, "cw1_") && text.size > 4 + id_size && text.data[4 + id_size] == '_')
        text = (struct slice){text.data + 4, id_size};
    return json_pack("{s:o}", "id", string_of(text));
}

/* ---- printing */

static void print_json(const struct cli *cli, const json_t *object)
{
    json_dumpf(object, cli->out, JSON_COMPACT);
    fputc('\n', cli->out);
}

static const char *text_of(const json_t *object, const char *name, const char *missing)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text != NULL ? text : missing;
}

/* What is to be done with a new secret, and for how long it is good. */
static void print_secret(const struct cli *cli, const json_t *made)
{
    if (cli->json) {
        print_json(cli, made);
        return;
    }
    fprintf(cli->out, "%s\n", text_of(made, "token", ""));
    fflush(cli->out);
    fprintf(cli->err, "Token %s of %s, good until: %s. It is shown this once; keep it safe.\n",
            text_of(made, "id", "?"), text_of(made, "owner", "?"),
            text_of(made, "expires", "it is revoked"));
}

static void join_roles(const json_t *token, struct text *out)
{
    const json_t *roles = json_object_get(token, "roles");
    const json_t *role;
    size_t i;

    text_clear(out);
    json_array_foreach((json_t *)roles, i, role)
    {
        text_put_text(out, i > 0 ? "," : "");
        text_put_text(out, json_string_value(role) != NULL ? json_string_value(role) : "?");
    }
    if (out->size == 0)
        text_put_text(out, "all");
}

static void print_row(const struct cli *cli, const json_t *token, struct text *roles)
{
    if (cli->json) {
        print_json(cli, token);
        return;
    }
    join_roles(token, roles);
    fprintf(cli->out, LIST_FORMAT, text_of(token, "id", "?"), text_of(token, "owner", "?"),
            text_of(token, "state", "?"), text_of(token, "expires", "never"),
            text_of(token, "last_used", "never"), roles->data, text_of(token, "label", ""));
}

/* ---- the commands */

int token_new(const struct cli *cli, token_ask_cb ask)
{
    const char *roles = cli_value(cli, "roles");
    json_t *input = json_object(), *made;
    int result;

    set_text(input, "owner", cli->arguments[0]);
    set_text(input, "label", cli_value(cli, "label"));
    set_text(input, "expires_in", cli_value(cli, "expires-in"));
    set_text(input, "pin_group", cli_value(cli, "pin-group"));
    set_text(input, "pin_expire_in", cli_value(cli, "pin-expire-in"));
    if (roles != NULL)
        json_object_set_new(input, "roles", split_roles(roles));
    result = ask(cli, "/token/new", input, &made);
    if (result != CLI_DONE)
        return result;
    print_secret(cli, made);
    if (!cli->json)
        fputs("It is used so: ipfs --api ADDRESS --api-auth bearer:TOKEN ..., or\n"
              "curl -H 'Authorization: Bearer TOKEN' ...\n",
              cli->err);
    json_decref(made);
    return CLI_DONE;
}

int token_rotate(const struct cli *cli, token_ask_cb ask)
{
    json_t *input = input_of_id(cli->arguments[0]), *made;
    const char *old_until;
    int result;

    set_text(input, "grace", cli_value(cli, "grace"));
    set_text(input, "expires_in", cli_value(cli, "expires-in"));
    result = ask(cli, "/token/rotate", input, &made);
    if (result != CLI_DONE)
        return result;
    print_secret(cli, made);
    old_until = text_of(made, "old_secret_until", NULL);
    if (!cli->json && old_until != NULL)
        fprintf(cli->err, "The old secret is good until %s.\n", old_until);
    else if (!cli->json)
        fputs("Every old secret ended now, and what ran with one is cut.\n", cli->err);
    json_decref(made);
    return CLI_DONE;
}

int token_revoke(const struct cli *cli, token_ask_cb ask)
{
    json_t *token;
    int result = ask(cli, "/token/revoke", input_of_id(cli->arguments[0]), &token);

    if (result != CLI_DONE)
        return result;
    if (cli->json)
        print_json(cli, token);
    else
        fprintf(cli->out, "Token %s of %s is revoked since %s.\n", text_of(token, "id", "?"),
                text_of(token, "owner", "?"), text_of(token, "revoked", "?"));
    json_decref(token);
    return CLI_DONE;
}

/* Prints one page, and leaves its last id in after. Returns how many rows were printed. */
static size_t print_page(const struct cli *cli, const json_t *page, char after[TOKEN_ID_SIZE])
{
    const json_t *tokens = json_object_get(page, "tokens"), *token;
    bool shows_all = cli_value(cli, "all") != NULL;
    struct text roles = {0};
    size_t i, printed = 0;

    json_array_foreach((json_t *)tokens, i, token)
    {
        snprintf(after, TOKEN_ID_SIZE, "%s", text_of(token, "id", ""));
        if (!shows_all && strcmp(text_of(token, "state", ""), "active") != 0)
            continue;
        print_row(cli, token, &roles);
        printed++;
    }
    text_dispose(&roles);
    return printed;
}

int token_list(const struct cli *cli, token_ask_cb ask)
{
    char after[TOKEN_ID_SIZE] = "";
    bool has_more = true, has_head = cli->json;
    size_t printed = 0;

    while (has_more) {
        json_t *input = json_object(), *page;
        int result;

        set_text(input, "owner", cli_value(cli, "owner"));
        if (after[0] != '\0')
            set_text(input, "after", after);
        result = ask(cli, "/token/list", input, &page);
        if (result != CLI_DONE)
            return result;
        if (!has_head) /* not before it is known that there is a gateway to ask */
            fprintf(cli->out, LIST_FORMAT, "ID", "OWNER", "STATE", "EXPIRES", "LAST USED", "ROLES",
                    "LABEL");
        has_head = true;
        printed += print_page(cli, page, after);
        has_more = json_is_true(json_object_get(page, "has_more")) && after[0] != '\0';
        json_decref(page);
    }
    if (printed == 0 && !cli->json)
        fputs("There is none. Make one: causeway token new MEMBER\n", cli->err);
    return CLI_DONE;
}
