// SPDX-License-Identifier: Apache-2.0
#include "auth/commands.h"
#include "conf/cli.h"
#include "conf/commands.h"
#include "federation/commands.h"
#include "federation/placement_test.h"
#include "ipfs/commands.h"
#include "policy/commands.h"
#include "proxy/commands.h"

int main(int argc, char **argv)
{
    static const struct cli_command *const tables[] = {
        proxy_commands, auth_commands, policy_commands, federation_commands, conf_commands,
        ipfs_commands,  NULL};

    static struct policy_commands_context context = {.place = placement_test};

    return cli_run(argc, argv, tables, stdout, stderr, &context);
}
