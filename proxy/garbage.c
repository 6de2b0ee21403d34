// SPDX-License-Identifier: Apache-2.0
#include "proxy/garbage.h"

#include "conf/log.h"
#include "conf/memory.h"
#include "conf/units.h"

#include <stdlib.h>

enum {
    LOOK_EVERY_MS = 50,               /* at whoever is still inside */
    CUT_WAIT_MS = 15 * 1000,          /* calls are cut by a sweep each second, and then unpinned */
    SETTLE_WAIT_MS = 60 * 1000,       /* the tracker's operations */
    CAPACITY_FIRST_MS = 1000,         /* after the start */
    CAPACITY_EVERY_MS = 10 * 1000,    /* how full is it? */
    AUTOMATIC_AGAIN_MS = 3600 * 1000, /* between two that nobody asked for */
};

struct garbage {
    struct garbage_settings settings;
    struct garbage_limits limits;
    enum garbage_phase phase;
    struct sweep_waiter sweeping;
    struct operation *operation; /* of the collection */
    struct operation *asking;    /* capacity */
    struct timer timer;          /* of the collection */
    struct timer capacity_timer;
    uint64_t deadline_ms; /* of the phase, on the loop's clock */
    uint64_t cut_before;
    uint64_t automatic_after_ms; /* on the loop's clock */
    bool is_measured;            /* used and total are known */
    bool was_full, is_warned;
    uint64_t used, total;
    struct garbage_result result, last;
};

const char *garbage_phase_name(enum garbage_phase phase)
{
    static const char *const names[] = {"idle",    "checking", "waiting",
                                        "cutting", "settling", "collecting"};

    return names[phase];
}

/* ---- the end */

static void say(const struct garbage *garbage)
{
    const struct garbage_result *last = &garbage->last;

    if (last->err.code != ERROR_NONE)
        log_message(garbage->settings.messages, LOG_LEVEL_WARNING, "no garbage was collected: %s",
                    last->err.text);
    else
        log_message(garbage->settings.messages, LOG_LEVEL_INFO,
                    "garbage was collected: %llu blocks in %llu ms; %llu calls were cut",
                    (unsigned long long)last->removed,
                    (unsigned long long)(last->finished_ms - last->started_ms),
                    (unsigned long long)last->cut);
}

/* err NULL: it went well. Writes go on. */
static void end(struct garbage *garbage, const struct error *err)
{
    if (err != NULL)
        garbage->result.err = *err;
    timer_disarm(&garbage->timer);
    sweep_leave(garbage->settings.sweep, &garbage->sweeping);
    upstream_cancel(&garbage->operation);
    garbage->phase = GARBAGE_IDLE;
    write_gate_set(garbage->settings.gate, WRITES_GO_ON);
    expiry_pause(garbage->settings.expiry, false);
    garbage->result.cut = atomic_load(&garbage->settings.gate->cut) - garbage->cut_before;
    garbage->result.finished_ms = garbage->settings.now_ms();
    garbage->last = garbage->result;
    say(garbage);
}

/* ---- how full it is */

static void ask_capacity(struct garbage *garbage);

static void warn_if_full(struct garbage *garbage)
{
    bool is_full = atomic_load(&garbage->settings.gate->is_full);
    char used[UNITS_TEXT_SIZE], total[UNITS_TEXT_SIZE];

    if (is_full == garbage->was_full)
        return;
    garbage->was_full = is_full;
    units_print_size(used, garbage->used);
    units_print_size(total, garbage->total);
    log_message(garbage->settings.messages, is_full ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO,
                is_full ? "the storage is nearly full (%s of %s): nothing is added above %llu %% "
                          "(limits.storage_high_water)"
                        : "the storage has room again (%s of %s): what adds data is taken below "
                          "%llu %%",
                used, total, (unsigned long long)garbage->limits.high_water);
}

static bool is_above(const struct garbage *garbage, uint64_t percent)
{
    return percent > 0 && garbage->total > 0 && garbage->used >= garbage->total / 100 * percent;
}

static void collect_if_needed(struct garbage *garbage)
{
    uint64_t now_ms = loop_now_ms(garbage->settings.loop);
    struct error err = {0};

    if (garbage->phase != GARBAGE_IDLE || now_ms < garbage->automatic_after_ms ||
        !is_above(garbage, garbage->limits.collect_above))
        return;
    garbage->automatic_after_ms = now_ms + AUTOMATIC_AGAIN_MS;
    (void)!garbage_start(garbage, &err);
}

static void measure(struct garbage *garbage)
{
    write_gate_measure(garbage->settings.gate, garbage->used, garbage->total,
                       garbage->limits.high_water);
    warn_if_full(garbage);
}

/* Behind a collection: what it won. */
static void on_capacity(void *garbage_, const struct operation_result *result,
                        const struct error *err)
{
    struct garbage *garbage = garbage_;

    garbage->asking = NULL;
    timer_arm(garbage->settings.loop, &garbage->capacity_timer, CAPACITY_EVERY_MS);
    if (err != NULL) { /* what was known holds on: a storage that is away takes nothing anyway */
        if (!garbage->is_warned)
            log_message(garbage->settings.messages, LOG_LEVEL_WARNING,
                        "how full the storage is cannot be asked: %s", err->text);
        garbage->is_warned = true;
        return;
    }
    garbage->is_warned = false;
    garbage->is_measured = true;
    garbage->used = result->used;
    garbage->total = result->total;
    if (garbage->last.finished_ms != 0 && garbage->last.err.code == ERROR_NONE &&
        !garbage->last.has_bytes) {
        garbage->last.has_bytes = true;
        garbage->last.used_after = result->used;
    }
    measure(garbage);
    collect_if_needed(garbage);
}

static bool wants_capacity(const struct garbage *garbage)
{
    return garbage->limits.high_water > 0 || garbage->limits.collect_above > 0;
}

static void ask_capacity(struct garbage *garbage)
{
    struct error err = {0};

    if (garbage->asking != NULL)
        return;
    timer_disarm(&garbage->capacity_timer);
    if (!upstream_capacity(garbage->settings.upstream, &garbage->asking, on_capacity, garbage,
                           &err))
        timer_arm(garbage->settings.loop, &garbage->capacity_timer, CAPACITY_EVERY_MS);
}

static void on_capacity_timer(struct timer *timer)
{
    struct garbage *garbage = CONTAINER_OF(timer, struct garbage, capacity_timer);

    if (wants_capacity(garbage))
        ask_capacity(garbage);
    else
        timer_arm(garbage->settings.loop, timer, CAPACITY_EVERY_MS);
}

/* ---- the collection */

static void on_collected(void *garbage_, const struct operation_result *result,
                         const struct error *err)
{
    struct garbage *garbage = garbage_;

    garbage->operation = NULL;
    if (err == NULL)
        garbage->result.removed = result->count;
    end(garbage, err);
    ask_capacity(garbage);
}

static void collect(struct garbage *garbage)
{
    struct error err = {0};

    garbage->phase = GARBAGE_COLLECTING;
    if (!upstream_gc(garbage->settings.upstream, &garbage->operation, on_collected, garbage, &err))
        end(garbage, &err);
}

static void enter(struct garbage *garbage, enum garbage_phase phase, uint64_t wait_ms)
{
    garbage->phase = phase;
    garbage->deadline_ms = loop_now_ms(garbage->settings.loop) + wait_ms;
}

static bool is_over(const struct garbage *garbage)
{
    return loop_now_ms(garbage->settings.loop) >= garbage->deadline_ms;
}

static void give_up(struct garbage *garbage, const char *what)
{
    struct error err = {0};

    error_set(&err, ERROR_TIMEOUT, "%s did not end in time; try again", what);
    end(garbage, &err);
}

/* Who is inside is waited for, then cut; then the tracker is waited for. */
static void go_on(struct garbage *garbage)
{
    size_t inside = atomic_load(&garbage->settings.gate->inside);
    bool is_settled = tracker_is_idle(garbage->settings.tracker);

    if (garbage->phase == GARBAGE_WAITING && inside > 0 && is_over(garbage)) {
        enter(garbage, GARBAGE_CUTTING, CUT_WAIT_MS);
        write_gate_set(garbage->settings.gate, WRITES_CUT);
    }
    if (garbage->phase < GARBAGE_SETTLING && inside == 0)
        enter(garbage, GARBAGE_SETTLING, SETTLE_WAIT_MS);
    if (garbage->phase == GARBAGE_SETTLING && is_settled)
        collect(garbage);
    else if (garbage->phase == GARBAGE_CUTTING && is_over(garbage))
        give_up(garbage, "calls that write");
    else if (garbage->phase == GARBAGE_SETTLING && is_over(garbage))
        give_up(garbage, "pins under way");
    else
        timer_arm(garbage->settings.loop, &garbage->timer, LOOK_EVERY_MS);
}

static void on_timer(struct timer *timer)
{
    go_on(CONTAINER_OF(timer, struct garbage, timer));
}

static void close_gate(struct garbage *garbage)
{
    enter(garbage, GARBAGE_WAITING, garbage->limits.wait_ms);
    garbage->cut_before = atomic_load(&garbage->settings.gate->cut);
    write_gate_set(garbage->settings.gate, WRITES_WAIT);
    expiry_pause(garbage->settings.expiry, true);
    go_on(garbage);
}

static void on_swept(void *garbage_, const struct sweep_result *result)
{
    struct garbage *garbage = garbage_;
    struct error err = {0};

    if (sweep_is_sound(result)) {
        close_gate(garbage);
        return;
    }
    if (result->err.code != ERROR_NONE)
        error_set(&err, result->err.code,
                  "the ledger must be checked against the storage first, and that failed: %s",
                  result->err.text);
    else
        error_set(
            &err, ERROR_REFUSED,
            "%llu objects of the ledger are lost and %llu could not be looked at, and what is "
            "left of them might be taken for garbage: see causeway ledger check, and "
            "causeway pin ls --state lost",
            (unsigned long long)result->counts[SWEEP_LOST],
            (unsigned long long)result->counts[SWEEP_DOUBTFUL]);
    end(garbage, &err);
}

/* ---- */

struct garbage *garbage_create(const struct garbage_settings *settings,
                               const struct garbage_limits *limits)
{
    struct garbage *garbage = memory_alloc(sizeof(*garbage));

    garbage->settings = *settings;
    garbage->limits = *limits;
    garbage->sweeping = (struct sweep_waiter){.on_done = on_swept, .arg = garbage};
    garbage->timer.fire = on_timer;
    garbage->capacity_timer.fire = on_capacity_timer;
    timer_arm(settings->loop, &garbage->capacity_timer, CAPACITY_FIRST_MS);
    return garbage;
}

void garbage_use(struct garbage *garbage, struct upstream *upstream,
                 const struct garbage_limits *limits)
{
    struct error err = {0};

    garbage->limits = *limits;
    if (garbage->is_measured)
        measure(garbage);
    if (garbage->settings.upstream == upstream)
        return;
    upstream_cancel(&garbage->asking);
    garbage->settings.upstream = upstream;
    timer_arm(garbage->settings.loop, &garbage->capacity_timer, CAPACITY_FIRST_MS);
    error_set(&err, ERROR_CANCELED, "the configuration now names another storage");
    if (garbage->phase != GARBAGE_IDLE)
        end(garbage, &err);
}

void garbage_destroy(struct garbage **garbage_ptr)
{
    struct garbage *garbage = *garbage_ptr;

    if (garbage == NULL)
        return;
    *garbage_ptr = NULL;
    timer_disarm(&garbage->timer);
    timer_disarm(&garbage->capacity_timer);
    sweep_leave(garbage->settings.sweep, &garbage->sweeping);
    upstream_cancel(&garbage->operation);
    upstream_cancel(&garbage->asking);
    free(garbage);
}

bool garbage_start(struct garbage *garbage, struct error *err)
{
    if (garbage->phase != GARBAGE_IDLE)
        return error_set(err, ERROR_REFUSED, "garbage is being collected already (%s)",
                         garbage_phase_name(garbage->phase));
    garbage->result = (struct garbage_result){.started_ms = garbage->settings.now_ms(),
                                              .used_before = garbage->used};
    garbage->phase = GARBAGE_CHECKING;
    sweep_start(garbage->settings.sweep, &garbage->sweeping);
    return true;
}

enum garbage_phase garbage_phase(const struct garbage *garbage)
{
    return garbage->phase;
}

const struct garbage_result *garbage_last(const struct garbage *garbage)
{
    return &garbage->last;
}

/* ---- for people */

static json_t *describe_last(const struct garbage_result *last)
{
    char text[UNITS_TIMESTAMP_SIZE];
    json_t *object;

    if (last->finished_ms == 0)
        return json_null();
    object = json_pack("{s:s,s:I}", "finished", units_print_timestamp(text, last->finished_ms),
                       "took_ms", (json_int_t)(last->finished_ms - last->started_ms));
    if (last->err.code != ERROR_NONE) {
        json_object_set_new(object, "fault", json_string(last->err.text));
        return object;
    }
    json_object_set_new(object, "removed", json_integer((json_int_t)last->removed));
    json_object_set_new(object, "cut", json_integer((json_int_t)last->cut));
    if (last->has_bytes && last->used_before > 0) {
        json_object_set_new(object, "used_before", json_integer((json_int_t)last->used_before));
        json_object_set_new(object, "used_after", json_integer((json_int_t)last->used_after));
    }
    return object;
}

json_t *garbage_describe(const struct garbage *garbage)
{
    return json_pack("{s:s,s:I,s:o}", "phase", garbage_phase_name(garbage->phase), "writing",
                     (json_int_t)atomic_load(&garbage->settings.gate->inside), "last",
                     describe_last(&garbage->last));
}

json_t *garbage_describe_room(const struct garbage *garbage)
{
    uint64_t total = garbage->total;

    if (!garbage->is_measured)
        return json_null();
    if (total == 0)
        return json_pack("{s:I}", "used", (json_int_t)garbage->used);
    return json_pack("{s:I,s:I,s:I,s:b}", "used", (json_int_t)garbage->used, "room",
                     (json_int_t)total, "percent",
                     (json_int_t)(total >= 100 ? garbage->used / (total / 100) : 0), "full",
                     (int)atomic_load(&garbage->settings.gate->is_full));
}
