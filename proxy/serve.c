// SPDX-License-Identifier: Apache-2.0
#include "proxy/serve.h"

#include "auth/operator.h"
#include "conf/memory.h"
#include "federation/operator.h"
#include "federation/operator_allocations.h"
#include "federation/operator_statement.h"
#include "proxy/clock.h"
#include "proxy/front.h"
#include "proxy/gateway.h"
#include "proxy/listening.h"
#include "proxy/operator_deny.h"
#include "proxy/operator_member.h"
#include "proxy/operator_pins.h"
#include "proxy/operator_storage.h"
#include "proxy/storage.h"
#include "upstream/embedded/database.h"

#include <assert.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
    LARGE_BLOCK_BUDGET = 32 * 1024 * 1024, /* of all workers together */
    JOB_QUEUE = 4096,                      /* a job that waits costs no memory of its own */
    CONTROL_WAIT_MS = 200,
    LATE_PIN_MS = 3000, /* Kubo writes it within milliseconds; a machine may be busy */
};

/* ---- descriptors */

/* Each connection may need two descriptors. */
static void raise_descriptor_limit(struct gateway *gateway, uint64_t connections)
{
    rlim_t wanted = (rlim_t)connections * 2 + 256;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur < wanted)
        log_message(gateway->messages, LOG_LEVEL_WARNING,
                    "limits.connections is %llu, but this process may open %llu files: raise its "
                    "limit (ulimit -n, LimitNOFILE) to %llu",
                    (unsigned long long)connections, (unsigned long long)limit.rlim_cur,
                    (unsigned long long)wanted);
}

/* ---- workers */

static void unref_shared(const void *snapshot_)
{
    struct snapshot *snapshot = (struct snapshot *)snapshot_;

    snapshot_unref(&snapshot);
}

static bool start_workers(struct gateway *gateway, struct error *err)
{
    const struct config *config = gateway->snapshot->config;
    uint32_t count = (uint32_t)config->workers;
    int fds[64];

    assert(count <= ARRAY_SIZE(fds));
    if (!listening_open(&config->listen.clients.address, fds, count, &gateway->clients_address,
                        err))
        return false;
    gateway->workers = memory_alloc(count * sizeof(*gateway->workers));
    for (uint32_t i = 0; i < count; i++) {
        struct gateway_worker *worker = &gateway->workers[i];
        char component[16];
        struct worker_options options = {
            .id = i + 1,
            .cpu = -1,
            .listen_fd = fds[i],
            .max_connections = (uint32_t)(config->limits.connections / count + 1),
            .large_block_budget = LARGE_BLOCK_BUDGET / count,
            .make_settings = front_make_settings,
            .unref_snapshot = unref_shared,
            .arg = &worker->keep,
        };

        snprintf(component, sizeof(component), "worker-%u", i + 1);
        options.log = log_writer_create(gateway->log, component);
        worker->keep.context = &gateway->context;
        worker_tools_create(&worker->keep.tools, &gateway->context);
        worker->worker = worker_create(&options, snapshot_ref(gateway->snapshot));
        gateway->worker_count++;
    }
    log_message(gateway->messages, LOG_LEVEL_INFO,
                "serving clients on %s%s with %u workers; upstream %s",
                gateway->clients_address.text, gateway->snapshot->tls != NULL ? " (TLS)" : "",
                count, gateway->snapshot->upstream.text);
    return true;
}

static bool start_health(struct gateway *gateway, struct error *err)
{
    const struct address *address = &gateway->snapshot->config->listen.operators.address;
    struct server_options options = {.loop = gateway->loop,
                                     .max_connections = 256,
                                     .log = gateway->messages,
                                     .no_access_log = true};
    struct address actual;
    int fd;

    if (!listening_open(address, &fd, 1, &actual, err))
        return false;
    gateway->health_context = (struct operators_context){
        .workers = gateway->workers,
        .worker_count = gateway->worker_count,
        .context = &gateway->context,
        .log = gateway->log,
        .is_draining = &gateway->is_draining,
        .gateway = gateway,
    };
    gateway->health = server_create(&options, NULL);
    server_reload(gateway->health, operators_make_settings(gateway->health, gateway->snapshot,
                                                           &gateway->health_context));
    server_listen(gateway->health, fd);
    log_message(gateway->messages, LOG_LEVEL_INFO, "health and metrics on %s", actual.text);
    return true;
}

static bool start_desk(struct gateway *gateway, struct error *err)
{
    static const struct operator_route *const tables[] = {
        gateway_routes,    deny_routes,       member_routes,    ledger_routes,
        auth_routes,       identity_routes,   storage_routes,   pin_routes,
        federation_routes, allocation_routes, statement_routes, NULL};
    struct server_options options = {.loop = gateway->loop,
                                     .max_connections = 64,
                                     .log = gateway->messages,
                                     .no_access_log = true};
    struct text path = {0};
    int fd;

    text_put_format(&path, "%s/operators.sock", gateway->snapshot->config->data);
    fd = operator_socket_listen(path.data, err);
    text_dispose(&path);
    if (fd < 0)
        return false;
    gateway->desk_context = (struct operator_desk){
        .site = {.loop = gateway->loop,
                 .store = gateway->context.store,
                 .directory = gateway->context.directory,
                 .check_member = gateway_check_member,
                 .check_role = gateway_check_role,
                 .policy = gateway,
                 .links = gateway->partners.links,
                 .keeper = gateway->partners.keeper,
                 .allocations = gateway->partners.allocations,
                 .statements = gateway->partners.statements,
                 .placer = gateway->partners.placer},
        .audit = audit_writer_create(gateway->context.audit),
        .tables = tables,
    };
    gateway->desk = server_create(&options, operator_socket_settings(&gateway->desk_context));
    server_listen(gateway->desk, fd);
    return true;
}

/* ---- the pin tracker, and its own way to the storage */

static bool is_denied(void *denylist, const struct cid *cid, struct text *reason)
{
    return denylist_find(denylist, cid, reason);
}

static void start_tracker(struct gateway *gateway)
{
    struct tracker_settings settings = {
        .loop = gateway->loop,
        .store = gateway->context.store,
        .messages = gateway->messages,
        .quotas = {.limits = accounts_limits, .arg = gateway->context.accounts},
        .is_denied = is_denied,
        .now_ms = clock_wall_ms,
        .late_ms = LATE_PIN_MS};

    gateway->denylist = denylist_reader_create(gateway->context.denylist);
    settings.denied_arg = gateway->denylist;
    gateway->blocks = block_store_create(0);
    gateway->pipes = pipe_store_create();
    gateway->storage = storage_open(gateway->loop, gateway->blocks, gateway->pipes,
                                    gateway->snapshot, gateway->context.node, gateway->jobs);
    settings.upstream = gateway->storage;
    gateway->context.tracker = tracker_create(&settings);
    storage_start(gateway);
}

static void stop_tracker(struct gateway *gateway)
{
    storage_stop(gateway);
    tracker_destroy(&gateway->context.tracker);
    denylist_reader_destroy(&gateway->denylist);
    upstream_destroy(&gateway->storage);
    pipe_store_destroy(&gateway->pipes);
    block_store_destroy(&gateway->blocks);
}

/* ---- which tokens were used, for people who clean up: coarse, and never worth a wait */

enum { USES_EVERY_MS = 60 * 1000, USES_MAX = 10000 };

static void on_uses(struct timer *timer)
{
    struct gateway *gateway = CONTAINER_OF(timer, struct gateway, uses);
    struct transaction *used = transaction_create(TRANSACTION_TOKEN_USED);
    struct token_use *uses = arena_alloc(&used->arena, USES_MAX * sizeof(*uses));
    struct error err = {0};

    used->token_used.uses = uses;
    used->token_used.count = directory_collect_uses(gateway->context.directory, uses, USES_MAX);
    if (used->token_used.count == 0 ||
        !store_start(gateway->context.store, NULL, used, NULL, NULL, &err))
        transaction_destroy(&used);
    timer_arm(gateway->loop, timer, USES_EVERY_MS);
}

/* ---- tokens that ended long ago; what was done with them, the audit log keeps */

enum { PURGE_FIRST_MS = 60 * 1000, PURGE_EVERY_MS = 3600 * 1000, PURGE_MAX = 10000 };

static void on_purge(struct timer *timer)
{
    struct gateway *gateway = CONTAINER_OF(timer, struct gateway, purge);
    struct transaction *purge = transaction_create(TRANSACTION_TOKEN_PURGE);
    struct error err = {0};

    purge->token_purge.ended_ms = clock_wall_ms() - (uint64_t)TOKEN_KEPT_DAYS * 24 * 3600 * 1000;
    purge->token_purge.limit = PURGE_MAX;
    if (!store_start(gateway->context.store, NULL, purge, NULL, NULL, &err))
        transaction_destroy(&purge);
    timer_arm(gateway->loop, timer, PURGE_EVERY_MS);
}

/* ---- signals */

static void start_drain(struct gateway *gateway, uint64_t deadline_ms)
{
    log_message(gateway->messages, LOG_LEVEL_INFO,
                "draining: what runs has %llu s to end; a second signal ends it now",
                (unsigned long long)deadline_ms / 1000);
    gateway->is_draining = true;
    for (uint32_t i = 0; i < gateway->worker_count; i++)
        worker_drain(gateway->workers[i].worker, deadline_ms);
    partners_drain(gateway, deadline_ms);
}

static void on_signal(struct io *io)
{
    struct gateway *gateway = CONTAINER_OF(io, struct gateway, signals);
    struct signalfd_siginfo signal;

    while (read(io->fd, &signal, sizeof(signal)) == sizeof(signal)) {
        if (signal.ssi_signo == SIGHUP)
            reload_start(gateway, NULL, NULL);
        else if (gateway->is_draining)
            gateway->must_end = true;
        else
            start_drain(gateway, gateway->snapshot->config->limits.drain_timeout_ms);
    }
}

static void on_nothing(struct io *io)
{
}

/* Before any thread starts, so that all inherit the mask. */
static int block_signals(void)
{
    sigset_t set;

    signal(SIGPIPE, SIG_IGN); /* splice has no MSG_NOSIGNAL */
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* ---- the life of the process */

static bool has_drained(const struct gateway *gateway)
{
    if (!gateway->is_draining)
        return false;
    for (uint32_t i = 0; i < gateway->worker_count; i++)
        if (!worker_has_ended(gateway->workers[i].worker))
            return false;
    return partners_have_drained(gateway);
}

/* Before the workers: what all share. */
static bool open_shared(struct gateway *gateway, struct error *err)
{
    struct log_settings settings = config_log_settings(gateway->snapshot->config);

    if (!log_start(&gateway->log, &settings, err))
        return false;
    gateway->messages = log_writer_create(gateway->log, "main");
    if (!context_open(&gateway->context, gateway->snapshot->config, gateway->messages, err) ||
        !snapshot_add_policy(gateway->snapshot, NULL, gateway->context.store, err))
        return false;
    accounts_put_in_force(gateway->context.accounts, gateway->snapshot->policy);
    if (gateway->snapshot->policy_fault.code != ERROR_NONE)
        log_message(gateway->messages, LOG_LEVEL_ERROR,
                    "the policy has a mistake, version %llu stays in force: %s",
                    (unsigned long long)gateway->snapshot->policy_number,
                    gateway->snapshot->policy_fault.text);
    return true;
}

/* One for each core, so that all of them hash; and one more, for what waits (a disk, DNS). */
static unsigned int job_threads(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    return cores < 2 ? 3 : cores > 64 ? 65 : (unsigned int)cores + 1;
}

static bool start(struct gateway *gateway, int signal_fd, struct error *err)
{
    if (!open_shared(gateway, err))
        return false;
    gateway->jobs = jobs_create(job_threads(), JOB_QUEUE);
    if (!storage_open_node(&gateway->context.node, gateway->snapshot->config, gateway->jobs,
                           gateway->messages, err))
        return false;
    gateway->loop = loop_create(gateway);
    gateway->watch.fd = -1;
    io_init(&gateway->signals, gateway->loop, signal_fd, on_signal, on_nothing);
    io_watch_read(&gateway->signals);
    raise_descriptor_limit(gateway, gateway->snapshot->config->limits.connections);
    start_tracker(gateway);
    /* operators first: whoever sees the clients' port open may ask them */
    if (!partners_start(gateway, err) || !start_desk(gateway, err) ||
        !start_workers(gateway, err) || !start_health(gateway, err))
        return false;
    reload_watch(gateway);
    gateway->owners = (struct owners){.loop = gateway->loop,
                                      .store = gateway->context.store,
                                      .tracker = gateway->context.tracker,
                                      .messages = gateway->messages};
    owners_compare(&gateway->owners, gateway->snapshot->policy);
    quota_keeper_start(&gateway->quotas, gateway->loop, gateway->context.store,
                       gateway->context.accounts);
    gateway->uses.fire = on_uses;
    timer_arm(gateway->loop, &gateway->uses, USES_EVERY_MS);
    gateway->purge.fire = on_purge;
    timer_arm(gateway->loop, &gateway->purge, PURGE_FIRST_MS);
    return true;
}

/* What the control loop still delivers finds none. */
static void stop_workers(struct gateway *gateway)
{
    for (uint32_t i = 0; i < gateway->worker_count; i++) {
        worker_stop(gateway->workers[i].worker);
        worker_tools_dispose(&gateway->workers[i].keep.tools);
    }
    gateway->stopped_workers = gateway->worker_count;
    gateway->worker_count = 0;
    gateway->health_context.worker_count = 0;
}

/* What ran in the job pool for their clients hears of its end while the node is still there. */
static void settle_workers(struct gateway *gateway)
{
    for (uint32_t i = 0; i < gateway->stopped_workers; i++)
        worker_settle(gateway->workers[i].worker);
}

/* Once nothing answers them any more. */
static void free_workers(struct gateway *gateway)
{
    for (uint32_t i = 0; i < gateway->stopped_workers; i++)
        worker_destroy(&gateway->workers[i].worker);
    free(gateway->workers);
    gateway->workers = NULL;
}

static void stop(struct gateway *gateway)
{
    stop_workers(gateway);
    partners_stop(gateway);
    node_stop(gateway->context.node);
    jobs_destroy(&gateway->jobs);
    settle_workers(gateway);
    if (gateway->loop != NULL) {
        loop_turn(gateway->loop, 0); /* a reload that was under way comes back */
        owners_stop(&gateway->owners);
        member_transfer_stop(&gateway->transfer);
        server_destroy(&gateway->desk);
        server_destroy(&gateway->health);
        audit_writer_destroy(&gateway->desk_context.audit);
        timer_disarm(&gateway->settle);
        timer_disarm(&gateway->uses);
        timer_disarm(&gateway->purge);
        quota_keeper_stop(&gateway->quotas);
        io_close(&gateway->watch);
        io_close(&gateway->signals);
        stop_tracker(gateway);
    }
    node_close(&gateway->context.node); /* its answers find loops that still turn once */
    context_close(&gateway->context);
    free_workers(gateway);
    partners_free(gateway);
    if (gateway->loop != NULL) {
        loop_turn(gateway->loop, 0); /* answers of the ledger that nobody waits for any more */
        loop_destroy(&gateway->loop);
    }
    snapshot_unref(&gateway->snapshot);
    log_stop(&gateway->log);
}

/* Large buffers come and go with uploads: their memory goes back to the system at once. By itself
 * the C library keeps what was freed often enough, as much again as is in use. Blocks of
 * connections (256 KiB) are below. */
static void return_large_buffers(void)
{
#ifdef M_MMAP_THRESHOLD
    (void)mallopt(M_MMAP_THRESHOLD, 512 * 1024);
#endif
}

int serve_run(struct cli *cli)
{
    struct gateway gateway = {.config_path = config_find(cli_value(cli, "config")),
                              .started_ms = clock_wall_ms()};
    int signal_fd = block_signals();
    struct error err = {0};
    bool is_started;

    return_large_buffers();
    database_save_memory();
    if (!snapshot_load(&gateway.snapshot, gateway.config_path, NULL, &err))
        return cli_fail(cli, "%s", err.text);
    is_started = start(&gateway, signal_fd, &err);
    while (is_started && !gateway.must_end && !has_drained(&gateway))
        loop_turn(gateway.loop, CONTROL_WAIT_MS);
    if (is_started)
        log_message(gateway.messages, LOG_LEVEL_INFO, "stopped");
    stop(&gateway);
    return is_started ? CLI_DONE : cli_fail(cli, "%s", err.text);
}
