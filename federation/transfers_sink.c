// SPDX-License-Identifier: Apache-2.0
#include "federation/transfers_private.h"

#include "conf/memory.h"

#include <stdlib.h>
#include <string.h>

enum { AGAIN_MS = 50 };

struct sink_state {
    uint64_t position, bytes;
    unsigned parts;
    bool is_whole, is_closed;
    bool is_read; /* what was there is known */
};

/* A job has what stands below it, while it is under way; the loop has the rest. */
struct sink {
    struct transfers *all; /* NULL: they ended */
    struct sink *next;
    struct loop *loop;
    struct jobs *jobs;
    const struct sink_user *user; /* NULL: dropped */
    void *arg;
    char *inbox;
    struct timer again; /* the job pool was full */
    struct text filling;
    bool is_busy, is_open, lacks_room;
    bool wants_end, is_cut;
    struct sink_state seen; /* what the last job left */

    struct job job;
    struct spool_settings settings;
    struct spool *spool;
    struct text working;
    bool must_end, must_cut;
    size_t unflushed;
    struct sink_state state;
    struct error err;
};

/* ---- in a job */

static void note(struct sink *sink)
{
    sink->state = (struct sink_state){.position = spool_position(sink->spool),
                                      .is_whole = spool_is_whole(sink->spool),
                                      .parts = spool_parts(sink->spool),
                                      .bytes = spool_stats(sink->spool)->bytes,
                                      .is_read = true};
}

/* A part a job: others have work for the pool, too, and who left is heeded in between. */
static bool read_spool(struct sink *sink)
{
    bool is_read;

    if (sink->spool == NULL)
        sink->spool = spool_open_unread(&sink->settings, &sink->err);
    if (sink->spool == NULL || !spool_read_part(sink->spool, &is_read, &sink->err))
        return false;
    if (is_read) {
        note(sink);
        spool_begin(sink->spool);
    }
    return true;
}

static bool take(struct sink *sink)
{
    if (sink->working.size > 0 && !spool_take(sink->spool, text_slice(&sink->working), &sink->err))
        return false;
    sink->unflushed += sink->working.size;
    if (sink->unflushed < INBOX_PART_MAX || sink->must_end)
        return true;
    sink->unflushed = 0;
    return spool_flush(sink->spool, &sink->state.position, &sink->err);
}

static bool end(struct sink *sink)
{
    bool is_fine;

    sink->state.parts = spool_parts(sink->spool);

    if (!sink->must_end)
        return true;
    is_fine = spool_end(sink->spool, sink->must_cut, &sink->err);
    if (is_fine)
        note(sink);
    return is_fine;
}

static void run(struct job *job)
{
    struct sink *sink = CONTAINER_OF(job, struct sink, job);
    bool is_fine = true;

    if (sink->state.is_read)
        is_fine = take(sink) && end(sink);
    else if (!sink->must_end)
        is_fine = read_spool(sink);
    text_clear(&sink->working);
    if (is_fine && !sink->must_end)
        return;
    spool_close(&sink->spool);
    sink->state.is_closed = true;
}

/* ---- on the loop */

static void sink_free(struct sink *sink)
{
    if (sink->all != NULL) {
        struct sink **at = &sink->all->sinks;

        while (*at != sink)
            at = &(*at)->next;
        *at = sink->next;
    }
    timer_disarm(&sink->again);
    spool_close(&sink->spool);
    text_dispose(&sink->filling);
    text_dispose(&sink->working);
    free(sink->inbox);
    free(sink);
}

static void work(struct sink *sink)
{
    struct text filled = sink->filling;

    bool has_work = !sink->is_open || filled.size > 0 || sink->wants_end;

    if (sink->is_busy || sink->seen.is_closed || !has_work || timer_is_armed(&sink->again))
        return;
    sink->filling = sink->working; /* empty */
    sink->working = filled;
    sink->must_end = sink->wants_end;
    sink->must_cut = sink->is_cut;
    sink->is_busy = true;
    if (job_start(sink->jobs, sink->loop, &sink->job))
        return;
    sink->is_busy = false;
    sink->working = sink->filling;
    sink->filling = filled;
    timer_arm(sink->loop, &sink->again, AGAIN_MS);
}

static void on_again(struct timer *timer)
{
    work(CONTAINER_OF(timer, struct sink, again));
}

/* ---- what is whole */

static struct whole *find_whole(const struct transfers *all, const char *name)
{
    for (size_t i = 0; i < WHOLES_MAX; i++)
        if (strcmp(all->wholes[i].name, name) == 0)
            return (struct whole *)&all->wholes[i];
    return NULL;
}

unsigned whole_parts(const struct transfers *all, const char *name)
{
    const struct whole *whole = find_whole(all, name);

    return whole != NULL ? whole->parts : 0;
}

void whole_forget(struct transfers *all, const char *name)
{
    struct whole *whole = find_whole(all, name);

    if (whole != NULL)
        *whole = (struct whole){0};
}

static void note_whole(const struct sink *sink)
{
    struct whole *whole = &sink->all->wholes[sink->all->next_whole++ % WHOLES_MAX];

    memcpy(whole->name, sink->settings.name, sizeof(whole->name));
    whole->parts = sink->seen.parts;
}

/* ---- on the loop, behind a job */

/* Whoever is told may drop it: then it is there until its last job ends, or this was its end. */
static void tell(struct sink *sink, const struct sink_state *before)
{
    if (sink->seen.is_closed) {
        sink->user->on_end(sink->arg, sink->err.code != ERROR_NONE ? &sink->err : NULL);
        return;
    }
    if (!sink->seen.is_read) {
        work(sink);
        return;
    }
    if (!sink->is_open) {
        sink->is_open = true;
        sink->user->on_open(sink->arg);
        return;
    }
    if (sink->seen.position > before->position || sink->seen.parts > before->parts)
        sink->user->on_moved(sink->arg);
    if (sink->user != NULL && sink->lacks_room && sink->filling.size < SINK_ROOM) {
        sink->lacks_room = false;
        sink->user->on_room(sink->arg);
    }
}

static void on_worked(struct job *job)
{
    struct sink *sink = CONTAINER_OF(job, struct sink, job);
    struct sink_state before = sink->seen;

    sink->is_busy = false;
    sink->seen = sink->state;
    if (sink->all != NULL && sink->seen.is_closed && sink->seen.is_whole &&
        sink->err.code == ERROR_NONE)
        note_whole(sink);
    if (sink->all == NULL || (sink->user == NULL && sink->seen.is_closed)) {
        sink_free(sink);
        return;
    }
    if (sink->is_open || sink->user == NULL)
        work(sink);
    if (sink->user != NULL)
        tell(sink, &before);
}

struct sink *sink_open(struct transfers *all, const struct spool_settings *settings,
                       const struct sink_user *user, void *arg, struct error *err)
{
    struct sink *sink;

    if (sink_is_open(all, settings->name)) {
        error_set(err, ERROR_IO, "what has come is still being written: %s", settings->name);
        return NULL;
    }
    if (removal_is_under_way(all, settings->name)) {
        error_set(err, ERROR_IO, "what had come is just being removed: %s", settings->name);
        return NULL;
    }
    whole_forget(all, settings->name);
    sink = memory_alloc(sizeof(*sink));
    *sink = (struct sink){.all = all,
                          .next = all->sinks,
                          .loop = all->loop,
                          .jobs = all->settings.jobs,
                          .user = user,
                          .arg = arg,
                          .again = {.fire = on_again},
                          .job = {.run = run, .on_done = on_worked},
                          .settings = *settings};
    sink->settings.folder = sink->inbox = memory_copy_text(all->inbox);
    all->sinks = sink;
    work(sink);
    return sink;
}

bool sink_put(struct sink *sink, struct slice content)
{
    if (sink->seen.is_closed || sink->wants_end)
        return true;
    text_put_slice(&sink->filling, content);
    work(sink);
    sink->lacks_room = sink->filling.size >= SINK_ROOM;
    return !sink->lacks_room;
}

void sink_end(struct sink *sink)
{
    sink->wants_end = true;
    work(sink);
}

void sink_end_cut(struct sink *sink)
{
    sink->is_cut = true;
    sink_end(sink);
}

bool sink_has_room(const struct sink *sink)
{
    return sink->filling.size < SINK_ROOM;
}

void sink_drop(struct sink **sink_ptr)
{
    struct sink *sink = *sink_ptr;

    *sink_ptr = NULL;
    if (sink == NULL)
        return;
    sink->user = NULL;
    if (sink->seen.is_closed) {
        sink_free(sink);
        return;
    }
    sink->is_cut = !sink->wants_end || sink->is_cut;
    sink->wants_end = true;
    work(sink);
}

/* A job that is under way finds its loop turning once more, and frees it then. */
void sinks_abandon(struct transfers *all)
{
    struct sink *sink, *next;

    for (sink = all->sinks; sink != NULL; sink = next) {
        next = sink->next;
        sink->user = NULL;
        sink->all = NULL;
        timer_disarm(&sink->again);
        if (!sink->is_busy)
            sink_free(sink);
    }
    all->sinks = NULL;
}

/* ---- questions: between jobs, in what its user is told */

bool sink_is_open(const struct transfers *all, const char *name)
{
    for (const struct sink *sink = all->sinks; sink != NULL; sink = sink->next)
        if (!sink->seen.is_closed && strcmp(sink->settings.name, name) == 0)
            return true;
    return false;
}

uint64_t sink_position(const struct sink *sink)
{
    return sink->seen.position;
}

bool sink_is_whole(const struct sink *sink)
{
    return sink->seen.is_whole;
}

unsigned sink_parts(const struct sink *sink)
{
    return sink->seen.parts;
}

uint64_t sink_bytes(const struct sink *sink)
{
    return sink->seen.bytes;
}

bool sink_error_is_theirs(const struct error *err)
{
    return err->code == ERROR_MISMATCH || err->code == ERROR_LIMIT || err->code == ERROR_SYNTAX ||
           err->code == ERROR_UNSUPPORTED;
}
