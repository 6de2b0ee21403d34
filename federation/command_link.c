// SPDX-License-Identifier: Apache-2.0
#include "federation/command_link.h"

#include "auth/operator_client.h"
#include "conf/config.h"
#include "conf/text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { INVITATION_MAX = 8192 };

const struct cli_option link_options[] = {
    CONFIG_OPTION,
    {0},
};

#define OPTION_ADDRESS                                                                             \
    {                                                                                              \
        "address", "HOST:PORT",                                                                    \
            "where they dial us, if not at listen.partners.advertise; none: they cannot"           \
    }
#define OPTION_TTL                                                                                 \
    {                                                                                              \
        "ttl", "TIME", "how long the invitation can be used: 24h unless given"                     \
    }

const struct cli_option link_invite_options[] = {
    CONFIG_OPTION,
    {"org", "NAME", "only this organization may join: its DNS name"},
    OPTION_ADDRESS,
    OPTION_TTL,
    {0},
};

const struct cli_option link_join_options[] = {
    CONFIG_OPTION,
    {"as", "PARTNER", "what they are called here; else the first part of their DNS name"},
    OPTION_ADDRESS,
    {0},
};

const struct cli_option link_confirm_options[] = {
    CONFIG_OPTION,
    {"yes", NULL, "show the words and take them for compared"},
    {0},
};

const struct cli_option link_repin_options[] = {
    CONFIG_OPTION,
    OPTION_ADDRESS,
    OPTION_TTL,
    {0},
};

const struct cli_option link_limit_options[] = {
    CONFIG_OPTION,
    {"bandwidth", "SIZE", "bytes a second, of each direction: 10MiB, or none"},
    {"hours", "HOURS", "when data may move, in UTC: 20-6, or 22-23,1-5, or always"},
    {0},
};

/* ---- what all of them share */

static json_t *input_of_partner(const struct cli *cli)
{
    json_t *input = json_object();

    operator_client_set_text(input, "partner", cli->arguments[0]);
    return input;
}

static void print_said(const struct cli *cli, const json_t *answer)
{
    fprintf(cli->out, "%s\n", operator_client_text(answer, "said", ""));
}

static int ask_of_partner(struct cli *cli, const char *path)
{
    return operator_client_show(cli, path, input_of_partner(cli), print_said);
}

/* ---- invite, repin: the invitation stands on a line of its own */

static void print_invitation(const struct cli *cli, const json_t *answer)
{
    const char *partner = operator_client_text(answer, "partner", "");
    const char *invitation = operator_client_text(answer, "invitation", "");

    print_said(cli, answer);
    fprintf(cli->out,
            "\n%s\n\n"
            "It is good until %s, and for one who joins. Then, in this order:\n"
            "  they:  causeway link join INVITATION\n"
            "  both:  compare the six words, by telephone or face to face\n"
            "  here:  causeway link confirm %s WORDS      (causeway link show %s has them)\n"
            "  they:  causeway link confirm PARTNER WORDS\n",
            invitation, operator_client_text(answer, "expires", "?"), partner, partner);
}

int command_link_invite(struct cli *cli)
{
    json_t *input = input_of_partner(cli);

    operator_client_set_text(input, "org", cli_value(cli, "org"));
    operator_client_set_text(input, "address", cli_value(cli, "address"));
    operator_client_set_text(input, "ttl", cli_value(cli, "ttl"));
    return operator_client_show(cli, "/link/invite", input, print_invitation);
}

int command_link_repin(struct cli *cli)
{
    json_t *input = input_of_partner(cli);

    operator_client_set_text(input, "address", cli_value(cli, "address"));
    operator_client_set_text(input, "ttl", cli_value(cli, "ttl"));
    return operator_client_show(cli, "/link/repin", input, print_invitation);
}

/* ---- join */

static void print_dial(const struct cli *cli, const json_t *dials, const char *name,
                       const char *direction, const char *why)
{
    const json_t *result = json_object_get(dials, name);

    fprintf(cli->out, "%s  %s%s%s\n", direction,
            json_is_true(result)    ? "works"
            : json_is_false(result) ? "fails"
                                    : "was not tried",
            json_is_false(result) && why[0] != '\0' ? ": " : "", json_is_false(result) ? why : "");
}

static void print_joined(const struct cli *cli, const json_t *answer)
{
    const json_t *dials = json_object_get(answer, "dials");
    const char *words = operator_client_text(answer, "words", NULL);

    print_said(cli, answer);
    if (json_is_object(dials)) {
        print_dial(cli, dials, "there", "we dial them:", operator_client_text(dials, "why", ""));
        print_dial(cli, dials, "here", "they dial us:", "");
    }
    if (words != NULL)
        fprintf(
            cli->out,
            "\n  %s\n\n"
            "If one differs from theirs, somebody stands between you: causeway link revoke %s\n",
            words, operator_client_text(answer, "partner", "PARTNER"));
}

/* "-" is standard input: an argument can be seen by everybody on the machine. All that `causeway
 * link invite` prints may come, or a line that a mail program has broken. */
static bool read_invitation(const struct cli *cli, char text[INVITATION_MAX])
{
    size_t size;
    char *line, *end;

    if (strcmp(cli->arguments[0], "-") != 0) {
        snprintf(text, INVITATION_MAX, "%s", cli->arguments[0]);
        return strlen(cli->arguments[0]) < INVITATION_MAX;
    }
    size = fread(text, 1, INVITATION_MAX - 1, stdin);
    text[size] = '\0';
    line = strstr(text, "cwi1");
    if (line != NULL)
        memmove(text, line, strlen(line) + 1);
    end = strstr(text, "\n\n");
    if (line != NULL && end != NULL)
        *end = '\0';
    return size < INVITATION_MAX - 1;
}

int command_link_join(struct cli *cli)
{
    char invitation[INVITATION_MAX];
    json_t *input = json_object();

    if (!read_invitation(cli, invitation)) {
        json_decref(input);
        return cli_fail(cli, "this is too long to be an invitation: give the one line that begins "
                             "with cwi1");
    }
    operator_client_set_text(input, "invitation", invitation);
    operator_client_set_text(input, "partner", cli_value(cli, "as"));
    operator_client_set_text(input, "address", cli_value(cli, "address"));
    return operator_client_show(cli, "/link/join", input, print_joined);
}

/* ---- confirm */

static bool is_yes(const struct cli *cli, const char *partner, const char *words)
{
    char line[16] = "";

    fprintf(cli->out,
            "The words of the link with %s:\n\n  %s\n\nDo they read you the same six? [yes/no] ",
            partner, words);
    fflush(cli->out);
    return fgets(line, sizeof(line), stdin) != NULL && strcmp(line, "yes\n") == 0;
}

/* The words as the gateway has them, shown; then a person says whether they are theirs. */
static int compare_words(struct cli *cli, json_t *input)
{
    const char *partner = cli->arguments[0];
    bool must_ask = cli_value(cli, "yes") == NULL;
    const char *words;
    json_t *link;
    int result = operator_client_ask(cli, "/link/show", input_of_partner(cli), &link);

    if (result != CLI_DONE)
        return result;
    words = operator_client_text(link, "words", NULL);
    if (words != NULL && must_ask && !is_yes(cli, partner, words))
        result = cli_fail(cli,
                          "not confirmed, and nothing was changed. If the words differ, somebody "
                          "stands between you: causeway link revoke %s",
                          partner);
    else if (words != NULL && !must_ask && !cli->json)
        fprintf(cli->out, "  %s\n", words);
    if (result == CLI_DONE && words != NULL)
        operator_client_set_text(input, "words", words);
    else
        json_object_set_new(input, "yes", json_true()); /* the gateway says why there are none */
    json_decref(link);
    return result;
}

int command_link_confirm(struct cli *cli)
{
    json_t *input = input_of_partner(cli);
    struct text words = {0};
    int result = CLI_DONE;

    for (int i = 1; i < cli->argument_count; i++) {
        text_put_text(&words, i > 1 ? " " : "");
        text_put_text(&words, cli->arguments[i]);
    }
    if (words.size > 0) {
        operator_client_set_text(input, "words", words.data);
    } else if (cli_value(cli, "yes") == NULL && !isatty(STDIN_FILENO)) {
        cli_fail(cli, "give the six words that they read to you, or --yes if you compared those of "
                      "causeway link show");
        result = CLI_USAGE;
    } else {
        result = compare_words(cli, input);
    }
    text_dispose(&words);
    if (result == CLI_DONE)
        return operator_client_show(cli, "/link/confirm", input, print_said);
    json_decref(input);
    return result;
}

/* ---- the rest */

int command_link_cancel(struct cli *cli)
{
    return ask_of_partner(cli, "/link/cancel");
}

int command_link_suspend(struct cli *cli)
{
    return ask_of_partner(cli, "/link/suspend");
}

int command_link_resume(struct cli *cli)
{
    return ask_of_partner(cli, "/link/resume");
}

int command_link_revoke(struct cli *cli)
{
    json_t *input = input_of_partner(cli);

    if (cli->argument_count > 1)
        operator_client_set_text(input, "mode", cli->arguments[1]);
    return operator_client_show(cli, "/link/revoke", input, print_said);
}

static void print_limited(const struct cli *cli, const json_t *answer)
{
    print_said(cli, answer);
    command_link_print_limits(cli, answer);
}

int command_link_limit(struct cli *cli)
{
    json_t *input = input_of_partner(cli);

    operator_client_set_text(input, "bandwidth", cli_value(cli, "bandwidth"));
    operator_client_set_text(input, "hours", cli_value(cli, "hours"));
    return operator_client_show(cli, "/link/limit", input, print_limited);
}
