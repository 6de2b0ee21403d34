// SPDX-License-Identifier: Apache-2.0
#include "proxy/operator_storage.h"

#include "conf/memory.h"
#include "conf/units.h"
#include "proxy/clock.h"
#include "proxy/operator_pins.h"

#include <stdlib.h>

/* A first check waits until recovery has ended and the storage has come up, most likely. */
enum { SWEEP_FIRST_MS = 1000, SWEEP_AGAIN_MS = 60 * 1000 };

/* ---- the first check of the ledger */

static void on_first_sweep(void *gateway_, const struct sweep_result *result)
{
    struct gateway *gateway = gateway_;

    if (result->err.code != ERROR_NONE || result->counts[SWEEP_DOUBTFUL] > 0)
        timer_arm(gateway->loop, &gateway->sweep_timer, SWEEP_AGAIN_MS);
}

/* With nothing in the ledger, there is nothing to ask the storage for. */
static void on_ledger_seen(void *gateway_, struct transaction *transaction)
{
    struct gateway *gateway = gateway_;

    gateway->sweep_page = NULL;
    if (transaction->err.code != ERROR_NONE)
        timer_arm(gateway->loop, &gateway->sweep_timer, SWEEP_AGAIN_MS);
    else if (transaction->object_list.count > 0)
        sweep_start(gateway->sweep, &gateway->first_sweep);
}

static void on_sweep_timer(struct timer *timer)
{
    struct gateway *gateway = CONTAINER_OF(timer, struct gateway, sweep_timer);
    struct transaction *list = transaction_create(TRANSACTION_OBJECT_LIST);
    struct error err = {0};

    list->object_list.limit = 1;
    if (store_start(gateway->context.store, gateway->loop, list, on_ledger_seen, gateway, &err)) {
        gateway->sweep_page = list;
        return;
    }
    transaction_destroy(&list);
    timer_arm(gateway->loop, timer, SWEEP_AGAIN_MS);
}

/* ---- causeway ledger check */

struct compare {
    struct sweep_waiter waiter;
    ledger_compare_done on_done;
    void *arg;
};

static json_t *describe_examples(const struct sweep_result *result)
{
    json_t *examples = json_array();
    struct text line = {0};

    for (size_t i = 0; i < result->example_count; i++) {
        const struct sweep_example *example = &result->examples[i];

        text_clear(&line);
        text_put_format(&line, "%s ", sweep_kind_name(example->kind));
        cid_print(&example->cid, CID_BASE_DEFAULT, &line);
        if (example->mode != PIN_NONE)
            text_put_format(&line, " (%s)", pin_mode_name(example->mode));
        json_array_append_new(examples, json_string(line.data));
    }
    text_dispose(&line);
    return examples;
}

json_t *storage_describe_sweep(const struct sweep_result *result)
{
    char text[UNITS_TIMESTAMP_SIZE];
    json_t *object;

    if (result->finished_ms == 0)
        return json_null();
    object = json_pack("{s:s}", "checked", units_print_timestamp(text, result->finished_ms));
    if (result->err.code != ERROR_NONE) {
        json_object_set_new(object, "fault", json_string(result->err.text));
        return object;
    }
    json_object_set_new(object, "objects", json_integer((json_int_t)result->objects));
    for (enum sweep_kind kind = 0; kind < SWEEP_KIND_COUNT; kind++)
        json_object_set_new(object, sweep_kind_name(kind),
                            json_integer((json_int_t)result->counts[kind]));
    return object;
}

static void on_compared(void *compare_, const struct sweep_result *result)
{
    struct compare *compare = compare_;
    json_t *object = storage_describe_sweep(result);
    bool is_done = result->err.code == ERROR_NONE;

    if (is_done)
        json_object_set_new(object, "examples", describe_examples(result));
    compare->on_done(compare->arg, object, is_done ? NULL : &result->err);
    free(compare);
}

static void start_compare(void *gateway_, ledger_compare_done on_done, void *arg)
{
    struct gateway *gateway = gateway_;
    struct compare *compare = memory_alloc(sizeof(*compare));

    *compare = (struct compare){
        .waiter = {.on_done = on_compared, .arg = compare}, .on_done = on_done, .arg = arg};
    sweep_start(gateway->sweep, &compare->waiter);
}

/* ---- the life of all */

static struct garbage_limits garbage_limits_of(const struct config_limits *limits)
{
    return (struct garbage_limits){.high_water = limits->storage_high_water,
                                   .collect_above = limits->collect_above,
                                   .wait_ms = limits->collect_wait_ms};
}

static void start_garbage(struct gateway *gateway)
{
    struct garbage_limits limits = garbage_limits_of(&gateway->snapshot->config->limits);
    struct garbage_settings settings = {
        .loop = gateway->loop,
        .upstream = gateway->storage,
        .tracker = gateway->context.tracker,
        .sweep = gateway->sweep,
        .expiry = gateway->expiry,
        .gate = gateway->context.writes,
        .messages = gateway->messages,
        .now_ms = clock_wall_ms,
    };

    gateway->garbage = garbage_create(&settings, &limits);
}

void storage_start(struct gateway *gateway)
{
    struct expiry_settings expiry = {.loop = gateway->loop,
                                     .store = gateway->context.store,
                                     .tracker = gateway->context.tracker,
                                     .messages = gateway->messages,
                                     .now_ms = clock_wall_ms};
    struct sweep_settings sweep = {.loop = gateway->loop,
                                   .store = gateway->context.store,
                                   .tracker = gateway->context.tracker,
                                   .upstream = gateway->storage,
                                   .messages = gateway->messages,
                                   .now_ms = clock_wall_ms};

    struct adoption_settings adoption = {.loop = gateway->loop,
                                         .store = gateway->context.store,
                                         .tracker = gateway->context.tracker,
                                         .upstream = gateway->storage,
                                         .gate = gateway->context.writes};

    gateway->expiry = expiry_create(&expiry);
    gateway->sweep = sweep_create(&sweep);
    start_garbage(gateway);
    gateway->adoption = adoption_create(&adoption);
    gateway->verification = verification_create(gateway->storage, clock_wall_ms);
    gateway->ledger_compare = (struct ledger_compare){start_compare, gateway};
    gateway->first_sweep = (struct sweep_waiter){.on_done = on_first_sweep, .arg = gateway};
    gateway->sweep_timer.fire = on_sweep_timer;
    timer_arm(gateway->loop, &gateway->sweep_timer, SWEEP_FIRST_MS);
}

/* Checks that operators wait for end with an error, so that their calls do. */
void storage_stop(struct gateway *gateway)
{
    timer_disarm(&gateway->sweep_timer);
    if (gateway->sweep_page != NULL)
        store_cancel(gateway->sweep_page);
    gateway->sweep_page = NULL;
    pin_inquiries_end(gateway);
    verification_destroy(&gateway->verification);
    adoption_destroy(&gateway->adoption);
    garbage_destroy(&gateway->garbage);
    if (gateway->sweep != NULL) {
        sweep_leave(gateway->sweep, &gateway->first_sweep);
        sweep_use(gateway->sweep, NULL);
    }
    sweep_destroy(&gateway->sweep);
    expiry_destroy(&gateway->expiry);
}

void storage_use(struct gateway *gateway, const struct config_limits *limits)
{
    struct garbage_limits garbage = garbage_limits_of(limits);

    pin_inquiries_end(gateway);
    adoption_use(gateway->adoption, gateway->storage);
    verification_use(gateway->verification, gateway->storage);
    garbage_use(gateway->garbage, gateway->storage, &garbage);
    sweep_use(gateway->sweep, gateway->storage);
}

/* ---- metrics */

static void put_metric(struct text *out, const char *name, const char *type, const char *help,
                       uint64_t value)
{
    text_put_format(out, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", name, help, name, type, name,
                    (unsigned long long)value);
}

static void put_check(struct text *out, const struct sweep_result *last)
{
    text_put_text(out, "# HELP causeway_ledger_check_objects What the last check of the ledger "
                       "against the storage found.\n# TYPE causeway_ledger_check_objects gauge\n");
    for (enum sweep_kind kind = 0; kind < SWEEP_KIND_COUNT; kind++)
        text_put_format(out, "causeway_ledger_check_objects{found=\"%s\"} %llu\n",
                        sweep_kind_name(kind), (unsigned long long)last->counts[kind]);
    put_metric(out, "causeway_ledger_check_timestamp_seconds", "gauge",
               "When it ended; 0: there was none.", last->finished_ms / 1000);
}

static void put_refused(struct text *out, const struct write_gate *gate)
{
    text_put_format(
        out,
        "# HELP causeway_writes_refused_total Calls that write, refused because garbage "
        "was collected (503) or the storage was nearly full (507).\n"
        "# TYPE causeway_writes_refused_total counter\n"
        "causeway_writes_refused_total{status=\"503\"} %llu\n"
        "causeway_writes_refused_total{status=\"507\"} %llu\n",
        (unsigned long long)atomic_load(&gate->refused_for_garbage),
        (unsigned long long)atomic_load(&gate->refused_for_space));
}

void storage_put_metrics(struct text *out, const struct gateway *gateway)
{
    const struct write_gate *gate = gateway->context.writes;
    struct expiry_counters expiry = expiry_counters(gateway->expiry);
    const struct garbage_result *last = garbage_last(gateway->garbage);

    put_check(out, sweep_last(gateway->sweep));
    put_refused(out, gate);
    put_metric(out, "causeway_writes_cut_total", "counter",
               "Calls that write, cut because garbage was to be collected.",
               atomic_load(&gate->cut));
    put_metric(out, "causeway_writes_running", "gauge", "Calls that write now.",
               atomic_load(&gate->inside));
    put_metric(out, "causeway_garbage_last_success_timestamp_seconds", "gauge",
               "When garbage was last collected; 0: not since the start, or it failed.",
               last->err.code == ERROR_NONE ? last->finished_ms / 1000 : 0);
    put_metric(out, "causeway_storage_used_bytes", "gauge",
               "As the storage says; 0: it was not asked.", atomic_load(&gate->used));
    put_metric(out, "causeway_storage_room_bytes", "gauge", "0: it was not asked, or has no limit.",
               atomic_load(&gate->total));
    put_metric(out, "causeway_pins_expired_total", "counter", "Pins removed at their end.",
               expiry.released);
    put_metric(out, "causeway_pins_expiry_failures_total", "counter",
               "Tries to remove one that failed.", expiry.failed);
}

/* ---- /gc, /gc/status */

static void run_gc_status(struct operator_call *call)
{
    operator_answer(call, 200, garbage_describe(gateway_of_call(call)->garbage));
}

static void run_gc(struct operator_call *call)
{
    struct error err = {0};

    if (garbage_start(gateway_of_call(call)->garbage, &err))
        run_gc_status(call);
    else
        operator_refuse_error(call, &err);
}

/* ---- /repo/verify, /repo/verify/status */

static void run_verify_status(struct operator_call *call)
{
    operator_answer(call, 200, verification_describe(gateway_of_call(call)->verification));
}

static void run_verify(struct operator_call *call)
{
    struct error err = {0};

    if (verification_start(gateway_of_call(call)->verification, &err))
        run_verify_status(call);
    else
        operator_refuse_error(call, &err);
}

const struct operator_route storage_routes[] = {
    {"/gc", run_gc},
    {"/gc/status", run_gc_status},
    {"/repo/verify", run_verify},
    {"/repo/verify/status", run_verify_status},
    {NULL, NULL},
};
