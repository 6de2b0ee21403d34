// SPDX-License-Identifier: Apache-2.0
/* What is in force changes here: files are read in a job, workers swap snapshots. */
#include "conf/memory.h"
#include "proxy/gateway.h"
#include "proxy/operator_storage.h"
#include "proxy/storage.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SETTLE_MS = 200 };

struct reload {
    struct job job;
    struct gateway *gateway;
    struct snapshot *previous; /* counted */
    uint64_t rollback;         /* the version to go back to; 0: a reload */
    struct snapshot *loaded;   /* NULL: it failed */
    struct error err;
    reload_done on_done;
    void *arg;
};

/* ---- in the job */

static bool load(struct reload *reload)
{
    struct gateway *gateway = reload->gateway;

    return snapshot_load(&reload->loaded, gateway->config_path, reload->previous, &reload->err) &&
           snapshot_add_policy(reload->loaded, reload->previous, gateway->context.store,
                               &reload->err);
}

static void run_reload(struct job *job)
{
    struct reload *reload = CONTAINER_OF(job, struct reload, job);
    bool done = reload->rollback == 0 ? load(reload)
                                      : snapshot_roll_back(&reload->loaded, reload->previous,
                                                           reload->gateway->context.store,
                                                           reload->rollback, &reload->err);

    if (!done && reload->loaded != NULL)
        snapshot_unref(&reload->loaded);
}

/* ---- putting it in force */

static bool is_same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* What only a restart changes. */
static void warn_of_fixed(struct gateway *gateway, const struct config *now)
{
    const struct config *then = gateway->snapshot->config;

    if (strcmp(then->listen.clients.address.text, now->listen.clients.address.text) != 0 ||
        strcmp(then->listen.operators.address.text, now->listen.operators.address.text) != 0 ||
        strcmp(then->listen.partners.address.text, now->listen.partners.address.text) != 0 ||
        !is_same_text(then->listen.partners.advertise, now->listen.partners.advertise) ||
        !is_same_text(then->org, now->org) || strcmp(then->node, now->node) != 0 ||
        strcmp(then->data, now->data) != 0 || then->workers != now->workers)
        log_message(gateway->messages, LOG_LEVEL_WARNING,
                    "org, node, data, workers, listen.partners.advertise and listen.*.address take "
                    "effect at a restart only");
}

/* A member that left the policy: what it runs is cut. */
static void end_sessions_of_gone(struct gateway *gateway, const struct snapshot *loaded)
{
    const struct policy *then = gateway->snapshot->policy;

    if (then == NULL || loaded->policy == NULL || then == loaded->policy)
        return;
    for (size_t i = 0; i < policy_member_count(then); i++) {
        const struct policy_member *member = policy_member(then, i);

        if (policy_member_find(loaded->policy, member->id) == NULL)
            directory_end_sessions(gateway->context.directory, PRINCIPAL_MEMBER, member->id);
    }
}

/* The tracker's own connections go where the workers' go. */
static void move_tracker(struct gateway *gateway, struct snapshot *loaded)
{
    struct upstream *before = gateway->storage;

    if (storage_is_same(gateway->snapshot, loaded)) { /* what is under way goes on */
        storage_use(gateway, &loaded->config->limits);
        return;
    }
    gateway->storage = storage_open(gateway->loop, gateway->blocks, gateway->pipes, loaded,
                                    gateway->context.node, gateway->jobs);
    tracker_use(gateway->context.tracker, gateway->storage);
    partners_use_storage(gateway, loaded);
    storage_use(gateway, &loaded->config->limits);
    upstream_destroy(&before);
}

static void put_in_force(struct gateway *gateway, struct snapshot *loaded)
{
    struct log_settings settings = config_log_settings(loaded->config);

    warn_of_fixed(gateway, loaded->config);
    accounts_put_in_force(gateway->context.accounts, loaded->policy);
    for (uint32_t i = 0; i < gateway->worker_count; i++)
        worker_reload(gateway->workers[i].worker, snapshot_ref(loaded));
    end_sessions_of_gone(gateway, loaded);
    move_tracker(gateway, loaded);
    server_reload(gateway->health,
                  operators_make_settings(gateway->health, loaded, &gateway->health_context));
    snapshot_unref(&gateway->snapshot);
    gateway->snapshot = loaded;
    owners_compare(&gateway->owners, loaded->policy);
    partners_use(gateway);
    log_reopen(gateway->log, &settings);
    audit_reopen(gateway->context.audit);
}

static void say_reloaded(struct gateway *gateway, const struct reload *reload)
{
    const struct snapshot *now = gateway->snapshot;

    if (now->policy == NULL)
        log_message(gateway->messages, LOG_LEVEL_INFO, "reloaded %s", gateway->config_path);
    else
        log_message(gateway->messages, LOG_LEVEL_INFO,
                    "%s; policy version %llu (%.12s) is in force",
                    reload->rollback != 0 ? "rolled back" : "reloaded",
                    (unsigned long long)now->policy_number, policy_hash(now->policy));
}

static void on_reloaded(struct job *job)
{
    struct reload *reload = CONTAINER_OF(job, struct reload, job);
    struct gateway *gateway = reload->gateway;
    bool failed = reload->loaded == NULL;

    gateway->is_reloading = false;
    gateway->reload_fault = reload->err;
    gateway->health_context.last_reload_failed = failed;
    if (failed) {
        gateway->health_context.failed_reloads++;
        log_message(gateway->messages, LOG_LEVEL_ERROR,
                    "reload refused, what was in force before stays: %s", reload->err.text);
    } else {
        put_in_force(gateway, reload->loaded);
        say_reloaded(gateway, reload);
        reload_watch(gateway);
    }
    if (reload->on_done != NULL)
        reload->on_done(reload->arg, failed ? &reload->err : NULL);
    snapshot_unref(&reload->previous);
    free(reload);
    if (gateway->reload_again) {
        gateway->reload_again = false;
        reload_start(gateway, NULL, NULL);
    }
}

/* ---- starting */

static void start(struct gateway *gateway, uint64_t rollback, reload_done on_done, void *arg)
{
    struct reload *reload = memory_alloc(sizeof(*reload));
    struct error err = {0};

    *reload = (struct reload){.job = {.run = run_reload, .on_done = on_reloaded},
                              .gateway = gateway,
                              .previous = snapshot_ref(gateway->snapshot),
                              .rollback = rollback,
                              .on_done = on_done,
                              .arg = arg};
    gateway->health_context.reloads++;
    gateway->is_reloading = job_start(gateway->jobs, gateway->loop, &reload->job);
    if (gateway->is_reloading)
        return;
    error_set(&err, ERROR_LIMIT, "too many jobs wait; try again");
    log_message(gateway->messages, LOG_LEVEL_ERROR, "reload refused: %s", err.text);
    snapshot_unref(&reload->previous);
    free(reload);
    if (on_done != NULL)
        on_done(arg, &err);
}

static void refuse_second(reload_done on_done, void *arg)
{
    struct error err = {0};

    error_set(&err, ERROR_LIMIT, "a reload is under way; try again in a moment");
    on_done(arg, &err);
}

void reload_start(struct gateway *gateway, reload_done on_done, void *arg)
{
    if (!gateway->is_reloading)
        start(gateway, 0, on_done, arg);
    else if (on_done != NULL)
        refuse_second(on_done, arg);
    else
        gateway->reload_again = true;
}

void reload_roll_back(struct gateway *gateway, uint64_t number, reload_done on_done, void *arg)
{
    if (gateway->is_reloading)
        refuse_second(on_done, arg);
    else
        start(gateway, number, on_done, arg);
}

/* ---- watching the policy's files */

static void on_settled(struct timer *timer)
{
    reload_start(CONTAINER_OF(timer, struct gateway, settle), NULL, NULL);
}

static void on_file_event(struct io *io)
{
    struct gateway *gateway = CONTAINER_OF(io, struct gateway, watch);
    char events[4096];

    while (read(io->fd, events, sizeof(events)) > 0)
        ;
    timer_disarm(&gateway->settle);
    timer_arm(gateway->loop, &gateway->settle, SETTLE_MS);
}

static void on_nothing(struct io *io)
{
}

void reload_watch(struct gateway *gateway)
{
    const char *path = gateway->snapshot->config->policy;
    struct stat status;
    char *folder;
    int fd;

    gateway->settle.fire = on_settled;
    io_close(&gateway->watch);
    if (path == NULL || stat(path, &status) != 0)
        return;
    fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (fd < 0)
        return;
    /* the folder, not the file: editors write a new file and rename it */
    folder = memory_copy_text(path);
    if (!S_ISDIR(status.st_mode))
        *strrchr(folder, '/') = '\0';
    if (inotify_add_watch(fd, folder[0] != '\0' ? folder : "/",
                          IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE) < 0)
        log_message(gateway->messages, LOG_LEVEL_WARNING,
                    "%s is not watched (%s): after a change, send SIGHUP", folder, strerror(errno));
    free(folder);
    io_init(&gateway->watch, gateway->loop, fd, on_file_event, on_nothing);
    io_watch_read(&gateway->watch);
}
