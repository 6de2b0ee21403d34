// SPDX-License-Identifier: Apache-2.0
/* What the tests of bodies through a relay share: a call whose client and upstream they play. */
#ifndef TESTS_UNIT_HTTP_BODIES_KIT_H
#define TESTS_UNIT_HTTP_BODIES_KIT_H

#include "stage.h"

#define POST     "POST /relay HTTP/1.1\r\nHost: x\r\n"
#define CHUNKED  "Transfer-Encoding: chunked\r\n"
#define REPLY    "HTTP/1.1 200 OK\r\n"
#define UPSTREAM "POST /relay HTTP/1.1\r\n"
#define OK_REPLY REPLY "Content-Length: 2\r\n\r\nok"

enum { KIB = 1024, MIB = 1024 * 1024 };

/* What one side sends arrives at the other as it is. */
static inline void expect_passes(struct peer *from, struct peer *to, const char *text)
{
    peer_send(from, text);
    peer_expect(to, text);
}

static inline void open_relay(struct stage *s, const char *request, struct peer **client,
                              struct peer **upstream)
{
    *client = stage_client_sends(s, request);
    *upstream = stage_accept(s);
}

/* The next request on the same two connections is relayed: nothing was left behind. */
static inline void expect_both_go_on(struct peer *client, struct peer *upstream)
{
    peer_send(client, POST "Content-Length: 3\r\n\r\nend");
    peer_expect(upstream, UPSTREAM "Content-Length: 3\r\n\r\nend");
    expect_passes(upstream, client, OK_REPLY);
}

/* The client's connection ends after the reply, once what it still sends was waited for. */
static inline void expect_client_ends(struct peer *client)
{
    for (int i = 0; i < 60 && !client->is_ended && !client->is_reset; i++) {
        clock_advance_ms(50);
        turn_for(client->loop, 2);
        peer_read(client);
    }
    assert_true(client->is_ended || client->is_reset);
}

#endif
