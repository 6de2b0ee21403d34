// SPDX-License-Identifier: Apache-2.0
#include "auth/identity_keeper.h"

#include "auth/identity_keeper_private.h"
#include "conf/memory.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <stdlib.h>

#define HOUR_MS  UINT64_C(3600000)
#define DAY_S    INT64_C(86400)
#define RETRY_MS UINT64_C(60000)

enum work { WORK_DUE, WORK_ROTATE, WORK_TAKE };

/* One piece of work, and its job. The identity is the job's alone from its start to its end. */
struct task {
    struct job job;
    struct identity_keeper *keeper;
    enum work work;
    int64_t now_s;
    bool is_known_to_all;
    struct identity_order order; /* of texts below */
    struct text passphrase, next_passphrase;
    struct text *documents;
    size_t count;
    identity_done_cb on_done; /* NULL: nobody waits */
    void *arg;

    /* outcome */
    bool is_done, has_changed;
    struct error err;
    struct identity_report report;
    struct renewal_plan plan;
    const struct identity_view *view; /* NULL: nothing changed */
};

struct identity_keeper {
    struct identity_keeper_settings settings;
    char *folder;
    struct identity *identity;
    const struct identity_view *view;
    struct identity_user user; /* {0}: nobody */
    struct renewal_plan plan;  /* as it was last looked at */
    struct task *task;         /* under way */
    struct timer timer;
    int64_t reminded_s;
    bool is_closed;
};

static int64_t now_s(const struct identity_keeper *keeper)
{
    return (int64_t)(keeper->settings.now_ms() / 1000);
}

/* ---- a task */

static void dispose_secret(struct text *text)
{
    if (text->size > 0)
        OPENSSL_cleanse(text->data, text->size);
    text_dispose(text);
}

static void task_free(struct task *task)
{
    dispose_secret(&task->passphrase);
    dispose_secret(&task->next_passphrase);
    for (size_t i = 0; i < task->count; i++)
        text_dispose(&task->documents[i]);
    free(task->documents);
    identity_view_unref(&task->view);
    free(task);
}

static bool take(struct task *task)
{
    struct slice *documents = memory_resize_array(NULL, task->count + 1, sizeof(*documents));
    bool is_done;

    for (size_t i = 0; i < task->count; i++)
        documents[i] = text_slice(&task->documents[i]);
    is_done = identity_do_take(task->keeper->identity, documents, task->count, task->now_s,
                               &task->report, &task->err);
    free(documents);
    return is_done;
}

/* In a job, or at the start. */
static void work(struct task *task)
{
    struct identity *identity = task->keeper->identity;
    struct renewal_state state;

    task->has_changed = true; /* what failed may have come half way */
    switch (task->work) {
    case WORK_DUE:
        task->is_done = identity_do_due(identity, task->now_s, task->is_known_to_all,
                                        &task->has_changed, &task->report, &task->err);
        break;
    case WORK_ROTATE:
        task->order.passphrase = text_slice(&task->passphrase);
        task->order.next_passphrase = text_slice(&task->next_passphrase);
        task->is_done = identity_do_rotate(identity, &task->order, task->now_s,
                                           task->is_known_to_all, &task->report, &task->err);
        break;
    case WORK_TAKE:
        task->is_done = take(task);
        break;
    }
    if (task->has_changed)
        task->view = identity_view_create(identity, &task->keeper->settings.id);
    state = identity_state(identity, task->now_s, task->is_known_to_all);
    task->plan = renewal_step(&state);
}

static struct task *task_create(struct identity_keeper *keeper, enum work work)
{
    const struct identity_user *user = &keeper->user;
    struct task *task = memory_alloc(sizeof(*task));

    task->keeper = keeper;
    task->work = work;
    task->now_s = now_s(keeper);
    task->is_known_to_all = user->is_known_to_all != NULL && user->is_known_to_all(user->arg);
    return task;
}

/* ---- what came of it */

static void remind(struct identity_keeper *keeper, int64_t at_s)
{
    static const struct {
        enum renewal_what what;
        const char *command;
    } rows[] = {
        {RENEWAL_ISSUER, "issuer"},
        {RENEWAL_ANNOUNCE_ROOT, "root"},
        {RENEWAL_SWITCH_ROOT, "root"},
        {RENEWAL_RETIRE_ROOT, "root"},
    };

    if (at_s >= keeper->reminded_s && at_s < keeper->reminded_s + DAY_S)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct renewal_item *item = &keeper->plan.items[rows[i].what];
        int64_t left_s = item->too_late_s == RENEWAL_NEVER ? 0 : item->too_late_s - at_s;

        if (!item->is_due || item->is_blocked)
            continue;
        keeper->reminded_s = at_s;
        if (item->too_late_s == RENEWAL_NEVER)
            log_message(keeper->settings.messages, LOG_LEVEL_WARNING,
                        "due: %s; run `causeway link rotate %s`", renewal_name(rows[i].what),
                        rows[i].command);
        else
            log_message(keeper->settings.messages, LOG_LEVEL_WARNING,
                        "due: %s; run `causeway link rotate %s`, or links fail in %lld days",
                        renewal_name(rows[i].what), rows[i].command,
                        (long long)(left_s > 0 ? left_s / DAY_S : 0));
    }
}

/* Clocks are set and machines sleep: it is looked at each hour, however far away the next is. */
static void plan_next(struct identity_keeper *keeper, const struct task *task)
{
    int64_t wait_s = task->plan.wake_s - task->now_s;
    uint64_t wait_ms = wait_s <= 0 ? RETRY_MS : (uint64_t)wait_s * 1000;

    if (task->work == WORK_DUE && !task->is_done && task->plan.items[RENEWAL_LEAF].is_due)
        wait_ms = RETRY_MS;
    timer_arm(keeper->settings.loop, &keeper->timer, wait_ms < HOUR_MS ? wait_ms : HOUR_MS);
}

static void tell(const struct identity_keeper *keeper, const struct task *task)
{
    if (task->report.did[0] != '\0')
        log_message(keeper->settings.messages, LOG_LEVEL_INFO, "%s", task->report.did);
    /* who asked for it is told himself; a root's key that is away is told of once a day */
    if (!task->is_done && task->on_done == NULL && task->plan.items[RENEWAL_LEAF].is_due)
        log_message(keeper->settings.messages, LOG_LEVEL_ERROR,
                    "our certificate for partners could not be renewed: %s", task->err.text);
}

static void use(struct identity_keeper *keeper, struct task *task)
{
    keeper->plan = task->plan;
    if (task->view != NULL) {
        identity_view_unref(&keeper->view);
        keeper->view = task->view;
        task->view = NULL;
    }
    tell(keeper, task);
    remind(keeper, task->now_s);
}

static void on_task_done(struct job *job)
{
    struct task *task = CONTAINER_OF(job, struct task, job);
    struct identity_keeper *keeper = task->keeper;
    bool has_changed = task->view != NULL;
    struct identity_outcome outcome = {.err = task->is_done ? NULL : &task->err,
                                       .did = task->report.did,
                                       .next = task->report.next};

    keeper->task = NULL;
    if (keeper->is_closed) {
        task_free(task);
        identity_keeper_close(&keeper);
        return;
    }
    use(keeper, task);
    plan_next(keeper, task);
    outcome.view = keeper->view;
    if (has_changed && keeper->user.on_change != NULL)
        keeper->user.on_change(keeper->user.arg);
    if (task->on_done != NULL)
        task->on_done(task->arg, &outcome);
    task_free(task);
}

static void run_task(struct job *job)
{
    work(CONTAINER_OF(job, struct task, job));
}

static bool start(struct identity_keeper *keeper, struct task *task, struct error *err)
{
    task->job = (struct job){.run = run_task, .on_done = on_task_done};
    if (keeper->task != NULL) {
        task_free(task);
        return error_set(err, ERROR_REFUSED,
                         "the identity is being changed by somebody else at this moment; ask "
                         "again in a few seconds");
    }
    if (!job_start(keeper->settings.jobs, keeper->settings.loop, &task->job)) {
        task_free(task);
        return error_set(err, ERROR_LIMIT, "too much is waiting in this gateway; ask again");
    }
    keeper->task = task;
    return true;
}

static void on_timer(struct timer *timer)
{
    struct identity_keeper *keeper = CONTAINER_OF(timer, struct identity_keeper, timer);

    identity_keeper_check(keeper);
}

void identity_keeper_check(struct identity_keeper *keeper)
{
    struct error ignored = {0};

    if (!start(keeper, task_create(keeper, WORK_DUE), &ignored))
        timer_arm(keeper->settings.loop, &keeper->timer, RETRY_MS);
}

/* ---- opening */

static bool open_or_make(struct identity_keeper *keeper, struct error *err)
{
    struct identity_plan plan = {.id = keeper->settings.id, .now_s = now_s(keeper)};
    struct error found = {0};

    if (identity_open(&keeper->identity, keeper->folder, &keeper->settings.id, &found))
        return true;
    if (found.code != ERROR_NOT_FOUND)
        return error_copy(err, &found);
    if (!identity_create(keeper->folder, &plan, err) ||
        !identity_open(&keeper->identity, keeper->folder, &keeper->settings.id, err))
        return false;
    log_message(keeper->settings.messages, LOG_LEVEL_INFO,
                "%s had no keys and certificates for links: they were made, in %s. Partners know "
                "the organization by them: back them up",
                keeper->settings.id.org, keeper->folder);
    return true;
}

/* What is due is done before anybody is served; if it cannot be, links wait and all else does not.
 */
static void renew_first(struct identity_keeper *keeper)
{
    struct task *task = task_create(keeper, WORK_DUE);

    work(task);
    if (task->view == NULL)
        task->view = identity_view_create(keeper->identity, &keeper->settings.id);
    use(keeper, task);
    plan_next(keeper, task);
    task_free(task);
}

bool identity_keeper_open(struct identity_keeper **keeper_,
                          const struct identity_keeper_settings *settings, struct error *err)
{
    struct identity_keeper *keeper = memory_alloc(sizeof(*keeper));

    keeper->settings = *settings;
    keeper->folder = memory_copy_text(settings->folder);
    keeper->timer.fire = on_timer;
    *keeper_ = keeper;
    if (!open_or_make(keeper, err)) {
        identity_keeper_close(keeper_);
        return false;
    }
    renew_first(keeper);
    return true;
}

static void tell_of_close(const struct identity_keeper *keeper, struct task *task)
{
    struct error err = {0};
    struct identity_outcome outcome = {.err = &err, .did = "", .next = "", .view = keeper->view};
    identity_done_cb on_done = task->on_done;

    task->on_done = NULL;
    error_set(&err, ERROR_CANCELED,
              "the gateway is stopping: what was asked for is done or not; ask again when it runs");
    if (on_done != NULL)
        on_done(task->arg, &outcome);
    job_cancel(keeper->settings.jobs, &task->job);
}

void identity_keeper_close(struct identity_keeper **keeper_)
{
    struct identity_keeper *keeper = *keeper_;

    *keeper_ = NULL;
    if (keeper == NULL)
        return;
    keeper->is_closed = true;
    timer_disarm(&keeper->timer);
    if (keeper->task != NULL) {
        tell_of_close(keeper, keeper->task);
        return; /* goes on when the job has ended */
    }
    identity_view_unref(&keeper->view);
    identity_close(&keeper->identity);
    free(keeper->folder);
    free(keeper);
}

/* ---- what others ask */

const struct identity_view *identity_keeper_view(const struct identity_keeper *keeper)
{
    return keeper->view;
}

const struct renewal_plan *identity_keeper_plan(const struct identity_keeper *keeper)
{
    return &keeper->plan;
}

void identity_keeper_set_user(struct identity_keeper *keeper, const struct identity_user *user)
{
    keeper->user = user != NULL ? *user : (struct identity_user){0};
    if (user == NULL && keeper->task != NULL && keeper->task->work == WORK_TAKE)
        keeper->task->on_done = NULL;
}

bool identity_keeper_rotate(struct identity_keeper *keeper, const struct identity_order *order,
                            identity_done_cb on_done, void *arg, struct error *err)
{
    struct task *task = task_create(keeper, WORK_ROTATE);

    task->order = *order;
    text_put_slice(&task->passphrase, order->passphrase);
    text_put_slice(&task->next_passphrase, order->next_passphrase);
    task->on_done = on_done;
    task->arg = arg;
    return start(keeper, task, err);
}

bool identity_keeper_take(struct identity_keeper *keeper, const struct slice *documents,
                          size_t count, identity_done_cb on_done, void *arg, struct error *err)
{
    struct task *task = task_create(keeper, WORK_TAKE);

    task->documents = memory_alloc((count + 1) * sizeof(*task->documents));
    task->count = count;
    for (size_t i = 0; i < count; i++)
        text_put_slice(&task->documents[i], documents[i]);
    task->on_done = on_done;
    task->arg = arg;
    return start(keeper, task, err);
}
