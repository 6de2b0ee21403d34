// SPDX-License-Identifier: Apache-2.0
#include "proxy/serve.h"

#include "conf/log.h"
#include "conf/memory.h"
#include "http/jobs.h"
#include "http/worker.h"
#include "proxy/front.h"
#include "proxy/operators.h"
#include "proxy/snapshot.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    LISTEN_BACKLOG = 4096,
    LARGE_BLOCK_BUDGET = 32 * 1024 * 1024, /* of all workers together */
    JOB_THREADS = 2,
    JOB_QUEUE = 64,
    CONTROL_WAIT_MS = 200,
};

/* The process, as the control thread sees it. */
struct gateway {
    const char *config_path;
    struct snapshot *snapshot;
    struct log *log;
    struct log_writer *messages;
    struct loop *loop;
    struct jobs *jobs;
    struct server *operators;
    struct worker **workers;
    uint32_t worker_count;
    struct operators_context context;
    struct io signals;
    bool is_draining, must_end;
    bool is_reloading, reload_again;
};

/* ---- listening */

static int listen_on(const struct address *address, bool shared, struct error *err)
{
    const char *path = ((const struct sockaddr_un *)(const void *)&address->sockaddr)->sun_path;
    int fd = socket(address->sockaddr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;

    if (fd < 0) {
        error_set_errno(err, "listening on %s", address->text);
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (shared && address->kind == ADDRESS_IP)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    if (address->kind == ADDRESS_UNIX)
        unlink(path); /* of a process that is gone; ours is kept by the data folder's lock */
    if (bind(fd, (const struct sockaddr *)&address->sockaddr, address->size) != 0 ||
        listen(fd, LISTEN_BACKLOG) != 0) {
        error_set_errno(err, "listening on %s", address->text);
        close(fd);
        return -1;
    }
    return fd;
}

/* One descriptor a worker: of its own where the kernel can share a port, else a copy. With port 0
 * the first one finds a port for all. */
static bool open_listeners(const struct address *address, int *fds, uint32_t count,
                           struct address *actual, struct error *err)
{
    socklen_t size = sizeof(actual->sockaddr);
    struct sockaddr_storage bound;

    fds[0] = listen_on(address, true, err);
    if (fds[0] < 0)
        return false;
    *actual = *address;
    if (address->kind == ADDRESS_IP && getsockname(fds[0], (struct sockaddr *)&bound, &size) == 0)
        address_from_sockaddr(actual, (const struct sockaddr *)&bound, size);
    for (uint32_t i = 1; i < count; i++) {
        fds[i] = address->kind == ADDRESS_IP ? listen_on(actual, true, err)
                                             : fcntl(fds[0], F_DUPFD_CLOEXEC, 0);
        if (fds[i] < 0)
            return error_set_errno(err, "listening on %s", address->text);
    }
    return true;
}

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
    struct address actual;
    int fds[64];

    assert(count <= ARRAY_SIZE(fds));
    if (!open_listeners(&config->listen.clients.address, fds, count, &actual, err))
        return false;
    gateway->workers = memory_resize_array(NULL, count, sizeof(*gateway->workers));
    for (uint32_t i = 0; i < count; i++) {
        char component[16];
        struct worker_options options = {
            .id = i + 1,
            .cpu = -1,
            .listen_fd = fds[i],
            .max_connections = (uint32_t)(config->limits.connections / count + 1),
            .large_block_budget = LARGE_BLOCK_BUDGET / count,
            .make_settings = front_make_settings,
            .unref_snapshot = unref_shared,
        };

        snprintf(component, sizeof(component), "worker-%u", i + 1);
        options.log = log_writer_create(gateway->log, component);
        gateway->workers[i] = worker_create(&options, snapshot_ref(gateway->snapshot));
        gateway->worker_count++;
    }
    log_message(gateway->messages, LOG_LEVEL_INFO,
                "serving clients on %s%s with %u workers; upstream %s", actual.text,
                gateway->snapshot->tls != NULL ? " (TLS)" : "", count,
                gateway->snapshot->upstream.text);
    return true;
}

static bool start_operators(struct gateway *gateway, struct error *err)
{
    const struct address *address = &gateway->snapshot->config->listen.operators.address;
    struct address actual;
    int fd;

    if (!open_listeners(address, &fd, 1, &actual, err))
        return false;
    gateway->context = (struct operators_context){
        .workers = gateway->workers,
        .worker_count = gateway->worker_count,
        .log = gateway->log,
        .is_draining = &gateway->is_draining,
    };
    server_reload(gateway->operators, operators_make_settings(gateway->operators, gateway->snapshot,
                                                              &gateway->context));
    server_listen(gateway->operators, fd);
    log_message(gateway->messages, LOG_LEVEL_INFO, "health and metrics on %s", actual.text);
    return true;
}

/* ---- reloading: files are read in a job, workers swap snapshots */

struct reload {
    struct job job;
    struct gateway *gateway;
    struct snapshot *loaded; /* NULL: it failed */
    struct error err;
};

static void start_reload(struct gateway *gateway);

static void run_reload(struct job *job)
{
    struct reload *reload = CONTAINER_OF(job, struct reload, job);

    if (!snapshot_load(&reload->loaded, reload->gateway->config_path, reload->gateway->snapshot,
                       &reload->err))
        reload->loaded = NULL;
}

/* What only a restart changes. */
static void warn_of_fixed(struct gateway *gateway, const struct config *now)
{
    const struct config *then = gateway->snapshot->config;

    if (strcmp(then->listen.clients.address.text, now->listen.clients.address.text) != 0 ||
        strcmp(then->listen.operators.address.text, now->listen.operators.address.text) != 0 ||
        then->workers != now->workers)
        log_message(gateway->messages, LOG_LEVEL_WARNING,
                    "listen.*.address and workers take effect at a restart only");
}

static void take_snapshot(struct gateway *gateway, struct snapshot *loaded)
{
    struct log_settings settings = config_log_settings(loaded->config);

    warn_of_fixed(gateway, loaded->config);
    snapshot_unref(&gateway->snapshot);
    gateway->snapshot = loaded;
    log_reopen(gateway->log, &settings);
    for (uint32_t i = 0; i < gateway->worker_count; i++)
        worker_reload(gateway->workers[i], snapshot_ref(loaded));
    server_reload(gateway->operators,
                  operators_make_settings(gateway->operators, loaded, &gateway->context));
    log_message(gateway->messages, LOG_LEVEL_INFO, "reloaded %s", gateway->config_path);
}

static void on_reloaded(struct job *job)
{
    struct reload *reload = CONTAINER_OF(job, struct reload, job);
    struct gateway *gateway = reload->gateway;

    gateway->is_reloading = false;
    gateway->context.last_reload_failed = reload->loaded == NULL;
    if (reload->loaded != NULL) {
        take_snapshot(gateway, reload->loaded);
    } else {
        gateway->context.failed_reloads++;
        log_message(gateway->messages, LOG_LEVEL_ERROR,
                    "reload refused, the configuration before it stays in force: %s",
                    reload->err.text);
    }
    free(reload);
    if (gateway->reload_again) {
        gateway->reload_again = false;
        start_reload(gateway);
    }
}

static void start_reload(struct gateway *gateway)
{
    struct reload *reload;

    if (gateway->is_reloading) {
        gateway->reload_again = true;
        return;
    }
    reload = memory_alloc(sizeof(*reload));
    reload->gateway = gateway;
    reload->job.run = run_reload;
    reload->job.on_done = on_reloaded;
    gateway->context.reloads++;
    gateway->is_reloading = job_start(gateway->jobs, gateway->loop, &reload->job);
    if (!gateway->is_reloading) {
        log_message(gateway->messages, LOG_LEVEL_ERROR, "reload refused: too many jobs wait");
        free(reload);
    }
}

/* ---- signals */

static void start_drain(struct gateway *gateway, uint64_t deadline_ms)
{
    log_message(gateway->messages, LOG_LEVEL_INFO,
                "draining: what runs has %llu s to end; a second signal ends it now",
                (unsigned long long)deadline_ms / 1000);
    gateway->is_draining = true;
    for (uint32_t i = 0; i < gateway->worker_count; i++)
        worker_drain(gateway->workers[i], deadline_ms);
}

static void on_signal(struct io *io)
{
    struct gateway *gateway = CONTAINER_OF(io, struct gateway, signals);
    struct signalfd_siginfo signal;

    while (read(io->fd, &signal, sizeof(signal)) == sizeof(signal)) {
        if (signal.ssi_signo == SIGHUP)
            start_reload(gateway);
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
        if (!worker_has_ended(gateway->workers[i]))
            return false;
    return true;
}

static bool start(struct gateway *gateway, int signal_fd, struct error *err)
{
    struct server_options options = {
        .id = 0, .max_connections = 256, .large_block_budget = 0, .no_access_log = true};
    struct log_settings settings = config_log_settings(gateway->snapshot->config);

    if (!log_start(&gateway->log, &settings, err))
        return false;
    gateway->messages = log_writer_create(gateway->log, "main");
    gateway->loop = options.loop = loop_create(gateway);
    options.log = gateway->messages;
    gateway->operators = server_create(&options, NULL);
    gateway->jobs = jobs_create(JOB_THREADS, JOB_QUEUE);
    io_init(&gateway->signals, gateway->loop, signal_fd, on_signal, on_nothing);
    io_watch_read(&gateway->signals);
    raise_descriptor_limit(gateway, gateway->snapshot->config->limits.connections);
    return start_workers(gateway, err) && start_operators(gateway, err);
}

static void stop(struct gateway *gateway)
{
    for (uint32_t i = 0; i < gateway->worker_count; i++)
        worker_destroy(&gateway->workers[i]);
    free(gateway->workers);
    if (gateway->loop != NULL) {
        jobs_destroy(&gateway->jobs);
        loop_turn(gateway->loop, 0); /* a reload that was under way comes back */
        server_destroy(&gateway->operators);
        io_close(&gateway->signals);
        loop_destroy(&gateway->loop);
    }
    log_stop(&gateway->log);
    snapshot_unref(&gateway->snapshot);
}

int serve_run(struct cli *cli)
{
    struct gateway gateway = {.config_path = config_find(cli_value(cli, "config"))};
    int signal_fd = block_signals();
    struct error err = {0};
    bool is_started;

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
