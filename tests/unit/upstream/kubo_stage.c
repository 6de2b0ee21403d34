// SPDX-License-Identifier: Apache-2.0
#include "kubo_stage.h"

#include "http/session.h"

#include <stdio.h>
#include <stdlib.h>

int kubo_stage_setup(void **state)
{
    struct kubo_stage *s = calloc(1, sizeof(*s));
    void *stage;

    stage_setup(&stage);
    s->stage = stage;
    s->settings = (struct kubo_settings){
        .max_idle = 4,
        .connect_timeout_ms = 5000,
        .head_timeout_ms = 20000,
        .idle_timeout_ms = 30000,
    };
    *state = s;
    return 0;
}

int kubo_stage_teardown(void **state)
{
    struct kubo_stage *s = *state;
    void *stage = s->stage;

    while (s->stage->server != NULL && s->stage->server->sessions != NULL)
        session_close(s->stage->server->sessions);
    upstream_destroy(&s->kubo);
    call_destroy(&s->call);
    free(s);
    return stage_teardown(&stage);
}

void kubo_stage_start(struct kubo_stage *s)
{
    if (s->kubo != NULL)
        return;
    stage_start(s->stage);
    s->settings.address = s->stage->upstream.address;
    s->kubo = kubo_create(s->stage->loop, s->stage->server->blocks, s->stage->server->pipes,
                          &s->settings);
    snprintf(s->fixed, sizeof(s->fixed), "Host: %s\r\nUser-Agent: causeway/%s\r\n%s%s%s",
             s->settings.address.kind == ADDRESS_UNIX ? "unix" : s->settings.address.text,
             CAUSEWAY_VERSION, s->settings.authorization != NULL ? "Authorization: " : "",
             s->settings.authorization != NULL ? s->settings.authorization : "",
             s->settings.authorization != NULL ? "\r\n" : "");
}

void kubo_stage_expect_on(struct kubo_stage *s, struct peer *node, const char *target,
                          const char *rest)
{
    peer_expect(node, "POST ");
    peer_expect(node, target);
    peer_expect(node, " HTTP/1.1\r\n");
    peer_expect(node, s->fixed);
    peer_expect(node, rest);
}

struct peer *kubo_stage_expect(struct kubo_stage *s, const char *target, const char *rest)
{
    struct peer *node = stage_accept(s->stage);

    kubo_stage_expect_on(s, node, target, rest);
    return node;
}
