// SPDX-License-Identifier: Apache-2.0
#include "conf/commands.h"

#include "conf/config.h"

static int help_config(struct cli *cli)
{
    const char *name = cli->argument_count > 0 ? cli->arguments[0] : NULL;

    if (name == NULL)
        fputs("causeway.yaml is found by --config FILE, $CAUSEWAY_CONFIG, or at\n"
              "/etc/causeway/causeway.yaml. A dot in a name is a level: limits.head_size is\n"
              "written as 'limits:' with 'head_size: 64 KiB' indented below it.\n\n",
              cli->out);
    if (config_print_reference(cli->out, name))
        return CLI_DONE;
    return cli_fail(cli, "no option or section '%s'; causeway help config lists them all", name);
}

const struct cli_command conf_commands[] = {
    {.words = "help config",
     .arguments = "[OPTION]",
     .max_arguments = 1,
     .summary = "The options of causeway.yaml, their defaults and ranges.",
     .help = "With the name of an option (limits.head_size) or a section (limits): only those.",
     .run = help_config},
    {.words = NULL},
};
