// SPDX-License-Identifier: Apache-2.0
/* What the node says of itself. */
#include "ipfs/multibase.h"
#include "upstream/embedded/node.h"
#include "upstream/embedded/node_commands.h"
#include "upstream/embedded/reply.h"

/* The version whose commands and replies these are. */
#define KUBO_VERSION "0.43.1"

/* ---- id */

/* "12D3Koo...": the multihash in base58btc, or the key as a CID. */
static bool put_peer(struct task *task, const struct cid *peer, struct text *out, struct error *err)
{
    struct slice base = call_option_text(task->call, OPT_PEERID_BASE);
    struct slice multihash = cid_multihash(peer);
    char prefix;

    if (base.data == NULL || slice_is(base, "b58mh")) {
        multibase_encode_bare(CID_BASE_58BTC, multihash.data, multihash.size, out);
        return true;
    }
    if (!reply_find_base(base, &prefix, err))
        return false;
    cid_print(peer, (enum cid_base)prefix, out);
    return true;
}

/* A peer id in any of its forms. */
static bool parse_peer(struct slice text, struct cid *peer)
{
    uint8_t bytes[2 + CID_BYTES_MAX] = {1, CODEC_LIBP2P_KEY};
    size_t size;

    if (!slice_starts(text, "1") && !slice_starts(text, "Qm"))
        return cid_parse(peer, text, NULL) && peer->codec == CODEC_LIBP2P_KEY;
    return multibase_decode_bare(CID_BASE_58BTC, text, bytes + 2, CID_BYTES_MAX - 2, &size, NULL) &&
           cid_from_bytes(peer, bytes, 2 + size, NULL);
}

/* Only this node's own can be told about. */
static bool check_peer(struct task *task, const struct cid *own, struct error *err)
{
    struct cid peer;

    if (task->call->argument_count == 0)
        return true;
    if (!parse_peer(task->call->arguments[0].text, &peer))
        return error_set(err, ERROR_UNSUPPORTED, "invalid peer id");
    return slice_equal(cid_multihash(&peer), cid_multihash(own)) ||
           error_set(err, ERROR_UNSUPPORTED,
                     "'ipfs id' cannot query information on remote peers without a running daemon; "
                     "if you only want to convert --peerid-base, pass --offline option");
}

/* The key in libp2p's protobuf form: what an identity multihash holds. */
static void put_key(const struct cid *peer, struct text *out)
{
    struct text encoded = {0};

    multibase_encode_bare('M', cid_digest(peer), peer->digest_size, &encoded);
    reply_put_string(out, text_slice(&encoded));
    text_dispose(&encoded);
}

static enum task_step run_id(struct task *task, struct error *err)
{
    const struct cid *own = &task->node->peer;
    struct text *out = &task->out;

    if (!check_peer(task, own, err))
        return TASK_FAILED;
    text_put_text(out, "{\"ID\":\"");
    if (!put_peer(task, own, out, err))
        return TASK_FAILED;
    text_put_text(out, "\",\"PublicKey\":");
    put_key(own, out);
    text_put_text(out, ",\"Addresses\":null,\"AgentVersion\":\"causeway/" CAUSEWAY_VERSION
                       "\",\"Protocols\":null}\n");
    return TASK_DONE;
}

const struct task_command command_id = {.id = COMMAND_ID, .run = run_id};

/* ---- always the same */

static enum task_step run_version(struct task *task, struct error *err)
{
    text_put_text(&task->out,
                  "{\"Version\":\"" KUBO_VERSION "\",\"Commit\":\"\",\"Repo\":\"" REPO_VERSION
                  "\",\"System\":\"\",\"Golang\":\"\"}\n");
    return TASK_DONE;
}

const struct task_command command_version = {.id = COMMAND_VERSION, .run = run_version};

static enum task_step run_repo_version(struct task *task, struct error *err)
{
    text_put_text(&task->out, "{\"Version\":\"" REPO_VERSION "\"}\n");
    return TASK_DONE;
}

const struct task_command command_repo_version = {.id = COMMAND_REPO_VERSION,
                                                  .run = run_repo_version};

static enum task_step run_bootstrap(struct task *task, struct error *err)
{
    text_put_text(&task->out, "{\"Peers\":[]}\n");
    return TASK_DONE;
}

const struct task_command command_bootstrap = {.id = COMMAND_BOOTSTRAP, .run = run_bootstrap};

static enum task_step run_healthy(struct task *task, struct error *err)
{
    text_put_text(&task->out, "\"ok\"\n");
    return TASK_DONE;
}

const struct task_command command_diag_healthy = {.id = COMMAND_DIAG_HEALTHY, .run = run_healthy};

/* ---- what it does not have */

bool node_lacks(const struct command *command, struct error *err)
{
    static const char action[] =
        "this action must be run in online mode, try running 'ipfs daemon' first";
    static const char offline[] =
        "this command must be run in online mode. Try running 'ipfs daemon' first";
    static const char unable[] =
        "unable to run offline: this command must be run in online mode. Try running 'ipfs daemon' "
        "first";
    static const char pubsub[] =
        "experimental pubsub feature not enabled, run daemon with --enable-pubsub-experiment to "
        "use";
    static const struct {
        const char *path; /* with a slash at its end: and all below it */
        const char *says;
        bool is_callers; /* 400 */
    } rows[] = {
        {"bitswap/stat", unable, true},
        {"bitswap/", offline, false},
        {"dht/query", "routing service is not a DHT", false},
        {"dht/", "removed, use 'ipfs routing' instead", false},
        {"name/pubsub/", "IPNS pubsub subsystem is not enabled", true},
        {"ping", offline, false},
        {"provide/", offline, false},
        {"pubsub/", pubsub, false},
        {"routing/get", action, false},
        {"routing/put", action, false},
        {"routing/", offline, false},
        {"stats/bitswap", unable, true},
        {"stats/bw", unable, true},
        {"stats/", offline, false},
        {"swarm/addrs/autonat", offline, false},
        {"swarm/addrs", action, false},
        {"swarm/peers", action, false},
        {"swarm/addrs/", action, false},
        {"swarm/", offline, false},
        {"version/check", offline, false},
    };
    struct slice path = slice_of(command->path);

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        bool is_group = rows[i].path[strlen(rows[i].path) - 1] == '/';

        if (is_group ? slice_starts(path, rows[i].path) : slice_is(path, rows[i].path))
            return error_set(err, rows[i].is_callers ? ERROR_SYNTAX : ERROR_UNSUPPORTED, "%s",
                             rows[i].says);
    }
    if ((command->flags & COMMAND_REMOVED) != 0)
        return error_set(err, ERROR_UNSUPPORTED, "removed, use 'ipfs dag' or 'ipfs files' instead");
    return error_set(err, ERROR_UNSUPPORTED, "%s: the embedded node does not have this command",
                     command->path);
}
