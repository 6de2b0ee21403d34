// SPDX-License-Identifier: Apache-2.0
#include "proxy/adoption.h"

#include "conf/memory.h"

#include <assert.h>
#include <stdlib.h>

enum { FAULTS_MAX = 20, GATE_WAIT_MS = 500 };

struct adoption {
    struct adoption_settings settings;
    struct text pin_name; /* of our own pins */
    struct owner owner;
    struct cid *cids;
    size_t count, capacity, next;
    bool is_running, is_inside;  /* the write gate */
    struct operation *operation; /* the list, or a look */
    struct tracker_call *call;
    struct timer timer; /* until writes go on */
    uint64_t adopted, ours, failed;
    struct text faults[FAULTS_MAX];
    size_t fault_count;
    struct error fault;
};

static void leave_gate(struct adoption *adoption)
{
    if (adoption->is_inside)
        write_gate_leave(adoption->settings.gate);
    adoption->is_inside = false;
}

/* err NULL: all were seen to. What was counted stays to be asked for. */
static void end(struct adoption *adoption, const struct error *err)
{
    adoption->fault = err != NULL ? *err : (struct error){0};
    adoption->is_running = false;
    timer_disarm(&adoption->timer);
    upstream_cancel(&adoption->operation);
    tracker_cancel(&adoption->call);
    leave_gate(adoption);
    free(adoption->cids);
    adoption->cids = NULL;
    adoption->capacity = 0;
}

static void add(struct adoption *adoption, const struct cid *cid)
{
    if (adoption->count == adoption->capacity) {
        adoption->capacity = adoption->capacity == 0 ? 64 : 2 * adoption->capacity;
        adoption->cids = memory_resize_array(adoption->cids, adoption->capacity, sizeof(*cid));
    }
    adoption->cids[adoption->count++] = *cid;
}

/* ---- one after the other */

static void go_on(struct adoption *adoption);

static void done(struct adoption *adoption)
{
    leave_gate(adoption);
    adoption->next++;
    go_on(adoption);
}

static void fail(struct adoption *adoption, struct slice why)
{
    adoption->failed++;
    if (adoption->fault_count < FAULTS_MAX) {
        struct text *fault = &adoption->faults[adoption->fault_count++];

        text_clear(fault);
        cid_print(&adoption->cids[adoption->next], CID_BASE_DEFAULT, fault);
        text_put_format(fault, ": %.*s", SLICE_ARGS(why));
    }
    done(adoption);
}

static void on_adopted(void *adoption_, const struct tracker_answer *answer)
{
    struct adoption *adoption = adoption_;

    adoption->call = NULL;
    if (answer->outcome == TRACKER_DONE) {
        adoption->adopted++;
        done(adoption);
    } else if (answer->outcome == TRACKER_NOT_PINNED) { /* taken over before, under another name */
        adoption->ours++;
        done(adoption);
    } else {
        fail(adoption, answer->text);
    }
}

static void on_looked(void *adoption_, const struct operation_result *result,
                      const struct error *err)
{
    struct adoption *adoption = adoption_;
    struct tracker_request request = {.action = TRACKER_ADOPT,
                                      .owner = adoption->owner,
                                      .cid = adoption->cids[adoption->next],
                                      .offline = true};
    struct error fault = {0};

    adoption->operation = NULL;
    if (err != NULL) {
        fail(adoption, slice_of(err->text));
        return;
    }
    request.mode = result->foreign > result->foreign_v0 ? result->foreign : result->foreign_v0;
    if (request.mode == PIN_NONE && result->ours != PIN_NONE) {
        adoption->ours++;
        done(adoption);
    } else if (request.mode == PIN_NONE) {
        fail(adoption, SLICE("the storage has no pin of it"));
    } else if (!tracker_start(adoption->settings.tracker, adoption->settings.loop, &adoption->call,
                              &request, NULL, on_adopted, adoption, &fault)) {
        fail(adoption, slice_of(fault.text));
    }
}

static void look(struct adoption *adoption)
{
    struct error err = {0};

    if (!upstream_look(adoption->settings.upstream, &adoption->operation,
                       &adoption->cids[adoption->next], text_slice(&adoption->pin_name), on_looked,
                       adoption, &err))
        end(adoption, &err);
}

/* An adoption writes: it waits for garbage to be collected, as all do. What it takes over is there
 * already, so that it needs no room. */
static void go_on(struct adoption *adoption)
{
    int status;

    if (adoption->next == adoption->count) {
        end(adoption, NULL);
        return;
    }
    adoption->is_inside =
        write_gate_enter(adoption->settings.gate, catalogue_command(COMMAND_PIN_RM), &status, NULL);
    if (adoption->is_inside)
        look(adoption);
    else
        timer_arm(adoption->settings.loop, &adoption->timer, GATE_WAIT_MS);
}

static void on_timer(struct timer *timer)
{
    go_on(CONTAINER_OF(timer, struct adoption, timer));
}

/* ---- all */

static void on_pin(void *adoption_, const struct cid *cid, enum pin_mode mode, struct slice name)
{
    struct adoption *adoption = adoption_;

    if (cid->version == 0 || !slice_equal(name, text_slice(&adoption->pin_name)))
        add(adoption, cid);
}

static void on_listed(void *adoption_, const struct operation_result *result,
                      const struct error *err)
{
    struct adoption *adoption = adoption_;

    adoption->operation = NULL;
    if (err != NULL)
        end(adoption, err);
    else
        go_on(adoption);
}

/* ---- */

struct adoption *adoption_create(const struct adoption_settings *settings)
{
    struct adoption *adoption = memory_alloc(sizeof(*adoption));

    adoption->settings = *settings;
    adoption->timer.fire = on_timer;
    text_put_format(&adoption->pin_name, "cw:%s", store_uuid(settings->store));
    return adoption;
}

void adoption_use(struct adoption *adoption, struct upstream *upstream)
{
    struct error err = {0};

    if (adoption->settings.upstream == upstream)
        return;
    adoption->settings.upstream = upstream;
    error_set(&err, ERROR_CANCELED, "the configuration now names another storage");
    if (adoption->is_running)
        end(adoption, &err);
}

void adoption_destroy(struct adoption **adoption_ptr)
{
    struct adoption *adoption = *adoption_ptr;

    if (adoption == NULL)
        return;
    *adoption_ptr = NULL;
    end(adoption, NULL);
    for (size_t i = 0; i < FAULTS_MAX; i++)
        text_dispose(&adoption->faults[i]);
    text_dispose(&adoption->pin_name);
    free(adoption);
}

bool adoption_start(struct adoption *adoption, const struct owner *owner, const struct cid *cids,
                    size_t count, struct error *err)
{
    if (adoption->is_running)
        return error_set(err, ERROR_REFUSED, "pins are being adopted already: %zu of %zu are done",
                         adoption->next, adoption->count);
    adoption->owner = *owner;
    adoption->adopted = adoption->ours = adoption->failed = 0;
    adoption->count = adoption->next = adoption->fault_count = 0;
    adoption->fault = (struct error){0};
    for (size_t i = 0; i < count; i++)
        add(adoption, &cids[i]);
    if (cids == NULL && !upstream_list_pins(adoption->settings.upstream, &adoption->operation,
                                            on_pin, on_listed, adoption, err))
        return false;
    adoption->is_running = true;
    if (cids != NULL)
        timer_arm(adoption->settings.loop, &adoption->timer, 0);
    return true;
}

json_t *adoption_describe(const struct adoption *adoption)
{
    json_t *faults = json_array();
    json_t *object =
        json_pack("{s:b,s:I,s:I,s:I,s:I,s:I,s:o}", "running", (int)adoption->is_running, "found",
                  (json_int_t)adoption->count, "done", (json_int_t)adoption->next, "adopted",
                  (json_int_t)adoption->adopted, "ours", (json_int_t)adoption->ours, "failed",
                  (json_int_t)adoption->failed, "faults", faults);

    for (size_t i = 0; i < adoption->fault_count; i++)
        json_array_append_new(faults, json_string(adoption->faults[i].data));
    if (adoption->fault.code != ERROR_NONE)
        json_object_set_new(object, "fault", json_string(adoption->fault.text));
    return object;
}
