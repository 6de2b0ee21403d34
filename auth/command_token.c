// SPDX-License-Identifier: Apache-2.0
#include "auth/command_token.h"

#include "auth/operator_client.h"
#include "auth/token.h"
#include "conf/config.h"
#include "conf/units.h"

#include <string.h>

/* The layout of the list: the longest id and role names push their line out, and no other. */
#define LIST_FORMAT "%-10s  %-20s  %-7s  %-24s  %-24s  %-16s  %s\n"

const struct cli_option token_new_options[] = {
    CONFIG_OPTION,
    {"label", "TEXT", "what it is for, to know it again in the list"},
    {"roles", "ROLE,...", "let it do only what these roles give, of what its owner may do"},
    {"expires-in", "TIME", "30d, 12h, ... or never; 365d unless given"},
    {"pin-group", "GROUP", "its pins are this group's, of which its owner is one"},
    {"pin-expire-in", "TIME", "its pins last so long, unless a call says less"},
    {"pin-label", "LABEL,...",
     "its pins are labelled so for placement, unless a call says tighter"},
    {"pin-min-copies", "N", "what it pins must have N copies, the one here with them: calls wait"},
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

/* As operator_client_set_text. */
static json_t *string_of(struct slice text)
{
    json_t *string = json_stringn(text.data, text.size);

    return string != NULL ? string : json_string("?");
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

/* What is to be done with a new secret, and for how long it is good. */
static void print_secret(const struct cli *cli, const json_t *made)
{
    fprintf(cli->out, "%s\n", operator_client_text(made, "token", ""));
    fflush(cli->out);
    fprintf(cli->err, "Token %s of %s, good until: %s. It is shown this once; keep it safe.\n",
            operator_client_text(made, "id", "?"), operator_client_text(made, "owner", "?"),
            operator_client_text(made, "expires", "it is revoked"));
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

static void print_head(const struct cli *cli)
{
    fprintf(cli->out, LIST_FORMAT, "ID", "OWNER", "STATE", "EXPIRES", "LAST USED", "ROLES",
            "LABEL");
}

static void print_row(const struct cli *cli, const json_t *token)
{
    struct text roles = {0};

    join_roles(token, &roles);
    fprintf(cli->out, LIST_FORMAT, operator_client_text(token, "id", "?"),
            operator_client_text(token, "owner", "?"), operator_client_text(token, "state", "?"),
            operator_client_text(token, "expires", "never"),
            operator_client_text(token, "last_used", "never"), roles.data,
            operator_client_text(token, "label", ""));
    text_dispose(&roles);
}

static void print_new(const struct cli *cli, const json_t *made)
{
    print_secret(cli, made);
    fputs("It is used so: ipfs --api ADDRESS --api-auth bearer:TOKEN ..., or\n"
          "curl -H 'Authorization: Bearer TOKEN' ...\n",
          cli->err);
}

static void print_rotated(const struct cli *cli, const json_t *made)
{
    const char *old_until = operator_client_text(made, "old_secret_until", NULL);

    print_secret(cli, made);
    if (old_until != NULL)
        fprintf(cli->err, "The old secret is good until %s.\n", old_until);
    else
        fputs("Every old secret ended now, and what ran with one is cut.\n", cli->err);
}

static void print_revoked(const struct cli *cli, const json_t *token)
{
    fprintf(cli->out, "Token %s of %s is revoked since %s.\n",
            operator_client_text(token, "id", "?"), operator_client_text(token, "owner", "?"),
            operator_client_text(token, "revoked", "?"));
}

/* ---- the commands */

static bool set_copies(struct cli *cli, json_t *input)
{
    const char *text = cli_value(cli, "pin-min-copies");
    struct error err = {0};
    uint64_t copies = 0;

    if (text == NULL)
        return true;
    if (!units_parse_integer(slice_of(text), &copies, &err) || copies < 1 ||
        copies > PIN_COPIES_MAX) {
        cli_fail(cli, "--pin-min-copies: 1 to %d", PIN_COPIES_MAX);
        return false;
    }
    json_object_set_new(input, "pin_min_copies", json_integer((json_int_t)copies));
    return true;
}

int command_token_new(struct cli *cli)
{
    const char *roles = cli_value(cli, "roles");
    json_t *input = json_object();

    operator_client_set_text(input, "owner", cli->arguments[0]);
    operator_client_set_text(input, "label", cli_value(cli, "label"));
    operator_client_set_text(input, "expires_in", cli_value(cli, "expires-in"));
    operator_client_set_text(input, "pin_group", cli_value(cli, "pin-group"));
    operator_client_set_text(input, "pin_expire_in", cli_value(cli, "pin-expire-in"));
    operator_client_set_text(input, "pin_label", cli_value(cli, "pin-label"));
    if (roles != NULL)
        json_object_set_new(input, "roles", split_roles(roles));
    if (!set_copies(cli, input)) {
        json_decref(input);
        return CLI_USAGE;
    }
    return operator_client_show(cli, "/token/new", input, print_new);
}

int command_token_rotate(struct cli *cli)
{
    json_t *input = input_of_id(cli->arguments[0]);

    operator_client_set_text(input, "grace", cli_value(cli, "grace"));
    operator_client_set_text(input, "expires_in", cli_value(cli, "expires-in"));
    return operator_client_show(cli, "/token/rotate", input, print_rotated);
}

int command_token_revoke(struct cli *cli)
{
    return operator_client_show(cli, "/token/revoke", input_of_id(cli->arguments[0]),
                                print_revoked);
}

static void put_owner(const struct cli *cli, json_t *input)
{
    operator_client_set_text(input, "owner", cli_value(cli, "owner"));
}

static bool is_wanted(const struct cli *cli, const json_t *token)
{
    return cli_value(cli, "all") != NULL ||
           strcmp(operator_client_text(token, "state", ""), "active") == 0;
}

int command_token_list(struct cli *cli)
{
    static const struct operator_list list = {
        .path = "/token/list",
        .rows = "tokens",
        .cursor = "id",
        .when_empty = "There is none. Make one: causeway token new MEMBER",
        .put_input = put_owner,
        .is_wanted = is_wanted,
        .print_head = print_head,
        .print_row = print_row,
    };

    return operator_client_list(cli, &list);
}
