// SPDX-License-Identifier: Apache-2.0
#include "proxy/commands.h"

#include "conf/config.h"
#include "ipfs/catalogue.h"
#include "proxy/command_deny.h"
#include "proxy/command_ledger.h"
#include "proxy/command_member.h"
#include "proxy/command_operator.h"
#include "proxy/command_pins.h"
#include "proxy/command_quota.h"
#include "proxy/command_storage.h"
#include "proxy/init.h"
#include "proxy/serve.h"
#include "proxy/treatment.h"

static const struct cli_option serve_options[] = {
    CONFIG_OPTION,
    {0},
};

/* Kubo compares by prefix, so "/api/v0/refs" opens refs/local too; each path is listed whole all
 * the same, since that is what is sent. Garbage is the gateway's own to collect, and operators ask
 * for a check of all blocks: nobody's calls, and its own requests. */
static bool is_needed(enum command_id id)
{
    return treatment_of(id) != TREATMENT_NEVER || id == COMMAND_REPO_GC ||
           id == COMMAND_REPO_VERIFY;
}

static int print_allowed_paths(struct cli *cli)
{
    const char *separator = "";

    fprintf(cli->out, "[");
    for (enum command_id id = 0; id < COMMAND_COUNT; id++) {
        if (!is_needed(id))
            continue;
        fprintf(cli->out, "%s\"/api/v0/%s\"", separator, catalogue_command(id)->path);
        separator = cli->json ? "," : ",\n ";
    }
    fprintf(cli->out, "]\n");
    return CLI_DONE;
}

static const struct cli_option init_options[] = {
    {"org", "NAME", "the organization: a DNS name (example.org)"},
    {"member", "ID", "the first member, who may do everything (admin)"},
    {"upstream", "ADDRESS",
     "the RPC API of a Kubo node that stores the data (else the gateway itself does)"},
    {0},
};

static const struct cli_option operator_options[] = {
    CONFIG_OPTION,
    {0},
};

const struct cli_command proxy_commands[] = {
    {
        .words = "serve",
        .arguments = "",
        .summary = "Run the gateway in the foreground.",
        .help =
            "SIGHUP reloads the configuration and the TLS certificates; a configuration with a "
            "mistake\n"
            "is refused and the one before it stays in force. SIGTERM and SIGINT drain: nothing "
            "new is\n"
            "accepted, and what runs has limits.drain_timeout to end. A second one ends it now.",
        .options = serve_options,
        .run = serve_run,
    },
    {
        .words = "init",
        .arguments = "[FOLDER]",
        .max_arguments = 1,
        .summary = "Write a first configuration and policy.",
        .help = "Writes causeway.yaml and policy.yaml into FOLDER (as root: /etc/causeway, else "
                "this folder) and says what comes "
                "next. Nothing that is there is overwritten.",
        .options = init_options,
        .run = init_run,
    },
    {
        .words = "status",
        .arguments = "",
        .summary = "What the running gateway does, and what is wrong.",
        .options = operator_options,
        .run = command_status,
    },
    {
        .words = "reload",
        .arguments = "",
        .summary = "Load configuration, certificates and policy anew.",
        .help =
            "As SIGHUP, but says what came of it. With a mistake in any of them, nothing changes.",
        .options = operator_options,
        .run = command_reload,
    },
    {
        .words = "quota",
        .arguments = "[MEMBER]",
        .max_arguments = 1,
        .summary = "What members may use, and what they have used.",
        .help = "Every limit that applies, with what is used and left of it, and when a rate or "
                "window is whole again;\n"
                "without MEMBER, of all members. A member sees its own with GET "
                "/causeway/v1/quota.\n\n"
                "\"stored\" is what the member is charged: an object that two members pin is "
                "charged to both, and once\n"
                "to the organization (\"org\"), which is what the storage holds.",
        .options = operator_options,
        .run = command_quota,
    },
    {
        .words = "pin ls",
        .arguments = "",
        .summary = "Whose pins there are, and how each stands.",
        .help =
            "\"lost\" ones were pinned and are missing in the storage; \"ownerless\" ones had an "
            "owner who is gone from the\npolicy. Names are written as members wrote them.\n\n"
            "--stuck lists copies at partners that wait, with the time of the next try, and behind "
            "them objects for\nwhich placement finds fewer sites than the policy, or who pinned "
            "them, wants copies.",
        .options = pin_ls_options,
        .run = cli_pin_ls,
    },
    {
        .words = "pin status",
        .arguments = "CID|ID",
        .min_arguments = 1,
        .max_arguments = 1,
        .summary = "What the ledger and the storage say of one object.",
        .help = "The storage is asked now; what the ledger says is what was seen when something "
                "last happened to the object,\nor when it was checked. How many copies there are, "
                "and why "
                "not more, is what placement says now.",
        .options = operator_options,
        .run = cli_pin_status,
    },
    {
        .words = "pin adopt",
        .arguments = "[CID...]",
        .max_arguments = -1,
        .summary = "Give an owner what others pinned in the storage.",
        .help =
            "For what was there before this gateway. The owner is charged for it, and its quotas "
            "must have room. Pins that\nbear no name of this gateway's are taken over as they "
            "are; one of a CID's v0 form (Qm...) becomes a pin of the\nv1 form first, and is "
            "removed once that one is on record. When the owner removes it, nothing is left.",
        .options = pin_adopt_options,
        .run = cli_pin_adopt,
    },
    {
        .words = "gc",
        .arguments = "",
        .summary = "Have the storage remove every block that no pin reaches.",
        .help =
            "First every object of the ledger must be seen pinned. Then calls that write are "
            "refused (503, try again)\n"
            "and those that run have limits.collect_wait to end; what does not is cut. Reading "
            "goes on all the while.\n"
            "It goes on if this command is interrupted; causeway status shows how it stands.\n\n"
            "Whatever was added without a pin is garbage, whoever added it: the node's own "
            "users, too. Kubo keeps what\n"
            "is in its MFS (ipfs files). Do not run Kubo with --enable-gc, nor ipfs repo gc: "
            "neither waits for uploads\n"
            "that are not pinned yet.",
        .options = operator_options,
        .run = command_gc,
    },
    {
        .words = "repo verify",
        .arguments = "",
        .summary = "Read and hash every block of the storage.",
        .help = "Says which are damaged, and fails if any is. Reads and writes go on meanwhile. A "
                "damaged block of the gateway's own node is stored anew when it is put again: add "
                "the file once more.",
        .options = operator_options,
        .run = command_repo_verify,
    },
    {
        .words = "policy list",
        .arguments = "",
        .summary = "The versions of the policy that were in force.",
        .options = operator_options,
        .run = command_policy_list,
    },
    {
        .words = "policy rollback",
        .arguments = "VERSION",
        .min_arguments = 1,
        .max_arguments = 1,
        .summary = "Put an earlier version of the policy back into force.",
        .help = "It stays in force, over restarts too, until the policy's files change.",
        .options = operator_options,
        .run = command_policy_rollback,
    },
    {
        .words = "deny add",
        .arguments = "CID...",
        .min_arguments = 1,
        .max_arguments = -1,
        .summary = "Let nobody read or pin it here any more.",
        .help = "Reads and claims of it are answered 410 within a second, in whatever form of the "
                "CID it "
                "is asked for, as\n"
                "the root or as what a path leads to; an upload that has it for its root ends in "
                "an error "
                "and no pin. What\n"
                "is stored and pinned stays, and can be unpinned by its owners. Files that contain "
                "it as "
                "one of many\n"
                "blocks are not searched.",
        .options = deny_add_options,
        .run = command_deny_add,
    },
    {
        .words = "deny rm",
        .arguments = "CID...",
        .min_arguments = 1,
        .max_arguments = -1,
        .summary = "Take it from the denylist.",
        .options = deny_options,
        .run = command_deny_rm,
    },
    {
        .words = "deny list",
        .arguments = "",
        .summary = "What nobody gets here, since when and why.",
        .options = deny_options,
        .run = command_deny_list,
    },
    {
        .words = "member list",
        .arguments = "",
        .summary = "Members: active, suspended, expired or gone, and what they own.",
        .help = "Gone is who has pins and is not in the policy any more. Bytes and pins are those "
                "that are "
                "charged to the\n"
                "member; ownerless ones are charged to the organization.",
        .options = member_options,
        .run = command_member_list,
    },
    {
        .words = "member suspend",
        .arguments = "MEMBER",
        .min_arguments = 1,
        .max_arguments = 1,
        .summary = "Do nothing for a member until it is resumed.",
        .help =
            "Its credentials are answered 403, and what it runs is cut within two seconds. What it "
            "pinned stays, and stays its own.",
        .options = member_suspend_options,
        .run = command_member_suspend,
    },
    {
        .words = "member resume",
        .arguments = "MEMBER",
        .min_arguments = 1,
        .max_arguments = 1,
        .summary = "End a member's suspension.",
        .options = member_options,
        .run = command_member_resume,
    },
    {
        .words = "member remove",
        .arguments = "MEMBER",
        .min_arguments = 1,
        .max_arguments = 1,
        .summary = "Revoke all tokens of a member, and say what is left to do.",
        .help = "Members stand in the policy, which is yours: this says where. A member that is "
                "not in it "
                "any more leaves\n"
                "its pins ownerless: kept, and charged to the organization, until they are "
                "transferred or "
                "the member is\n"
                "back. Nothing is deleted.",
        .options = member_options,
        .run = command_member_remove,
    },
    {
        .words = "member transfer",
        .arguments = "FROM TO",
        .min_arguments = 2,
        .max_arguments = 2,
        .summary = "Give the pins of a member or a group to another (alice, group:staff).",
        .help = "FROM need not be in the policy any more; TO must be. The charge goes with them, "
                "whatever "
                "TO's quotas say.\n"
                "Can be run again if it was interrupted. The exit code is 1 if some could not be "
                "moved.",
        .options = member_options,
        .run = command_member_transfer,
    },
    {
        .words = "ledger check",
        .arguments = "",
        .summary = "Check that the ledger is whole, and that its sums are right.",
        .help =
            "Reads all of it, beside a gateway that runs, or without one. With one, what is pinned "
            "upstream is\n"
            "compared too: foreign pins are not Causeway's, and left alone; lost ones are missing "
            "there.\n"
            "The exit code is 1 if anything is damaged, different or lost.",
        .options = operator_options,
        .run = command_ledger_check,
    },
    {
        .words = "ledger backup",
        .arguments = "FILE",
        .min_arguments = 1,
        .max_arguments = 1,
        .summary = "Copy the ledger as it is now into a new file.",
        .help = "While the gateway runs, or without one. The file holds hashes of tokens and who "
                "owns what: keep it as\n"
                "private as the data folder (its mode is 0600). The gateway writes it, as its own "
                "user.",
        .options = operator_options,
        .run = command_ledger_backup,
    },
    {
        .words = "ledger restore",
        .arguments = "FILE",
        .min_arguments = 1,
        .max_arguments = 1,
        .summary = "Put a backup in the ledger's place; the gateway must be stopped.",
        .help = "The ledger that is there is kept beside it. Tokens, suspended members and the "
                "denylist stay as they are\n"
                "there, if it can be read: nobody is let in again. What was pinned or removed "
                "since the backup is not in\n"
                "it: nothing is unpinned or deleted because of that, and causeway ledger check "
                "shows what differs.",
        .options = operator_options,
        .run = command_ledger_restore,
    },
    {
        .words = "help kubo-allowed-paths",
        .arguments = "",
        .summary =
            "The AllowedPaths for this gateway's entry in the Kubo node's API.Authorizations.",
        .help = "With API.Authorizations set, Kubo serves a secret only the paths listed with it. "
                "Put the list into the\n"
                "node's configuration, so that even a gateway gone wrong cannot ask for more:\n\n"
                "  ipfs config --json API.Authorizations.causeway.AllowedPaths \"$(causeway help "
                "kubo-allowed-paths)\"\n\n"
                "and put the secret itself, as the Authorization header has it (\"Bearer ...\"), "
                "into the file that\n"
                "upstream.authorization_file names.",
        .run = print_allowed_paths,
    },
    {0},
};
