// SPDX-License-Identifier: Apache-2.0
#include "conf/config.h"

#include "conf/config_check.h"
#include "conf/memory.h"
#include "conf/yaml.h"

#include <assert.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KIB     UINT64_C(1024)
#define MIB     (KIB * KIB)
#define SECONDS UINT64_C(1000)
#define MINUTES (60 * SECONDS)
#define HOURS   (60 * MINUTES)
#define DAYS    (24 * HOURS)

#define FIELD(path) offsetof(struct config, path)

static const char default_path[] = "/etc/causeway/causeway.yaml";

static const struct option_choice upstream_kinds[] = {
    [CONFIG_UPSTREAM_KUBO] = {"kubo", false},
    [CONFIG_UPSTREAM_EMBEDDED] = {"embedded", false},
    {"cluster", true},
    {NULL, false},
};

static const struct option_choice classes[] = {
    [CONFIG_CLASS_TOOL] = {"tool", false},
    [CONFIG_CLASS_READ] = {"read", false},
    [CONFIG_CLASS_WRITE] = {"write", false},
    [CONFIG_CLASS_PIN] = {"pin", false},
    [CONFIG_CLASS_FILES] = {"files", false},
    [CONFIG_CLASS_KEY] = {"key", false},
    [CONFIG_CLASS_PUBSUB] = {"pubsub", false},
    [CONFIG_CLASS_NETWORK] = {"network", false},
    [CONFIG_CLASS_REPO] = {"repo", false},
    [CONFIG_CLASS_REMOTE_PIN] = {"remote-pin", false},
    {NULL, false},
};

static const struct option_choice levels[] = {
    [LOG_LEVEL_ERROR] = {"error", false},
    [LOG_LEVEL_WARNING] = {"warning", false},
    [LOG_LEVEL_INFO] = {"info", false},
    [LOG_LEVEL_DEBUG] = {"debug", false},
    {NULL, false},
};

/* clang-format off */
static const struct option table[] = {
    {"org", OPTION_TEXT, FIELD(org), .check = config_check_org,
     .help = "The organization this gateway belongs to: a DNS name in lower case."},
    {"data", OPTION_PATH, FIELD(data), "data",
     .help = "The folder of all state. Relative paths, here and below, begin at the folder of this file."},
    {"node", OPTION_TEXT, FIELD(node), "main", .check = config_check_node,
     .help = "What this gateway is called among those of the organization: lower-case letters, digits, '.', '_' and '-'. Partners "
             "see it in its certificate."},

    {"listen.clients.address", OPTION_ADDRESS, FIELD(listen.clients.address), "127.0.0.1:9500",
     .check = config_check_can_listen,
     .help = "Where IPFS clients connect. Without a policy, only a loopback address or a unix socket: nothing else "
             "could tell callers apart."},
    {"listen.clients.tls.certificate_file", OPTION_FILE, FIELD(listen.clients.tls.certificate_file),
     .help = "The certificate chain of the client port, PEM, the leaf first. With key_file it turns TLS on. Read anew on "
             "SIGHUP."},
    {"listen.clients.tls.key_file", OPTION_FILE, FIELD(listen.clients.tls.key_file),
     .help = "The private key of certificate_file, PEM."},
    {"listen.clients.tls.client_ca_file", OPTION_FILE, FIELD(listen.clients.tls.client_ca_file),
     .help = "The authorities whose client certificates are believed, PEM."},
    {"listen.operators.address", OPTION_ADDRESS, FIELD(listen.operators.address), "127.0.0.1:9502",
     .check = config_check_loopback,
     .help = "Serves /healthz, /readyz and /metrics, and nothing else. A loopback address or a unix socket."},
    {"listen.partners.address", OPTION_ADDRESS, FIELD(listen.partners.address), .check = config_check_can_serve_partners,
     .help = "Where the gateways of partners connect, such as 0.0.0.0:9501: TLS 1.3, and nothing but links. Needs org. Without it "
             "there are no links. Takes effect at a restart only."},
    {"listen.partners.advertise", OPTION_TEXT, FIELD(listen.partners.advertise), .check = config_check_advertise,
     .help = "The host and port that partners dial to reach listen.partners.address, such as gateway.example.org:9501; what an "
             "invitation tells them. If it is not set: org, and the port of listen.partners.address."},

    {"hosts", OPTION_TEXTS, FIELD(hosts), .check = config_check_host,
     .help = "Names that clients may send as Host, besides the listen addresses. Others are refused, so that a web page "
             "cannot point its own name at this gateway."},
    {"origins", OPTION_TEXTS, FIELD(origins), .check = config_check_origin,
     .help = "Web pages that may call this gateway from a browser."},
    {"trusted_proxies", OPTION_NETWORKS, FIELD(trusted_proxies),
     .help = "Proxies in front of this gateway whose word about the client's address is believed."},

    {"upstream.kind", OPTION_CHOICE, FIELD(upstream.kind), "embedded", .choices = upstream_kinds,
     .help = "What stores the data: kubo, a Kubo node; or embedded: this gateway itself, in data/blocks. Takes effect at "
             "a restart only."},
    {"upstream.address", OPTION_ADDRESS, FIELD(upstream.address), "127.0.0.1:5001", .check = config_check_can_dial,
     .help = "The RPC address of the node: host and port, unix:/path, or a multiaddr such as /ip4/127.0.0.1/tcp/5001."},
    {"upstream.authorization_file", OPTION_SECRET, FIELD(upstream.authorization),
     .help = "A file with one line that is sent to the node as its Authorization header, such as 'Bearer TOKEN'."},
    {.name = "upstream.cluster_address", .type = OPTION_UNBUILT},

    {"policy", OPTION_PATH, FIELD(policy),
     .help = "The policy: a YAML file, or a folder of them that count as one. Read anew when it changes. With it, members "
             "are told apart by tokens or certificates; without it, whoever reaches the port may do what allow says."},
    {"allow", OPTION_CHOICES, FIELD(allow), "tool, read, write, pin, files", .choices = classes,
     .help = "Without a policy: the classes of commands that are served. All others are refused."},
    {"workers", OPTION_INTEGER, FIELD(workers), "0", .zero = "one per core", .min = 1, .max = 64,
     .help = "Threads that serve clients."},

    {"log.access", OPTION_TEXT, FIELD(log.access), "stdout",
     .help = "Where the access log goes, one JSON object a line: stdout, off, or the path of a file, which is opened anew "
             "on SIGHUP. Messages go to stderr."},
    {"log.level", OPTION_CHOICE, FIELD(log.level), "info", .choices = levels,
     .help = "The least grave messages that are still written."},

    {"limits.head_size", OPTION_SIZE, FIELD(limits.head_size), "64 KiB", .min = 4 * KIB, .max = 256 * KIB,
     .help = "The largest head of a request. (A reply's may have 16 KiB.)"},
    {"limits.head_timeout", OPTION_DURATION, FIELD(limits.head_timeout_ms), "30s", .min = 100, .max = 10 * MINUTES,
     .help = "How long a client may take to send a head."},
    {"limits.idle_timeout", OPTION_DURATION, FIELD(limits.idle_timeout_ms), "75s", .min = 100, .max = 1 * DAYS,
     .help = "How long a connection is kept open between two requests."},
    {"limits.body_idle_timeout", OPTION_DURATION, FIELD(limits.body_idle_timeout_ms), "60s", .min = 100, .max = 1 * DAYS,
     .help = "How long no byte of a body may move before the exchange is cut."},
    {"limits.min_body_rate", OPTION_SIZE, FIELD(limits.min_body_rate), "64 B", .zero = "off", .min = 1, .max = 1024 * MIB,
     .help = "The slowest that a client may send a body, in bytes per second over 30 seconds."},
    {"limits.connect_timeout", OPTION_DURATION, FIELD(limits.connect_timeout_ms), "5s", .min = 100, .max = 10 * MINUTES,
     .help = "How long connecting to the upstream may take."},
    {"limits.upstream_head_timeout", OPTION_DURATION, FIELD(limits.upstream_head_timeout_ms), "60s", .zero = "never",
     .min = 100, .max = 7 * DAYS,
     .help = "How long the upstream may be silent before the head of its reply."},
    {"limits.upstream_idle_timeout", OPTION_DURATION, FIELD(limits.upstream_idle_timeout_ms), "10m", .zero = "never",
     .min = 100, .max = 7 * DAYS,
     .help = "How long the upstream may be silent inside a reply."},
    {"limits.drain_timeout", OPTION_DURATION, FIELD(limits.drain_timeout_ms), "30s", .zero = "cut at once", .min = 1,
     .max = 1 * DAYS,
     .help = "How long exchanges that run may take to end when the gateway is stopped."},
    {"limits.connections", OPTION_INTEGER, FIELD(limits.connections), "20000", .min = 1, .max = 1000000,
     .help = "The most connections of clients, all workers together."},
    {"limits.upstream_idle_connections", OPTION_INTEGER, FIELD(limits.upstream_idle_connections), "64", .zero = "none",
     .min = 1, .max = 10000,
     .help = "The most unused connections to the upstream that each worker keeps open."},
    {"limits.walks", OPTION_INTEGER, FIELD(limits.walks), "32", .min = 1, .max = 100000,
     .help = "How many commands may run at once that read far more than they answer: dag/stat, dag/export, refs --recursive, ls "
             "with sizes or types, files/stat --with-local, object/diff, pin/verify. One more is answered 429."},
    {"limits.walks_each", OPTION_INTEGER, FIELD(limits.walks_each), "8", .min = 1, .max = 100000,
     .help = "How many of these may be of one caller. All who show no token are one."},
    {"limits.trailer_size", OPTION_SIZE, FIELD(limits.trailer_size), "8 KiB", .min = 256, .max = 64 * KIB,
     .help = "The largest trailer section of a body."},
    {"limits.chunk_extension_size", OPTION_SIZE, FIELD(limits.chunk_extension_size), "256 B", .zero = "none", .min = 1,
     .max = 16 * KIB,
     .help = "The longest extension of one chunk of a body."},
    {"limits.storage_high_water", OPTION_INTEGER, FIELD(limits.storage_high_water), "0", .zero = "off", .min = 1, .max = 100,
     .help = "In percent of the room that the storage says it has (Kubo: Datastore.StorageMax, 10 GB unless it was set). "
             "Above it, what adds data is refused with 507; reading and unpinning go on. 95 is a good value once StorageMax "
             "says what the disk can hold."},
    {"limits.collect_above", OPTION_INTEGER, FIELD(limits.collect_above), "0", .zero = "never", .min = 1, .max = 100,
     .help = "In percent, likewise: above it, garbage is collected without being asked, at most once an hour. Garbage is "
             "every block that no pin reaches, whoever put it there."},
    {"limits.collect_wait", OPTION_DURATION, FIELD(limits.collect_wait_ms), "60s", .zero = "cut at once", .min = 100,
     .max = 1 * DAYS,
     .help = "How long calls that write may take to end before garbage is collected; meanwhile no new ones begin. What "
             "runs longer is cut."},
    {.name = NULL},
};
/* clang-format on */

/* What a snapshot's users do not see. */
struct snapshot {
    struct config config; /* first */
    atomic_uint references;
};

const char *config_find(const char *explicit_path)
{
    const char *named = getenv("CAUSEWAY_CONFIG"); /* NOLINT(concurrency-mt-unsafe) */

    if (explicit_path != NULL)
        return explicit_path;
    return named != NULL && named[0] != '\0' ? named : default_path;
}

static void destroy(struct snapshot *snapshot)
{
    options_dispose(table, &snapshot->config);
    free(snapshot->config.file);
    free(snapshot->config.folder);
    free(snapshot);
}

/* The file's absolute path and folder, as it was named: a symbolic link is not followed. */
static bool set_place(struct config *config, const char *path, struct error *err)
{
    char *here = getcwd(NULL, 0);
    const char *slash;

    if (here == NULL)
        return error_set_errno(err, "the working directory is unknown");
    config->file = options_absolute(here, path);
    free(here);
    slash = strrchr(config->file, '/');
    config->folder =
        memory_copy(config->file, slash == config->file ? 1 : (size_t)(slash - config->file));
    return true;
}

/* The embedded node is in this process: there is nobody to dial. */
static bool check_upstream(const struct config *config, const struct yaml *yaml, struct error *err)
{
    static const char *const of_others[] = {"upstream.address", "upstream.authorization_file"};

    for (size_t i = 0; i < ARRAY_SIZE(of_others); i++)
        if (config->upstream.kind == CONFIG_UPSTREAM_EMBEDDED &&
            yaml_get_path(yaml_root(yaml), of_others[i]) != NULL)
            return options_error(yaml, of_others[i], err,
                                 "the embedded node is inside this gateway and is not dialled: "
                                 "take %s out, or set upstream.kind to kubo",
                                 of_others[i]);
    return true;
}

static bool check_partners(const struct config *config, const struct yaml *yaml, struct error *err)
{
    bool is_served = config->listen.partners.address.kind != ADDRESS_NONE;

    if (is_served && config->org == NULL)
        return options_error(yaml, "listen.partners.address", err,
                             "partners know a gateway by its organization: set org");
    if (config->listen.partners.advertise != NULL && !is_served)
        return options_error(yaml, "listen.partners.advertise", err,
                             "nothing listens there: set listen.partners.address");
    return true;
}

/* What no single option can tell. */
static bool check_together(const struct config *config, const struct yaml *yaml, struct error *err)
{
    const struct config_tls *tls = &config->listen.clients.tls;

    if (tls->certificate_file != NULL && tls->key_file == NULL)
        return options_error(yaml, "listen.clients.tls.certificate_file", err,
                             "a certificate needs its key: set listen.clients.tls.key_file");
    if (tls->key_file != NULL && tls->certificate_file == NULL)
        return options_error(yaml, "listen.clients.tls.key_file", err,
                             "a key needs its certificate: set "
                             "listen.clients.tls.certificate_file");
    if (tls->client_ca_file != NULL && tls->certificate_file == NULL)
        return options_error(yaml, "listen.clients.tls.client_ca_file", err,
                             "client certificates need TLS: set certificate_file and key_file");
    if (config->policy == NULL && !address_is_loopback(&config->listen.clients.address))
        return options_error(yaml, "listen.clients.address", err,
                             "an address that other machines reach needs a policy: set policy, or "
                             "listen on 127.0.0.1, [::1] or a unix socket");
    if (config->policy != NULL && yaml_get_path(yaml_root(yaml), "allow") != NULL)
        return options_error(yaml, "allow", err,
                             "the policy says who may do what: take allow out, or policy");
    if (config->policy != NULL && config->org == NULL)
        return options_error(yaml, "policy", err, "a policy needs org, which it must name too");
    return check_partners(config, yaml, err) && check_upstream(config, yaml, err);
}

static uint64_t count_cores(void)
{
    cpu_set_t cores;
    int count = sched_getaffinity(0, sizeof(cores), &cores) == 0 ? CPU_COUNT(&cores) : 1;

    return count > 64 ? 64 : (uint64_t)count;
}

static void fill_in_advertise(struct config *config)
{
    struct text advertise = {0};

    if (config->listen.partners.address.kind == ADDRESS_NONE ||
        config->listen.partners.advertise != NULL)
        return;
    text_put_format(&advertise, "%s:%u", config->org, config->listen.partners.address.port);
    config->listen.partners.advertise = advertise.data;
}

static void fill_in(struct config *config)
{
    char *access = config->log.access;

    fill_in_advertise(config);

    if (config->workers == 0)
        config->workers = count_cores();
    if (strcmp(access, "stdout") != 0 && strcmp(access, "off") != 0) {
        config->log.access = options_absolute(config->folder, access);
        free(access);
    }
}

static bool load(const struct config **config, const struct yaml *yaml, struct error *err)
{
    struct snapshot *made = memory_alloc(sizeof(*made));

    atomic_init(&made->references, 1);
    if (set_place(&made->config, yaml_name(yaml), err) &&
        options_read(table, yaml, made->config.folder, &made->config, err) &&
        check_together(&made->config, yaml, err)) {
        fill_in(&made->config);
        *config = &made->config;
        return true;
    }
    destroy(made);
    return false;
}

bool config_load(const struct config **config, const char *path, struct error *err)
{
    struct error cause = {0};
    struct yaml *yaml;
    bool is_fine;

    *config = NULL;
    if (!yaml_load_file(&yaml, path, &cause)) {
        if (cause.code == ERROR_NOT_FOUND)
            return error_set(
                err, ERROR_NOT_FOUND,
                "there is no configuration at %s; write one (an empty file takes every "
                "default, 'causeway help config' lists the options), or name another "
                "with --config FILE or $CAUSEWAY_CONFIG",
                path);
        return error_copy(err, &cause);
    }
    is_fine = load(config, yaml, err);
    yaml_destroy(&yaml);
    return is_fine;
}

bool config_load_bytes(const struct config **config, const char *path, struct slice bytes,
                       struct error *err)
{
    struct yaml *yaml;
    bool is_fine;

    *config = NULL;
    if (!yaml_load(&yaml, path, bytes, err))
        return false;
    is_fine = load(config, yaml, err);
    yaml_destroy(&yaml);
    return is_fine;
}

const struct config *config_ref(const struct config *config)
{
    struct snapshot *snapshot = (struct snapshot *)config;
    unsigned before = atomic_fetch_add_explicit(&snapshot->references, 1, memory_order_relaxed);

    assert(before > 0);
    return config;
}

void config_unref(const struct config **config)
{
    struct snapshot *snapshot = (struct snapshot *)*config;

    *config = NULL;
    if (snapshot != NULL &&
        atomic_fetch_sub_explicit(&snapshot->references, 1, memory_order_acq_rel) == 1)
        destroy(snapshot);
}

struct log_settings config_log_settings(const struct config *config)
{
    return (struct log_settings){.access = config->log.access,
                                 .level = (enum log_level)config->log.level};
}

bool config_print_reference(FILE *out, const char *name)
{
    return options_print(table, name, out);
}
