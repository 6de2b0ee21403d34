// SPDX-License-Identifier: Apache-2.0
#include "http/worker.h"

#include "conf/memory.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_WAIT_MS = 1000 };

struct worker {
    struct worker_options options;
    struct loop *loop;
    struct server *server;
    pthread_t thread;
    bool must_stop;
    atomic_bool has_ended;
};

struct order {
    struct message message;
    enum { ORDER_RELOAD, ORDER_DRAIN, ORDER_STOP } what;
    const void *snapshot;
    uint64_t deadline_ms;
};

static struct server_settings *make_settings(struct worker *worker, const void *snapshot)
{
    struct server_settings *settings =
        worker->options.make_settings(worker->server, snapshot, worker->options.arg);

    worker->options.unref_snapshot(snapshot);
    return settings;
}

static void on_order(struct message *message, void *receiver)
{
    struct order *order = CONTAINER_OF(message, struct order, message);
    struct worker *worker = receiver;

    switch (order->what) {
    case ORDER_RELOAD:
        if (worker->server != NULL)
            server_reload(worker->server, make_settings(worker, order->snapshot));
        else
            worker->options.unref_snapshot(order->snapshot); /* it came too late */
        break;
    case ORDER_DRAIN:
        server_drain(worker->server, order->deadline_ms);
        break;
    case ORDER_STOP:
        worker->must_stop = true;
        break;
    }
    free(order);
}

static void send_order(struct worker *worker, const struct order *what)
{
    struct order *order = memory_alloc(sizeof(*order));

    *order = *what;
    order->message.deliver = on_order;
    loop_post(worker->loop, &order->message);
}

static void settle_on_cpu(const struct worker *worker)
{
    char name[16];
    cpu_set_t cpus;

    snprintf(name, sizeof(name), "worker-%u", worker->options.id);
    pthread_setname_np(pthread_self(), worker->options.name != NULL ? worker->options.name : name);
    if (worker->options.cpu < 0)
        return;
    CPU_ZERO(&cpus);
    CPU_SET((size_t)worker->options.cpu, &cpus);
    pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
}

static void *run(void *worker_)
{
    struct worker *worker = worker_;

    settle_on_cpu(worker);
    while (!worker->must_stop) {
        loop_turn(worker->loop, MAX_WAIT_MS);
        if (server_is_drained(worker->server))
            atomic_store(&worker->has_ended, true);
    }
    return NULL;
}

struct worker *worker_create(const struct worker_options *options, const void *snapshot)
{
    struct worker *worker = memory_alloc(sizeof(*worker));
    struct server_options server_options = {
        .id = options->id,
        .max_connections = options->max_connections,
        .large_block_budget = options->large_block_budget,
        .strangers = options->strangers,
        .log = options->log,
    };
    sigset_t all, old;

    worker->options = *options;
    worker->loop = server_options.loop = loop_create(worker);
    worker->server = server_create(&server_options, NULL);
    worker->server->settings = make_settings(worker, snapshot);
    server_listen(worker->server, options->listen_fd);
    sigfillset(&all); /* signals are the control thread's */
    pthread_sigmask(SIG_BLOCK, &all, &old);
    if (pthread_create(&worker->thread, NULL, run, worker) != 0) {
        fprintf(stderr, "causeway: no thread can be started\n");
        abort();
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return worker;
}

void worker_reload(struct worker *worker, const void *snapshot)
{
    send_order(worker, &(struct order){.what = ORDER_RELOAD, .snapshot = snapshot});
}

void worker_drain(struct worker *worker, uint64_t deadline_ms)
{
    send_order(worker, &(struct order){.what = ORDER_DRAIN, .deadline_ms = deadline_ms});
}

bool worker_has_ended(const struct worker *worker)
{
    return atomic_load(&worker->has_ended);
}

void worker_stop(struct worker *worker)
{
    if (worker == NULL || worker->server == NULL)
        return;
    send_order(worker, &(struct order){.what = ORDER_STOP});
    pthread_join(worker->thread, NULL);
    server_destroy(&worker->server);
}

void worker_settle(struct worker *worker)
{
    loop_turn(worker->loop, 0);
}

void worker_destroy(struct worker **worker_ptr)
{
    struct worker *worker = *worker_ptr;

    if (worker == NULL)
        return;
    *worker_ptr = NULL;
    worker_stop(worker);
    loop_turn(worker->loop, 0); /* answers that nobody waits for any more */
    loop_destroy(&worker->loop);
    free(worker);
}

const struct server_counters *worker_counters(const struct worker *worker)
{
    return &worker->server->counters;
}
