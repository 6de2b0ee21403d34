// SPDX-License-Identifier: Apache-2.0
#include "proxy/commands.h"

#include "proxy/serve.h"

static const struct cli_option serve_options[] = {
    {"config", "FILE",
     "the configuration; else $CAUSEWAY_CONFIG, else /etc/causeway/causeway.yaml"},
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
    {0},
};
