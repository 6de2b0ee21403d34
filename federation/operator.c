// SPDX-License-Identifier: Apache-2.0
#include "federation/operator.h"

#include "conf/config_check.h"
#include "conf/units.h"
#include "federation/operator_links.h"

#define TTL_MIN_MS (UINT64_C(60) * 1000)
#define TTL_MAX_MS (UINT64_C(30) * 24 * 3600 * 1000)

bool links_operator_is_there(struct operator_call *call)
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

void links_operator_refuse(struct operator_call *call, const char *partner)
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

bool links_operator_read_partner(const json_t *input, struct links_command *command,
                                 struct error *err)
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
void links_operator_run(struct operator_call *call, enum links_what what, const char *const *fields,
                        bool (*read)(struct operator_call *call, struct links_command *command,
                                     struct error *err))
{
    struct links_command command = {.what = what};
    const json_t *input = operator_input(call);
    struct error err = {0};

    if (!links_operator_is_there(call))
        return;
    if (operator_check_fields(input, fields, &err) &&
        (what == LINKS_JOIN || links_operator_read_partner(input, &command, &err)) &&
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

    links_operator_run(call, LINKS_INVITE, fields, read_invite);
}

static void run_repin(struct operator_call *call)
{
    static const char *const fields[] = {"\"partner", "\"address", "\"ttl", NULL};

    links_operator_run(call, LINKS_REPIN, fields, read_invite);
}

static bool read_join(struct operator_call *call, struct links_command *command, struct error *err)
{
    const json_t *input = operator_input(call);

    command->text = text_of(input, "invitation");
    command->address = text_of(input, "address");
    if (command->text == NULL)
        return error_set(err, ERROR_SYNTAX,
                         "the invitation is missing: the line that begins with cwi1");
    return text_of(input, "partner") == NULL || links_operator_read_partner(input, command, err);
}

static void run_join(struct operator_call *call)
{
    static const char *const fields[] = {"\"invitation", "\"partner", "\"address", NULL};

    links_operator_run(call, LINKS_JOIN, fields, read_join);
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

    links_operator_run(call, LINKS_CONFIRM, fields, read_confirm);
}

/* ---- those that take a partner alone */

const char *const links_operator_partner_alone[] = {"\"partner", NULL};

static void run_cancel(struct operator_call *call)
{
    links_operator_run(call, LINKS_CANCEL, links_operator_partner_alone, NULL);
}

static void run_suspend(struct operator_call *call)
{
    links_operator_run(call, LINKS_SUSPEND, links_operator_partner_alone, NULL);
}

static void run_resume(struct operator_call *call)
{
    links_operator_run(call, LINKS_RESUME, links_operator_partner_alone, NULL);
}

/* clang-format off */
const struct operator_route federation_routes[] = {
    {"/link/invite", run_invite},
    {"/link/join", run_join},
    {"/link/confirm", run_confirm},
    {"/link/cancel", run_cancel},
    {"/link/suspend", run_suspend},
    {"/link/resume", run_resume},
    {"/link/revoke", links_operator_revoke},
    {"/link/repin", run_repin},
    {"/link/limit", links_operator_limit},
    {"/link/list", links_operator_list},
    {"/link/show", links_operator_show},
    {NULL, NULL},
};
/* clang-format on */
