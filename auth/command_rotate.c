// SPDX-License-Identifier: Apache-2.0
#include "auth/command_rotate.h"

#include "auth/operator_client.h"
#include "conf/config.h"
#include "conf/options.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

const struct cli_option link_rotate_options[] = {
    CONFIG_OPTION,
    {"passphrase-file", "FILE", "the passphrase of the root that is in force, on one line"},
    {"next-passphrase-file", "FILE", "that of the next root; the same unless given"},
    {"force", NULL, "the root's next stage now, though partners may not be ready for it"},
    {0},
};

const char link_rotate_help[] =
    "leaf         what partners see in the handshake; seven days, renewed by itself at half its "
    "life\n"
    "issuer       what signs leaves; a year, renewed by itself only while the root's key is in "
    "data/keys and has\n"
    "             no passphrase\n"
    "root         what partners know the organization by; ten years\n"
    "signing-key  what signs messages and receipts; no end of its own\n"
    "\n"
    "Partners have nothing to do for any of these: all but the root are known to them by the root, "
    "and a new\n"
    "root by its announcement. All but leaf need the root's key; if it is kept elsewhere, bring it "
    "to data/keys\n"
    "for the command, and take it away again.\n"
    "\n"
    "root is run three times. First it makes the next root and announces it to all partners. "
    "Second, when all of\n"
    "them have had the announcement for a day, or after 30 days, it puts that root in force; a "
    "partner that was away\n"
    "until then follows when it is back. Third, 30 days later, it takes the old root out. A stage "
    "that is not due\n"
    "is refused, and says when it is. --force does it now: a partner that has not had the stage "
    "before refuses us\n"
    "until it has taken our documents, which we send as soon as it can be reached.";

/* Nothing if the option was not given. False: the file cannot be used. */
static bool put_secret(const struct cli *cli, const char *option, const char *field, json_t *input)
{
    const char *path = cli_value(cli, option);
    struct error err = {0};
    char *secret;

    if (path == NULL)
        return true;
    if (!option_read_secret(path, &secret, &err)) {
        cli_fail(cli, "--%s: %s", option, err.text);
        return false;
    }
    operator_client_set_text(input, field, secret);
    OPENSSL_cleanse(secret, strlen(secret));
    free(secret);
    return true;
}

static void print_rotated(const struct cli *cli, const json_t *answer)
{
    fprintf(cli->out, "%s\n%s\n", operator_client_text(answer, "said", "?"),
            operator_client_text(answer, "next", ""));
}

int command_link_rotate(struct cli *cli)
{
    json_t *input = json_object();

    operator_client_set_text(input, "what", cli->arguments[0]);
    if (!put_secret(cli, "passphrase-file", "passphrase", input) ||
        !put_secret(cli, "next-passphrase-file", "next_passphrase", input)) {
        json_decref(input);
        return CLI_FAILED;
    }
    if (cli_value(cli, "force") != NULL)
        json_object_set_new(input, "force", json_true());
    return operator_client_show(cli, "/identity/rotate", input, print_rotated);
}
