// SPDX-License-Identifier: Apache-2.0
/* A node, and a server whose /own is served with a task: what the tests of serve.c share. */
#ifndef TESTS_UNIT_UPSTREAM_EMBEDDED_SERVE_KIT_H
#define TESTS_UNIT_UPSTREAM_EMBEDDED_SERVE_KIT_H

#include "conf/memory.h"
#include "http/session.h"
#include "tests/unit/http/stage.h"
#include "upstream/embedded/serve.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define POST    "POST /own HTTP/1.1\r\nHost: x\r\n"
#define EMPTY   POST "Content-Length: 0\r\n\r\n"
#define JSON    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
#define CHUNKED "Trailer: X-Stream-Error\r\nTransfer-Encoding: chunked\r\n\r\n"

enum { MIB = 1 << 20 };

struct bench {
    struct stage *stage;
    struct jobs *jobs;
    struct node *node;
    char folder[64];
    const struct task_command *command;
    struct upstream_request request;
    struct call *call;
    const char *target;
};

static atomic_uint slices, disposed;
static sem_t may_go_on; /* of what blocks in a slice */

/* ---- the stage */

static inline int setup(void **state)
{
    struct bench *bench = memory_alloc(sizeof(*bench));
    struct node_settings settings;
    struct error err = {0};
    char folder[96];
    void *stage;

    stage_setup(&stage);
    bench->stage = stage;
    snprintf(bench->folder, sizeof(bench->folder), "/tmp/causeway-test-XXXXXX");
    assert_non_null(mkdtemp(bench->folder));
    snprintf(folder, sizeof(folder), "%s/blocks", bench->folder);
    bench->jobs = jobs_create(2, 4);
    settings = (struct node_settings){.folder = folder, .jobs = bench->jobs};
    if (!node_open(&bench->node, &settings, NULL, &err))
        fail_msg("%s", err.text);
    slices = disposed = 0;
    sem_init(&may_go_on, 0, 0);
    *state = bench;
    return 0;
}

static inline int teardown(void **state)
{
    struct bench *bench = *state;
    void *stage = bench->stage;
    char command[96];

    while (bench->stage->server != NULL && bench->stage->server->sessions != NULL)
        session_close(bench->stage->server->sessions);
    node_stop(bench->node);
    jobs_destroy(&bench->jobs);
    node_close(&bench->node);
    loop_turn(bench->stage->loop, 0);
    call_destroy(&bench->call);
    snprintf(command, sizeof(command), "rm -rf '%s'", bench->folder);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): a path of ours
    free(bench);
    return stage_teardown(&stage);
}

static inline void start(struct stage *stage, struct exchange *exchange)
{
    struct bench *bench = stage->own;
    struct error err = {0};

    call_destroy(&bench->call);
    if (!call_parse(&bench->call, slice_of(bench->target), bench->request.content_type.size > 0,
                    &err))
        fail_msg("%s", err.text);
    bench->request.call = bench->call;
    serve_exchange(bench->node, stage->loop, exchange, bench->command, &bench->request);
    call_destroy(&bench->call); /* a service has its own */
}

static inline struct peer *ask(struct bench *bench, const struct task_command *command,
                               const char *sent)
{
    bench->stage->own = bench;
    bench->stage->on_own = start;
    bench->command = command;
    if (bench->target == NULL)
        bench->target = "/api/v0/id";
    return stage_client_sends(bench->stage, sent);
}

static inline void takes_body(struct bench *bench)
{
    bench->target = "/api/v0/block/put";
    bench->request.content_type = SLICE("multipart/form-data; boundary=x");
}

#endif
