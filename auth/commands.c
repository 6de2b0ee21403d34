// SPDX-License-Identifier: Apache-2.0
#include "auth/commands.h"

#include "auth/command_token.h"
#include "conf/config.h"

static const struct cli_option audit_options[] = {
    CONFIG_OPTION,
    {0},
};

static const char audit_help[] =
    "Each line of the audit log has the hash of the line before it and of itself, so that no line "
    "can be\n"
    "changed, removed or added without a trace but at the end. Follows that chain, and names the "
    "first\n"
    "line that breaks it. Reads files alone, whether a gateway runs or not.\n"
    "\n"
    "FILE is audit.log in the configuration's data folder unless given. Of a log that was rotated, "
    "give\n"
    "every file, the oldest first: the chain must go on from one to the next. FILE - is standard "
    "input.\n"
    "The exit code is 1 if a line is broken.";

static const char token_new_help[] =
    "Prints the token alone on the output, so that TOKEN=$(causeway token new alice) works. It is\n"
    "shown this once: the ledger keeps its hash. The member sends it in one of three forms:\n"
    "\n"
    "  curl -H \"Authorization: Bearer $TOKEN\" ...\n"
    "  curl -u \"alice:$TOKEN\" ...\n"
    "  ipfs --api-auth \"bearer:$TOKEN\" ...\n"
    "\n"
    "--roles can only take rights away: the token may do what these roles give and what its owner\n"
    "may do anyway.\n"
    "\n"
    "--pin-group and --pin-expire-in say what clients as the ipfs program cannot: what is pinned\n"
    "with the token belongs to that group, of which its owner is one, and lasts so long. A call\n"
    "may say a shorter time, and no other owner. So do --pin-label (class=secret; several are\n"
    "joined by commas) and --pin-min-copies, for where copies go and how many there must be: a\n"
    "call may be tighter, and not looser. With --pin-min-copies a call that pins is answered when\n"
    "there are so many copies, or with an error within 10 minutes; the pin here stays.";

static const char token_rotate_help[] =
    "The id, the label and the roles stay. The old secret is good for the time of --grace, so "
    "that\n"
    "every place that uses it can be changed; within that time the token is not rotated again,\n"
    "but with --grace 0, which ends every old secret at once. What runs on a secret is cut within\n"
    "two seconds of its end.";

static const char token_revoke_help[] =
    "What runs with it is cut within two seconds. A whole token may be given for its id, when it\n"
    "leaked and is at hand; its secret is not sent. A token that is revoked stays so.";

const struct cli_command auth_commands[] = {
    {
        .words = "token new",
        .arguments = "MEMBER",
        .min_arguments = 1,
        .max_arguments = 1,
        .summary = "Make a token for a member, and show it once.",
        .help = token_new_help,
        .options = token_new_options,
        .run = command_token_new,
    },
    {
        .words = "token list",
        .arguments = "",
        .summary = "List tokens: whose, for what, until when, last used.",
        .help =
            "Expired and revoked ones are left out but with --all; 90 days behind their end the "
            "ledger\nforgets them, and the audit log alone knows them. No secret is shown.",
        .options = token_list_options,
        .run = command_token_list,
    },
    {
        .words = "token rotate",
        .arguments = "ID",
        .min_arguments = 1,
        .max_arguments = 1,
        .summary = "Give a token a new secret; the old one stays good for a while.",
        .help = token_rotate_help,
        .options = token_rotate_options,
        .run = command_token_rotate,
    },
    {
        .words = "token revoke",
        .arguments = "ID",
        .min_arguments = 1,
        .max_arguments = 1,
        .summary = "End a token for ever, and cut what runs with it.",
        .help = token_revoke_help,
        .options = token_revoke_options,
        .run = command_token_revoke,
    },
    {
        .words = "audit verify",
        .arguments = "[FILE...]",
        .max_arguments = -1,
        .summary = "Check that nobody changed the audit log.",
        .help = audit_help,
        .options = audit_options,
        .run = command_audit_verify,
    },
    {.words = NULL},
};
