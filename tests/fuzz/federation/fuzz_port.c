// SPDX-License-Identifier: Apache-2.0
/* Anything over TLS to the partner port, by the peer of a link or by a stranger. Control hears
 * only of what may be: of a stranger a join while there is an invitation, or roots under a known
 * name; of the peer what is signed, for its own link, or what needs no signature. Each answer is
 * whole, and an error one that wire.h reads.
 *
 * Input: a byte of who and what, a byte that seeds the cuts, and the bytes; with FUZZ_SIGNED they
 * are the body of a genuine heartbeat. */
#include "tests/unit/federation/port_kit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    FUZZ_INVITED = 1,
    FUZZ_STRANGER = 2, /* of no name that is known */
    FUZZ_IMPOSTER = 4, /* of a known name */
    FUZZ_SIGNED = 8,
    FUZZ_REVOKED = 16,
    FUZZ_TURNS = 400,
};

static struct kit *kit;
static struct kit_org stranger, imposter;
static SSL_CTX *as_peer, *as_stranger, *as_imposter;

static void check(bool holds)
{
    if (!holds)
        abort();
}

static SSL_CTX *context_of(const struct kit_org *org)
{
    return client_context(org->leaf, org->leaf_key, org->issuer, NULL);
}

static void set_up(void)
{
    if (kit != NULL)
        return;
    check(kit_setup((void **)&kit) == 0);
    stranger = kit_org_create("gamma.example");
    imposter = kit_org_create(KIT_BETA);
    as_peer = context_of(&kit->beta);
    as_stranger = context_of(&stranger);
    as_imposter = context_of(&imposter);
}

/* ---- what came of it */

static void check_taken(unsigned ways)
{
    const struct kit_taken *taken = &kit->taken;

    if (taken->count == 0)
        return;
    check(taken->body.size <= wire_body_max(taken->kind));
    if (taken->kind == WIRE_JOIN) {
        check((ways & FUZZ_INVITED) != 0 || (ways & (FUZZ_STRANGER | FUZZ_IMPOSTER)) == 0);
        return;
    }
    check((ways & FUZZ_STRANGER) == 0);
    check(strcmp(taken->link, KIT_LINK) == 0);
    if (strcmp(taken->method, "GET") == 0)
        check((ways & FUZZ_IMPOSTER) == 0 && taken->body.size == 0);
    else if (taken->kind != WIRE_ROOTS)
        check((ways & FUZZ_IMPOSTER) == 0 && taken->has_signed &&
              strcmp(taken->is.link, KIT_LINK) == 0);
}

static void check_error(struct slice body)
{
    struct wire_error error;
    unsigned unknown;

    check(wire_parse(WIRE_ERROR, body, &error, &unknown, NULL));
    check(unknown == 0 && error.message[0] != '\0');
    wire_free(WIRE_ERROR, &error);
}

/* One whole reply after the other. */
static void check_replies(const struct text *got)
{
    struct slice left = text_slice(got);

    while (left.size > 0) {
        struct head head;
        struct head_fault fault;
        struct slice body;

        if (head_parse_reply(&head, left.data, left.size, 0, false, &fault) != HEAD_DONE)
            return; /* cut by the end of the run */
        check(head.body == FRAMING_LENGTH);
        if (left.size < head.size + head.content_length)
            return;
        body = (struct slice){left.data + head.size, head.content_length};
        if (head.status >= 400)
            check_error(body);
        left.data += head.size + body.size;
        left.size -= head.size + body.size;
    }
}

/* ---- a run */

static void put_request(struct slice bytes, unsigned ways, struct text *out)
{
    struct text body = {0};
    struct asked asked;

    if ((ways & FUZZ_SIGNED) == 0) {
        text_put_slice(out, bytes);
        return;
    }
    text_put_slice(&body, bytes);
    text_put_char(&body, '\0'); /* a text ends at its first NUL, here */
    asked = kit_heartbeat(kit);
    asked.body = body.data;
    text_put_format(out, "POST %s HTTP/1.1\r\nHost: x\r\n", asked.path);
    put_signature(&asked, out);
    text_put_format(out, "Content-Length: %zu\r\n\r\n%s", strlen(asked.body), asked.body);
    text_dispose(&body);
}

static void speak(struct client *client, const struct text *out, unsigned seed)
{
    size_t sent = 0;
    int idle = 0;

    while (!client->is_ended && idle < 20) {
        size_t step = 1 + (seed = seed * 1103515245 + 12345) / 65536 % 4096;
        int result = 0;

        if (step > out->size - sent)
            step = out->size - sent;
        if (step > 0)
            result = SSL_write(client->ssl, out->data + sent, (int)step);
        if (result > 0)
            sent += (size_t)result;
        else if (step > 0 && SSL_get_error(client->ssl, result) == SSL_ERROR_SSL)
            break;
        idle = sent < out->size || client_read(client) ? 0 : idle + 1;
        loop_turn(kit->loop, 0);
    }
    ERR_clear_error();
}

static void run(unsigned ways, unsigned seed, struct slice bytes)
{
    SSL_CTX *context = (ways & FUZZ_STRANGER) != 0   ? as_stranger
                       : (ways & FUZZ_IMPOSTER) != 0 ? as_imposter
                                                     : as_peer;
    struct client client;
    struct text out = {0};

    kit->has_invitations = (ways & FUZZ_INVITED) != 0;
    kit->state = (ways & FUZZ_REVOKED) != 0 ? LINK_REVOKED : LINK_ACTIVE;
    kit_publish(kit);
    kit->taken.count = 0;
    put_request(bytes, ways, &out);
    client = client_dial(kit);
    check(client_shake(&client, context, NULL));
    speak(&client, &out, seed);
    check_taken(ways);
    check_replies(&client.got);
    client_close(&client);
    for (int turn = 0; turn < FUZZ_TURNS && kit->server->session_count > 0; turn++)
        loop_turn(kit->loop, 1);
    while (kit->server->session_count > 0) /* it lingers */
        session_close(kit->server->sessions);
    text_dispose(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    set_up();
    run(data[0], data[1], (struct slice){(const char *)data + 2, size - 2});
    return 0;
}
