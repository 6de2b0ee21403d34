// SPDX-License-Identifier: Apache-2.0
#include "federation/transfers_private.h"

static void begin(struct source *source)
{
    if (source->is_begun)
        return;
    source->is_begun = true;
    source->on_begin(source->arg);
}

static void on_content(void *source_, struct slice content)
{
    struct source *source = source_;

    text_put_slice(&source->buffer, content);
    if (source->buffer.size >= SOURCE_ROOM && !source->is_paused) {
        source->is_paused = true;
        upstream_pause(source->export);
    }
    if (source->is_begun)
        source->on_more(source->arg);
    else
        begin(source);
}

static void on_exported(void *source_, const struct operation_result *result,
                        const struct error *err)
{
    struct source *source = source_;

    source->export = NULL;
    source->is_ended = true;
    if (err != NULL)
        source->err = *err;
    if (source->is_begun)
        source->on_more(source->arg);
    else
        begin(source);
}

static void on_timer(struct timer *timer)
{
    struct source *source = CONTAINER_OF(timer, struct source, timer);

    source->on_more(source->arg);
}

bool source_start(struct source *source, struct transfers *all, const struct cid *root,
                  uint64_t skip, struct error *err)
{
    source->all = all;
    source->timer.fire = on_timer;
    source->storage = transfers_use_storage(all);
    if (upstream_export(source->storage->upstream, &source->export, root, skip, on_content,
                        on_exported, source, err))
        return true;
    source_dispose(source);
    return false;
}

/* What is there, or as much of it as the pace lets go at once. */
static void give(struct source *source, struct text *out)
{
    struct slice rest = {source->buffer.data + source->given, source->buffer.size - source->given};
    size_t most = pace_piece(source->pace);

    if (rest.size > most)
        rest.size = most;
    pace_take(source->pace, rest.size);
    atomic_fetch_add(&source->all->counters.bytes_out, rest.size);
    text_put_slice(out, rest);
    source->given += rest.size;
    if (source->given < source->buffer.size)
        return;
    source->given = 0;
    text_clear(&source->buffer);
    if (source->is_paused && source->export != NULL) {
        source->is_paused = false;
        upstream_resume(source->export);
    }
}

enum produce_result source_produce(struct source *source, struct text *out)
{
    uint64_t wait_ms = pace_wait_ms(source->pace, loop_now_ms(source->all->loop));

    if (source->buffer.size == 0 && !source->is_ended)
        return PRODUCE_WAIT;
    if (source->buffer.size == 0)
        return source->err.code == ERROR_NONE ? PRODUCE_END : PRODUCE_BREAK;
    if (wait_ms > 0) {
        timer_arm(source->all->loop, &source->timer, wait_ms);
        return PRODUCE_WAIT;
    }
    give(source, out);
    return PRODUCE_MORE;
}

void source_dispose(struct source *source)
{
    if (source->storage == NULL)
        return;
    timer_disarm(&source->timer);
    upstream_cancel(&source->export);
    transfers_leave_storage(source->storage);
    source->storage = NULL;
    text_dispose(&source->buffer);
}
