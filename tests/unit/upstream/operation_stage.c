// SPDX-License-Identifier: Apache-2.0
#include "operation_stage.h"

#include <stdio.h>
#include <stdlib.h>

int operation_stage_setup(void **state)
{
    struct operation_stage *o = calloc(1, sizeof(*o));

    kubo_stage_setup(&o->base);
    o->s = o->base;
    o->s->settings.pin_stall_ms = 120000;
    o->s->settings.walk_idle_ms = 600000;
    *state = o;
    return 0;
}

int operation_stage_teardown(void **state)
{
    struct operation_stage *o = *state;
    void *base = o->base;

    text_dispose(&o->pins);
    text_dispose(&o->content);
    free(o);
    return kubo_stage_teardown(&base);
}

static void on_done(void *o_, const struct operation_result *result, const struct error *err)
{
    struct operation_stage *o = o_;

    assert_false(o->is_starting);
    o->calls++;
    o->operation = NULL;
    o->result = *result;
    o->result.path = (struct slice){0};
    o->err = err == NULL ? (struct error){0} : *err;
}

static void heard(struct operation_stage *o)
{
    assert_int_equal(o->calls, 0);
    if (++o->heard == o->cancel_at)
        upstream_cancel(&o->operation);
}

static void on_progress(void *o_, uint64_t nodes, uint64_t bytes)
{
    struct operation_stage *o = o_;

    o->nodes = nodes;
    o->bytes = bytes;
    heard(o);
}

static void on_pin(void *o_, const struct cid *cid, enum pin_mode mode, struct slice name)
{
    struct operation_stage *o = o_;

    if (!o->forgets_pins) {
        cid_print(cid, CID_BASE_DEFAULT, &o->pins);
        text_put_format(&o->pins, " %s %.*s\n", pin_mode_name(mode), (int)name.size,
                        name.data == NULL ? "" : name.data);
    }
    heard(o);
}

static void on_content(void *o_, struct slice content)
{
    struct operation_stage *o = o_;

    text_put_slice(&o->content, content);
    if (o->pauses)
        upstream_pause(o->operation);
    heard(o);
}

static struct cid cid_of(const char *text)
{
    struct cid cid;

    assert_true(cid_parse(&cid, slice_of(text), NULL));
    return cid;
}

static struct upstream *begin(struct operation_stage *o)
{
    kubo_stage_start(o->s);
    o->calls = o->heard = 0;
    o->err = (struct error){0};
    text_clear(&o->pins);
    text_clear(&o->content);
    o->is_starting = true;
    return o->s->kubo;
}

static bool begun(struct operation_stage *o, bool started)
{
    o->is_starting = false;
    assert_true(started == (o->err.code == ERROR_NONE));
    return started;
}

bool stage_look(struct operation_stage *o, const char *text, const char *name)
{
    struct upstream *upstream = begin(o);
    struct cid cid = cid_of(text);

    return begun(o,
                 upstream_look(upstream, &o->operation, &cid, slice_of(name), on_done, o, &o->err));
}

bool stage_pin(struct operation_stage *o, const char *text, enum pin_mode mode, bool offline)
{
    struct upstream *upstream = begin(o);
    struct cid cid = cid_of(text);

    return begun(o, upstream_pin(upstream, &o->operation, &cid, mode, SLICE("cw:a b"), offline,
                                 on_progress, on_done, o, &o->err));
}

bool stage_unpin(struct operation_stage *o, const char *text, enum pin_mode mode)
{
    struct upstream *upstream = begin(o);
    struct cid cid = cid_of(text);

    return begun(o, upstream_unpin(upstream, &o->operation, &cid, mode, on_done, o, &o->err));
}

bool stage_measure(struct operation_stage *o, const char *text, enum pin_mode mode)
{
    struct upstream *upstream = begin(o);
    struct cid cid = cid_of(text);

    return begun(o, upstream_measure(upstream, &o->operation, &cid, mode, on_done, o, &o->err));
}

bool stage_list_pins(struct operation_stage *o)
{
    return begun(o, upstream_list_pins(begin(o), &o->operation, on_pin, on_done, o, &o->err));
}

bool stage_export(struct operation_stage *o, const char *text, uint64_t skip)
{
    struct upstream *upstream = begin(o);
    struct cid cid = cid_of(text);

    return begun(
        o, upstream_export(upstream, &o->operation, &cid, skip, on_content, on_done, o, &o->err));
}

bool stage_import(struct operation_stage *o, const char *path)
{
    return begun(o, upstream_import(begin(o), &o->operation, path, on_done, o, &o->err));
}

bool stage_contains(struct operation_stage *o, const char *root, const char *wanted)
{
    struct upstream *upstream = begin(o);
    struct cid above = cid_of(root), below = cid_of(wanted);

    return begun(o,
                 upstream_contains(upstream, &o->operation, &above, &below, on_done, o, &o->err));
}

bool stage_gc(struct operation_stage *o)
{
    return begun(o, upstream_gc(begin(o), &o->operation, on_done, o, &o->err));
}

static void on_damage(void *o_, struct slice what)
{
    struct operation_stage *o = o_;

    text_put_slice(&o->pins, what);
    heard(o);
}

bool stage_verify(struct operation_stage *o)
{
    return begun(
        o, upstream_verify(begin(o), &o->operation, on_progress, on_damage, on_done, o, &o->err));
}

bool stage_capacity(struct operation_stage *o)
{
    return begun(o, upstream_capacity(begin(o), &o->operation, on_done, o, &o->err));
}

struct peer *stage_asked(struct operation_stage *o, const char *target)
{
    return kubo_stage_expect(o->s, target, EMPTY);
}

void stage_reply(struct peer *node, const char *status, const char *body)
{
    char head[100];

    snprintf(head, sizeof(head), "HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
             status, strlen(body));
    peer_send(node, head);
    peer_send(node, body);
}

void stage_answer(struct operation_stage *o, const char *target, const char *body)
{
    stage_reply(stage_asked(o, target), "200 OK", body);
}

void stage_begin_lines(struct peer *node)
{
    peer_send(node, "HTTP/1.1 200 OK\r\nTrailer: X-Stream-Error\r\nConnection: close\r\n"
                    "Transfer-Encoding: chunked\r\n\r\n");
}

void stage_line(struct peer *node, const char *line)
{
    char chunk[400];

    snprintf(chunk, sizeof(chunk), "%zx\r\n%s\n\r\n", strlen(line) + 1, line);
    peer_send(node, chunk);
}

void stage_end_lines(struct peer *node, const char *trailer)
{
    peer_send(node, "0\r\n");
    peer_send(node, trailer);
    peer_send(node, "\r\n");
}

void stage_await_end(struct operation_stage *o, enum error_code code, const char *word)
{
    STAGE_AWAIT(o->s->stage, o->calls > 0);
    turn_for(o->s->stage->loop, 2);
    assert_int_equal(o->calls, 1);
    if (o->err.code != code || strstr(o->err.text, word) == NULL)
        fail_msg("error %d '%s', not %d with '%s'", o->err.code, o->err.text, code, word);
}
