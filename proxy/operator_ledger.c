// SPDX-License-Identifier: Apache-2.0
#include "proxy/operator_ledger.h"

#include "conf/memory.h"
#include "conf/units.h"
#include "proxy/gateway.h"

#include <stdlib.h>
#include <string.h>

/* A call while its job runs; the call outlives it (auth/operator.h). */
struct ledger_job {
    struct job job;
    struct operator_call *call;
    struct gateway *gateway;
    char *folder, *path; /* path: of a backup; NULL: a check */
    struct backup_check check;
    uint64_t bytes;
    struct error err;
};

json_t *ledger_describe(const struct backup_check *check)
{
    char text[UNITS_TIMESTAMP_SIZE];
    json_t *object = json_pack(
        "{s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "uuid", check->uuid, "faults",
        (json_int_t)check->faults, "accounts", (json_int_t)check->accounts, "different_accounts",
        (json_int_t)check->different, "bytes", (json_int_t)check->org.bytes, "objects",
        (json_int_t)check->org.objects, "pins", (json_int_t)check->org.pins, "intents",
        (json_int_t)check->intents, "doubtful_objects", (json_int_t)check->doubtful, "links",
        (json_int_t)check->links, "allocations", (json_int_t)check->allocations);

    json_object_set_new(object, "fault",
                        check->faults > 0 ? json_string(check->first) : json_null());
    json_object_set_new(object, "restored",
                        check->restored_ms > 0
                            ? json_string(units_print_timestamp(text, check->restored_ms))
                            : json_null());
    return object;
}

static void run_job(struct job *job)
{
    struct ledger_job *ledger = CONTAINER_OF(job, struct ledger_job, job);

    if (ledger->path != NULL)
        (void)!backup_write(ledger->folder, ledger->path, &ledger->bytes, &ledger->err);
    else
        (void)!backup_check(ledger->folder, &ledger->check, &ledger->err);
}

static void on_compared(void *call, json_t *upstream, const struct error *err)
{
    json_t *output = *operator_context(call);

    *operator_context(call) = NULL;
    if (err != NULL) {
        json_decref(upstream);
        upstream = json_pack("{s:s}", "fault", err->text);
    }
    json_object_set_new(output, "upstream", upstream);
    operator_answer(call, 200, output);
}

static void answer_check(struct operator_call *call, const struct backup_check *check)
{
    const struct ledger_compare *compare = &gateway_of_call(call)->ledger_compare;
    json_t *output = ledger_describe(check);

    if (compare->start != NULL) {
        *operator_context(call) = output;
        compare->start(compare->context, on_compared, call);
        return;
    }
    json_object_set_new(output, "upstream", json_null());
    operator_answer(call, 200, output);
}

static void on_job_done(struct job *job)
{
    struct ledger_job *ledger = CONTAINER_OF(job, struct ledger_job, job);

    if (ledger->err.code != ERROR_NONE)
        operator_refuse_error(ledger->call, &ledger->err);
    else if (ledger->path != NULL)
        operator_answer(
            ledger->call, 200,
            json_pack("{s:s,s:I}", "path", ledger->path, "bytes", (json_int_t)ledger->bytes));
    else
        answer_check(ledger->call, &ledger->check);
    free(ledger->folder);
    free(ledger->path);
    free(ledger);
}

/* path NULL: a check. */
static void start(struct operator_call *call, const char *path)
{
    struct gateway *gateway = gateway_of_call(call);
    struct ledger_job *ledger = memory_alloc(sizeof(*ledger));

    ledger->call = call;
    ledger->folder = memory_copy_text(gateway->snapshot->config->data);
    ledger->path = path == NULL ? NULL : memory_copy_text(path);
    ledger->job.run = run_job;
    ledger->job.on_done = on_job_done;
    if (job_start(gateway->jobs, gateway->loop, &ledger->job))
        return;
    free(ledger->folder);
    free(ledger->path);
    free(ledger);
    operator_refuse(call, 503, "too many jobs wait; try again");
}

static void run_check(struct operator_call *call)
{
    start(call, NULL);
}

static void run_backup(struct operator_call *call)
{
    const char *path = json_string_value(json_object_get(operator_input(call), "path"));

    if (path == NULL || path[0] != '/')
        operator_refuse(call, 400, "path: the absolute path of a file that is not there yet");
    else
        start(call, path);
}

const struct operator_route ledger_routes[] = {
    {"/ledger/check", run_check},
    {"/ledger/backup", run_backup},
    {NULL, NULL},
};
