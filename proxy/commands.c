// SPDX-License-Identifier: Apache-2.0
#include "proxy/commands.h"

#include "ipfs/catalogue.h"
#include "proxy/serve.h"
#include "proxy/treatment.h"

static const struct cli_option serve_options[] = {
    {"config", "FILE",
     "the configuration; else $CAUSEWAY_CONFIG, else /etc/causeway/causeway.yaml"},
    {0},
};

/* Kubo compares by prefix, so "/api/v0/refs" opens refs/local too; each path is listed whole all
 * the same, since that is what is sent. */
static int print_allowed_paths(struct cli *cli)
{
    const char *separator = "";

    fprintf(cli->out, "[");
    for (enum command_id id = 0; id < COMMAND_COUNT; id++) {
        if (treatment_of(id) == TREATMENT_NEVER)
            continue;
        fprintf(cli->out, "%s\"/api/v0/%s\"", separator, catalogue_command(id)->path);
        separator = cli->json ? "," : ",\n ";
    }
    fprintf(cli->out, "]\n");
    return CLI_DONE;
}

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
