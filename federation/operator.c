// SPDX-License-Identifier: Apache-2.0
#include "federation/operator.h"

#include "conf/config_check.h"
#include "conf/memory.h"
#include "conf/units.h"
#include "federation/allocation.h"
#include "federation/links.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TTL_MIN_MS (UINT64_C(60) * 1000)
#define TTL_MAX_MS (UINT64_C(30) * 24 * 3600 * 1000)

enum { LIST_LIMIT = 100, HISTORY_LIMIT = 50 };

/* False: refused, since there is no port where partners could speak. */
static bool has_links(struct operator_call *call)
{
    const struct operator_site *site = operator_site(call);

    if (site->links != NULL)
        return true;
    operator_refuse(call, 409, "%s",
                    site->links_missing != NULL
                        ? site->links_missing
                        : "this gateway has no port for partners: set org and "
                          "listen.partners.address in causeway.yaml, and start it anew");
    return false;
}

static void refuse_unknown(struct operator_call *call, const char *partner)
{
    operator_refuse(call, 404,
                    "there is no link with %s; causeway link list has those that there are, "
                    "causeway link invite %s begins one",
                    partner, partner);
}

/* ---- reading */

/* Borrowed; "" and NULL are the same. */
static const char *text_of(const json_t *input, const char *name)
{
    const char *text = json_string_value(json_object_get(input, name));

    return text != NULL && text[0] != '\0' ? text : NULL;
}

static bool read_partner(const json_t *input, struct links_command *command, struct error *err)
{
    struct slice text = operator_text(input, "partner");

    command->partner = text_of(input, "partner");
    if (command->partner == NULL)
        return error_set(err, ERROR_SYNTAX, "partner is missing: which one?");
    if (slice_starts(text, "partner:")) {
        command->partner += 8;
        text = (struct slice){text.data + 8, text.size - 8};
    }
    return id_check(text, "partner", err);
}

static bool read_ttl(const json_t *input, struct links_command *command, struct error *err)
{
    struct slice text = operator_text(input, "ttl");

    if (text.data == NULL)
        return true;
    if (!units_parse_duration(text, &command->ttl_ms, err))
        return error_prefix(err, "ttl");
    return (command->ttl_ms >= TTL_MIN_MS && command->ttl_ms <= TTL_MAX_MS) ||
           error_set(err, ERROR_LIMIT, "ttl: an invitation can be used for 1m to 30d, not %.*s",
                     (int)(text.size < 32 ? text.size : 32), text.data);
}

static bool read_mode(const json_t *input, struct error *err)
{
    struct slice mode = operator_text(input, "mode");

    if (mode.data == NULL || slice_is(mode, "now") || slice_is(mode, "restrict"))
        return true;
    if (slice_is(mode, "drain"))
        return error_set(err, ERROR_UNSUPPORTED,
                         "to revoke by '%s' is not built yet: there is 'now', which deletes "
                         "nothing either",
                         mode.data);
    return error_set(err, ERROR_SYNTAX, "a link is revoked 'now' or 'restrict', not '%.32s'",
                     mode.data);
}

/* ---- answering */

static void on_answered(void *call_, const struct links_answer *answer)
{
    struct operator_call *call = call_;
    const json_t *partner = json_object_get(operator_input(call), "partner");
    json_t *output = answer->output;

    if (answer->status >= 400) {
        operator_refuse(call, answer->status, "%.*s", SLICE_ARGS(answer->said));
        json_decref(output);
        return;
    }
    if (output == NULL)
        output = json_object();
    json_object_set_new(output, "said", json_stringn(answer->said.data, answer->said.size));
    if (json_object_get(output, "partner") == NULL && partner != NULL)
        json_object_set(output, "partner", (json_t *)partner);
    operator_answer(call, 200, output);
}

/* "operator:anna"; or "operator", of a socket that knows no more than that it is one. */
static void put_actor(const struct principal *principal, struct text *actor)
{
    if (slice_is(principal->id, "operator"))
        text_put_slice(actor, principal->id);
    else
        principal_put(actor, principal);
}

static void ask_links(struct operator_call *call, struct links_command *command)
{
    struct text actor = {0};
    struct error err = {0};

    put_actor(operator_principal(call), &actor);
    command->actor = actor.data;
    if (!links_command(operator_site(call)->links, command, on_answered, call, &err))
        operator_refuse_error(call, &err);
    text_dispose(&actor);
}

/* What the fields of each route are, and how they are read beyond the partner's name. */
static void run(struct operator_call *call, enum links_what what, const char *const *fields,
                bool (*read)(struct operator_call *call, struct links_command *command,
                             struct error *err))
{
    struct links_command command = {.what = what};
    const json_t *input = operator_input(call);
    struct error err = {0};

    if (!has_links(call))
        return;
    if (operator_check_fields(input, fields, &err) &&
        (what == LINKS_JOIN || read_partner(input, &command, &err)) &&
        (read == NULL || read(call, &command, &err)))
        ask_links(call, &command);
    else
        operator_refuse_error(call, &err);
}

/* ---- invite, repin, join */

static bool read_invite(struct operator_call *call, struct links_command *command,
                        struct error *err)
{
    const json_t *input = operator_input(call);

    command->org = text_of(input, "org");
    command->address = text_of(input, "address");
    if (command->org != NULL && !config_check_org(command->org, err))
        return error_prefix(err, "org");
    return read_ttl(input, command, err);
}

static void run_invite(struct operator_call *call)
{
    static const char *const fields[] = {"\"partner", "\"org", "\"address", "\"ttl", NULL};

    run(call, LINKS_INVITE, fields, read_invite);
}

static void run_repin(struct operator_call *call)
{
    static const char *const fields[] = {"\"partner", "\"address", "\"ttl", NULL};

    run(call, LINKS_REPIN, fields, read_invite);
}

static bool read_join(struct operator_call *call, struct links_command *command, struct error *err)
{
    const json_t *input = operator_input(call);

    command->text = text_of(input, "invitation");
    command->address = text_of(input, "address");
    if (command->text == NULL)
        return error_set(err, ERROR_SYNTAX,
                         "the invitation is missing: the line that begins with cwi1");
    return text_of(input, "partner") == NULL || read_partner(input, command, err);
}

static void run_join(struct operator_call *call)
{
    static const char *const fields[] = {"\"invitation", "\"partner", "\"address", NULL};

    run(call, LINKS_JOIN, fields, read_join);
}

/* ---- confirm */

static bool read_confirm(struct operator_call *call, struct links_command *command,
                         struct error *err)
{
    const json_t *input = operator_input(call);

    command->text = text_of(input, "words");
    command->is_yes = json_is_true(json_object_get(input, "yes"));
    return command->text != NULL || command->is_yes ||
           error_set(err, ERROR_SYNTAX, "the words are missing: the six that they read to you");
}

static void run_confirm(struct operator_call *call)
{
    static const char *const fields[] = {"\"partner", "\"words", "?yes", NULL};

    run(call, LINKS_CONFIRM, fields, read_confirm);
}

/* ---- those that take a partner alone */

static const char *const partner_alone[] = {"\"partner", NULL};

static void run_cancel(struct operator_call *call)
{
    run(call, LINKS_CANCEL, partner_alone, NULL);
}

static void run_suspend(struct operator_call *call)
{
    run(call, LINKS_SUSPEND, partner_alone, NULL);
}

static void run_resume(struct operator_call *call)
{
    run(call, LINKS_RESUME, partner_alone, NULL);
}

static bool read_revoke(struct operator_call *call, struct links_command *command,
                        struct error *err)
{
    return read_mode(operator_input(call), err);
}

static const char *const revoke_fields[] = {"\"partner", "\"mode", NULL};

/* What is alive over a link, by the ledger, before it is ended. */
struct counting {
    char link[ULID_SIZE];
    enum allocation_role role;
    uint64_t live[ALLOCATION_HOLDER + 1];
};

static uint64_t count_live(const struct allocation_sum *sum)
{
    uint64_t live = 0;

    for (size_t i = 0; i < sum->count; i++)
        for (enum allocation_state state = ALLOCATION_NONE; state < ALLOCATION_STATES; state++)
            if (strcmp(sum->totals[i].state, allocation_state_name(state)) == 0 &&
                allocation_is_live(&(struct allocation_record){.state = state}))
                live += sum->totals[i].count;
    return live;
}

static void count_next(struct operator_call *call);

static void on_counted(void *call_, struct transaction *transaction)
{
    struct operator_call *call = call_;
    struct counting *counting = *operator_context(call);

    if (transaction->err.code != ERROR_NONE) {
        free(counting);
        *operator_context(call) = NULL;
        operator_refuse_error(call, &transaction->err);
        return;
    }
    counting->live[counting->role] = count_live(&transaction->allocation_sum);
    counting->role = counting->role == ALLOCATION_OWNER ? ALLOCATION_HOLDER : ALLOCATION_HOLDER + 1;
    count_next(call);
}

static void end_counting(struct operator_call *call)
{
    struct counting counting = *(struct counting *)*operator_context(call);
    uint64_t ours = counting.live[ALLOCATION_OWNER], theirs = counting.live[ALLOCATION_HOLDER];

    free(*operator_context(call));
    *operator_context(call) = NULL;
    if (ours + theirs == 0)
        run(call, LINKS_REVOKE, revoke_fields, read_revoke);
    else
        operator_refuse(call, 409,
                        "the link is not ended: %llu allocations of ours are alive there, and %llu "
                        "of theirs here; causeway allocation list has them. By 'now' it ends all "
                        "the same: copies there count no more, and nothing is deleted",
                        (unsigned long long)ours, (unsigned long long)theirs);
}

static void count_next(struct operator_call *call)
{
    const struct counting *counting = *operator_context(call);
    struct transaction *sum;
    struct error err = {0};

    if (counting->role > ALLOCATION_HOLDER) {
        end_counting(call);
        return;
    }
    sum = transaction_create(TRANSACTION_ALLOCATION_SUM);
    memcpy(sum->allocation_sum.link, counting->link, ULID_SIZE);
    sum->allocation_sum.role = (uint8_t)counting->role;
    if (store_start(operator_site(call)->store, operator_site(call)->loop, sum, on_counted, call,
                    &err))
        return;
    transaction_destroy(&sum);
    free(*operator_context(call));
    *operator_context(call) = NULL;
    operator_refuse_error(call, &err);
}

/* False: there is no such link, or nothing has a name there yet. */
static bool count_first(struct operator_call *call)
{
    struct slice partner = operator_text(operator_input(call), "partner");
    json_t *link =
        partner.data == NULL ? NULL : links_describe(operator_site(call)->links, partner.data);
    const char *id = json_string_value(json_object_get(link, "id"));
    struct counting *counting;

    if (id != NULL) {
        counting = memory_alloc(sizeof(*counting));
        counting->role = ALLOCATION_OWNER;
        snprintf(counting->link, sizeof(counting->link), "%s", id);
        *operator_context(call) = counting;
        count_next(call);
    }
    json_decref(link);
    return id != NULL;
}

static void run_revoke(struct operator_call *call)
{
    struct slice mode = operator_text(operator_input(call), "mode");

    if (operator_site(call)->links != NULL && mode.data != NULL && slice_is(mode, "restrict") &&
        count_first(call))
        return;
    run(call, LINKS_REVOKE, revoke_fields, read_revoke);
}

/* ---- limit: what is not said stays */

static bool read_limits_in_force(struct operator_call *call, struct links_command *command,
                                 struct error *err)
{
    json_t *link = links_describe(operator_site(call)->links, command->partner);
    const json_t *limits = json_object_get(link, "limits");
    struct slice hours = operator_text(limits, "hours");
    bool is_fine = true;

    if (link == NULL)
        return error_set(err, ERROR_NOT_FOUND,
                         "there is no link with %s; causeway link list has those that there are",
                         command->partner);
    command->limits.bandwidth = (uint64_t)json_integer_value(json_object_get(limits, "bandwidth"));
    if (hours.size > 0)
        is_fine = link_limits_parse_hours(hours, &command->limits.hours, err);
    json_decref(link);
    return is_fine;
}

static bool read_limit(struct operator_call *call, struct links_command *command, struct error *err)
{
    struct slice bandwidth = operator_text(operator_input(call), "bandwidth"),
                 hours = operator_text(operator_input(call), "hours");

    return read_limits_in_force(call, command, err) &&
           (bandwidth.data == NULL ||
            link_limits_parse_bandwidth(bandwidth, &command->limits.bandwidth, err)) &&
           (hours.data == NULL || link_limits_parse_hours(hours, &command->limits.hours, err));
}

/* Nothing is to be changed: they are shown. */
static void show_limits(struct operator_call *call)
{
    struct links_command command = {0};
    struct error err = {0};
    json_t *link;

    if (!read_partner(operator_input(call), &command, &err)) {
        operator_refuse_error(call, &err);
        return;
    }
    link = links_describe(operator_site(call)->links, command.partner);
    if (link == NULL) {
        refuse_unknown(call, command.partner);
        return;
    }
    json_object_set_new(link, "said", json_string("nothing was changed"));
    operator_answer(call, 200, link);
}

static void run_limit(struct operator_call *call)
{
    static const char *const fields[] = {"\"partner", "\"bandwidth", "\"hours", NULL};
    const json_t *input = operator_input(call);

    if (operator_site(call)->links != NULL && json_object_size(input) == 1)
        show_limits(call);
    else
        run(call, LINKS_LIMIT, fields, read_limit);
}

/* ---- list */

static int compare_partners(const void *a_, const void *b_)
{
    json_t *const *a = a_, *const *b = b_;

    return strcmp(json_string_value(json_object_get(*a, "partner")),
                  json_string_value(json_object_get(*b, "partner")));
}

/* Those behind after, by name. */
static json_t *page_of(json_t *all, const char *after, bool *has_more)
{
    size_t count = json_array_size(all), kept = 0;
    json_t **sorted = memory_alloc((count + 1) * sizeof(json_t *));
    json_t *page = json_array();

    for (size_t i = 0; i < count; i++) {
        json_t *link = json_array_get(all, i);

        if (after == NULL || strcmp(json_string_value(json_object_get(link, "partner")), after) > 0)
            sorted[kept++] = link;
    }
    if (kept > 1)
        qsort(sorted, kept, sizeof(json_t *), compare_partners);
    for (size_t i = 0; i < kept && i < LIST_LIMIT; i++)
        json_array_append(page, sorted[i]);
    *has_more = kept > LIST_LIMIT;
    free(sorted);
    return page;
}

static void run_list(struct operator_call *call)
{
    static const char *const fields[] = {"\"after", NULL};
    struct error err = {0};
    json_t *all, *page;
    bool has_more;

    if (!has_links(call))
        return;
    if (!operator_check_fields(operator_input(call), fields, &err)) {
        operator_refuse_error(call, &err);
        return;
    }
    all = links_describe(operator_site(call)->links, NULL);
    page = page_of(all, text_of(operator_input(call), "after"), &has_more);
    json_decref(all);
    operator_answer(call, 200, json_pack("{s:o,s:b}", "links", page, "has_more", (int)has_more));
}

/* ---- show */

static json_t *describe_event(const struct link_history *event)
{
    char time[UNITS_TIMESTAMP_SIZE];

    return json_pack("{s:s,s:I,s:s%,s:s%,s:s,s:s,s:s%}", "time",
                     units_print_timestamp(time, event->at_ms), "epoch", (json_int_t)event->epoch,
                     "actor", event->actor.size > 0 ? event->actor.data : "", event->actor.size,
                     "event", event->event.size > 0 ? event->event.data : "", event->event.size,
                     "from", event->from, "to", event->to, "said",
                     event->said.size > 0 ? event->said.data : "", event->said.size);
}

/* ---- what each side holds for the other, by our ledger */

struct showing {
    json_t *link;
    unsigned role;
};

static json_t *sum_up(const struct allocation_sum *sum)
{
    uint64_t held = 0, bytes = 0, under_way = 0;

    for (size_t i = 0; i < sum->count; i++) {
        const struct allocation_total *total = &sum->totals[i];
        bool is_held = strcmp(total->state, allocation_state_name(ALLOCATION_PLACED)) == 0 ||
                       strcmp(total->state, allocation_state_name(ALLOCATION_PINNED)) == 0 ||
                       strcmp(total->state, allocation_state_name(ALLOCATION_LEAVING)) == 0;

        held += is_held ? total->count : 0;
        bytes += is_held ? total->bytes : 0;
        under_way += !is_held ? total->pins : 0;
    }
    return json_pack("{s:I,s:I,s:I}", "objects", (json_int_t)held, "bytes", (json_int_t)bytes,
                     "under_way", (json_int_t)under_way);
}

static void sum_next(struct operator_call *call);

static void on_summed(void *call_, struct transaction *transaction)
{
    struct operator_call *call = call_;
    struct showing *showing = *operator_context(call);
    json_t *holds = json_object_get(showing->link, "holds");

    if (transaction->err.code == ERROR_NONE)
        json_object_set_new(holds, showing->role == ALLOCATION_OWNER ? "ours_there" : "theirs_here",
                            sum_up(&transaction->allocation_sum));
    showing->role++;
    sum_next(call);
}

/* Sums that cannot be had are left out. */
static void sum_next(struct operator_call *call)
{
    struct showing *showing = *operator_context(call);
    const char *id = json_string_value(json_object_get(showing->link, "id"));
    struct transaction *sum;
    struct error err = {0};

    if (id != NULL && showing->role <= ALLOCATION_HOLDER) {
        sum = transaction_create(TRANSACTION_ALLOCATION_SUM);
        snprintf(sum->allocation_sum.link, ULID_SIZE, "%s", id);
        sum->allocation_sum.role = (uint8_t)showing->role;
        if (store_start(operator_site(call)->store, operator_site(call)->loop, sum, on_summed, call,
                        &err))
            return;
        transaction_destroy(&sum);
    }
    operator_answer(call, 200, showing->link);
    free(showing);
    *operator_context(call) = NULL;
}

static void show_with_sums(struct operator_call *call, json_t *link)
{
    struct showing *showing = memory_alloc(sizeof(*showing));

    *showing = (struct showing){.link = link, .role = ALLOCATION_OWNER};
    json_object_set_new(link, "holds", json_object());
    *operator_context(call) = showing;
    sum_next(call);
}

/* The newest last, as they happened. */
static void on_history(struct operator_call *call, struct transaction *transaction)
{
    const struct link_event_list *list = &transaction->link_event_list;
    json_t *link = links_describe(operator_site(call)->links, list->partner);
    json_t *history = json_array();

    if (link == NULL)
        link = json_pack("{s:s,s:s}", "partner", list->partner, "state", "none");
    for (size_t i = list->count; i > 0; i--)
        json_array_append_new(history, describe_event(&list->entries[i - 1]));
    json_object_set_new(link, "history", history);
    json_object_set_new(link, "has_older", json_boolean(list->has_more));
    show_with_sums(call, link);
}

static void run_show(struct operator_call *call)
{
    struct links_command command = {0};
    struct transaction *list;
    struct error err = {0};
    json_t *link;

    if (!has_links(call))
        return;
    if (!operator_check_fields(operator_input(call), partner_alone, &err) ||
        !read_partner(operator_input(call), &command, &err)) {
        operator_refuse_error(call, &err);
        return;
    }
    link = links_describe(operator_site(call)->links, command.partner);
    if (link == NULL) {
        refuse_unknown(call, command.partner);
        return;
    }
    json_decref(link);
    list = transaction_create(TRANSACTION_LINK_EVENT_LIST);
    snprintf(list->link_event_list.partner, ID_SIZE, "%s", command.partner);
    list->link_event_list.limit = HISTORY_LIMIT;
    operator_transact(call, list, on_history);
}

/* clang-format off */
const struct operator_route federation_routes[] = {
    {"/link/invite", run_invite},
    {"/link/join", run_join},
    {"/link/confirm", run_confirm},
    {"/link/cancel", run_cancel},
    {"/link/suspend", run_suspend},
    {"/link/resume", run_resume},
    {"/link/revoke", run_revoke},
    {"/link/repin", run_repin},
    {"/link/limit", run_limit},
    {"/link/list", run_list},
    {"/link/show", run_show},
    {NULL, NULL},
};
/* clang-format on */
