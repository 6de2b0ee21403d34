// SPDX-License-Identifier: Apache-2.0
/* Connections of strangers: counted by the guard, in a queue, the oldest of which makes room. */
#include "http/server.h"

bool server_admits(struct server *server, const struct sockaddr *peer)
{
    if (server->guard == NULL || guard_enter(server->guard, peer, loop_now_ms(server->loop)))
        return true;
    server_count(&server->counters.strangers_refused, 1);
    return false;
}

/* The oldest that is not being served; that may be the newest, which came too much. */
static void evict_one(struct server *server)
{
    struct session *session = server->oldest_stranger;

    while (session->exchange != NULL)
        session = session->newer_stranger;
    server_count(&server->counters.strangers_evicted, 1);
    session_close(session);
}

void server_add_stranger(struct server *server, struct session *session)
{
    if (server->guard == NULL)
        return;
    session->is_stranger = true;
    session->older_stranger = server->newest_stranger;
    *(server->newest_stranger != NULL ? &server->newest_stranger->newer_stranger
                                      : &server->oldest_stranger) = session;
    server->newest_stranger = session;
}

void server_limit_strangers(struct server *server)
{
    if (server->guard != NULL && guard_is_over(server->guard))
        evict_one(server);
}

void server_forget_stranger(struct server *server, struct session *session)
{
    if (!session->is_stranger)
        return;
    session->is_stranger = false;
    *(session->older_stranger != NULL ? &session->older_stranger->newer_stranger
                                      : &server->oldest_stranger) = session->newer_stranger;
    *(session->newer_stranger != NULL ? &session->newer_stranger->older_stranger
                                      : &server->newest_stranger) = session->older_stranger;
    guard_leave(server->guard, &session->peer.any);
}
