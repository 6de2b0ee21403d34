// SPDX-License-Identifier: Apache-2.0
#include "proxy/init.h"

#include "conf/error.h"
#include "conf/id.h"
#include "conf/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char configuration[] =
    "# The configuration of this gateway. Everything else has a default: causeway help config\n"
    "org: %s\n"
    "data: %s\n"
    "policy: policy.yaml\n"
    "\n"
    "listen:\n"
    "  clients:\n"
    "    address: 127.0.0.1:9500     # for other machines: their address here, and tls below\n"
    "#   tls: {certificate_file: server.crt, key_file: server.key}\n"
    "  partners:\n"
    "    address: 0.0.0.0:9501       # where partners' gateways connect; only links, mutual TLS\n"
    "#   advertise: gateway.example.org:9501   # what they dial, unless it is org:9501\n"
    "\n";

/* What stores the data. */
static const char embedded[] =
    "upstream:\n"
    "  kind: embedded     # this gateway itself, in the data folder; or kubo, and its address\n";
static const char kubo[] =
    "upstream:\n"
    "  kind: kubo\n"
    "  address: %s       # the RPC API of your Kubo node, which nobody else should reach\n";

static const char policy[] =
    "# Who may do what. Check it:     causeway policy check policy.yaml\n"
    "# Ask it:                        causeway policy can --policy policy.yaml alice "
    "'pin/add?arg=Qm...'\n"
    "# A running gateway takes a change when the file is saved, unless it has a mistake.\n"
    "version: 1\n"
    "org: %s\n"
    "\n"
    "# For colleagues who add and pin, but do not look after the node: take the # from all three\n"
    "# lines that begin with one.\n"
    "members:\n"
    "  %s: {groups: [admins]}\n"
    "# alice: {groups: [staff]}     # then her token: causeway token new alice\n"
    "\n"
    "groups:\n"
    "  admins: {}\n"
    "# staff: {}\n"
    "\n"
    "roles:\n"
    "  reader: {allow: [\"class:tool\", \"class:read\"]}\n"
    "  writer: {inherits: [reader], allow: [\"class:write\", \"class:pin\"]}\n"
    "  admin: {inherits: [writer], allow: [\"class:files\", \"class:key\", \"class:network\", "
    "\"class:repo\"],\n"
    "    rights: [read-any, shared-node]}   # also from the network; what all share on the node\n"
    "\n"
    "bind:\n"
    "  - {to: \"group:admins\", roles: [admin]}\n"
    "# - {to: \"group:staff\", roles: [writer]}\n"
    "\n"
    "# How much everybody may use; causeway quota tells how it stands.\n"
    "quotas:\n"
    "  - {id: all, scope: org, stored: {bytes: 1TiB, pins: 1000000, soft: 85%%}}\n"
    "  - {id: each, scope: each member, stored: {bytes: 100GiB, pins: 100000, soft: 85%%}}\n"
    "\n"
    "# Tried whenever the policy is loaded; a policy that fails its own tests does not come into "
    "force.\n"
    "tests:\n"
    "  - {as: %s, call: \"pin/ls\", expect: allow}\n"
    "  - {as: %s, call: \"config/show\", expect: deny}\n"
    "  - {as: anonymous, call: \"add\", expect: deny}\n"
    "  - {as: %s, quotas: [all, each]}\n";

/* Writes a file that must not be there yet. */
static bool write_new(const char *path, const struct text *bytes, struct error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    bool result;

    if (fd < 0 && errno == EEXIST)
        return error_set(err, ERROR_REFUSED,
                         "%s is there already, and nothing was changed; move it away first", path);
    if (fd < 0)
        return error_set_errno(err, "%s", path);
    result = write(fd, bytes->data, bytes->size) == (ssize_t)bytes->size && fsync(fd) == 0;
    if (!result)
        error_set_errno(err, "%s", path);
    close(fd);
    return result;
}

static bool make_folder(const char *path, mode_t mode, struct error *err)
{
    if (mkdir(path, mode) == 0 || errno == EEXIST)
        return true;
    return error_set_errno(err, "%s", path);
}

/* What a person named, or a word that is right for a first try. */
struct plan {
    const char *folder, *org, *member, *data;
    const char *upstream; /* the Kubo's address. NULL: the gateway stores the data itself */
};

static void put_configuration(const struct plan *plan, struct text *out)
{
    text_put_format(out, configuration, plan->org, plan->data);
    if (plan->upstream != NULL)
        text_put_format(out, kubo, plan->upstream);
    else
        text_put_text(out, embedded);
}

static bool write_files(const struct plan *plan, struct error *err)
{
    struct text text = {0}, path = {0};
    bool result;

    text_put_format(&path, "%s/causeway.yaml", plan->folder);
    put_configuration(plan, &text);
    result = write_new(path.data, &text, err);
    text_clear(&path);
    text_clear(&text);
    text_put_format(&path, "%s/policy.yaml", plan->folder);
    text_put_format(&text, policy, plan->org, plan->member, plan->member, plan->member,
                    plan->member);
    result = result && write_new(path.data, &text, err);
    text_dispose(&path);
    text_dispose(&text);
    return result;
}

static const char *or_else(const char *value, const char *otherwise)
{
    return value != NULL ? value : otherwise;
}

int init_run(struct cli *cli)
{
    bool is_system = geteuid() == 0 && cli->argument_count == 0;
    struct plan plan = {
        .folder = cli->argument_count > 0 ? cli->arguments[0]
                  : is_system             ? "/etc/causeway"
                                          : ".",
        .org = or_else(cli_value(cli, "org"), "example.org"),
        .member = or_else(cli_value(cli, "member"), "admin"),
        .upstream = cli_value(cli, "upstream"),
        .data = is_system ? "/var/lib/causeway" : "data",
    };
    struct error err = {0};

    if (!id_is_valid(slice_of(plan.member)))
        return cli_fail(cli,
                        "--member: '%s' is no id: lower-case letters, digits, '.', '_' and '-'",
                        plan.member);
    if (!make_folder(plan.folder, 0755, &err) || !write_files(&plan, &err))
        return cli_fail(cli, "%s", err.text);
    fprintf(cli->out,
            "wrote %s/causeway.yaml and %s/policy.yaml\n\n"
            "Next:\n"
            "  causeway serve --config %s/causeway.yaml\n"
            "and, in another terminal, a token for the first member:\n"
            "  causeway token new %s --config %s/causeway.yaml\n"
            "with which the ipfs program is used like this:\n"
            "  ipfs --api /ip4/127.0.0.1/tcp/9500 --api-auth bearer:TOKEN id\n",
            plan.folder, plan.folder, plan.folder, plan.member, plan.folder);
    return CLI_DONE;
}
