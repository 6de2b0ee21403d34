// SPDX-License-Identifier: Apache-2.0
/* The operators' routes about the gateway as a whole. */
#include "conf/units.h"
#include "proxy/gateway.h"
#include "proxy/operator_storage.h"
#include "proxy/quota_view.h"

#include <string.h>

struct gateway *gateway_of_call(const struct operator_call *call)
{
    return CONTAINER_OF(operator_site(call), struct gateway, desk_context.site);
}

static void set_time(json_t *object, const char *name, uint64_t ms)
{
    char text[UNITS_TIMESTAMP_SIZE];

    json_object_set_new(object, name, json_string(units_print_timestamp(text, ms)));
}

/* ---- /status: {} -> what runs, and what is wrong */

static json_t *describe_policy(const struct snapshot *snapshot)
{
    json_t *object;

    if (snapshot->policy == NULL)
        return json_null();
    object = json_pack("{s:I,s:s,s:I}", "version", (json_int_t)snapshot->policy_number, "hash",
                       policy_hash(snapshot->policy), "members",
                       (json_int_t)policy_member_count(snapshot->policy));
    json_object_set_new(
        object, "files_in_force",
        json_boolean(snapshot->policy_fault.code == ERROR_NONE &&
                     strcmp(snapshot->files_hash, policy_hash(snapshot->policy)) == 0));
    if (snapshot->policy_fault.code != ERROR_NONE)
        json_object_set_new(object, "fault", json_string(snapshot->policy_fault.text));
    return object;
}

static json_t *describe_audit(struct audit *audit)
{
    struct audit_counters counters = audit_counters(audit);
    struct error err = {0};
    bool is_healthy = audit_is_healthy(audit, &err);
    json_t *object = json_pack("{s:b,s:I,s:I}", "healthy", is_healthy, "records",
                               (json_int_t)counters.records, "lost", (json_int_t)counters.lost);

    if (!is_healthy)
        json_object_set_new(object, "fault", json_string(err.text));
    return object;
}

/* What is wrong with what was to be loaded last. */
static void set_fault(json_t *object, const struct gateway *gateway)
{
    const struct error *fault = gateway->reload_fault.code != ERROR_NONE
                                    ? &gateway->reload_fault
                                    : &gateway->snapshot->policy_fault;

    if (fault->code != ERROR_NONE)
        json_object_set_new(object, "fault", json_string(fault->text));
}

static uint64_t open_connections(const struct gateway *gateway)
{
    uint64_t open = 0;

    for (uint32_t i = 0; i < gateway->worker_count; i++) {
        const struct server_counters *counters = worker_counters(gateway->workers[i].worker);
        uint64_t closed = server_counter(&counters->connections_closed);

        open += server_counter(&counters->connections_accepted) - closed;
    }
    return open;
}

static void run_status(struct operator_call *call)
{
    const struct gateway *gateway = gateway_of_call(call);
    const struct snapshot *snapshot = gateway->snapshot;
    json_t *object = json_object();

    json_object_set_new(object, "version", json_string(CAUSEWAY_VERSION));
    if (snapshot->config->org != NULL)
        json_object_set_new(object, "org", json_string(snapshot->config->org));
    set_time(object, "started", gateway->started_ms);
    json_object_set_new(object, "config", json_string(snapshot->config->file));
    json_object_set_new(object, "clients", json_string(gateway->clients_address.text));
    json_object_set_new(object, "tls", json_boolean(snapshot->tls != NULL));
    json_object_set_new(object, "upstream", json_string(snapshot->upstream.text));
    json_object_set_new(object, "connections", json_integer((json_int_t)open_connections(gateway)));
    json_object_set_new(
        object, "tokens",
        json_integer((json_int_t)directory_counters(gateway->context.directory).tokens));
    json_object_set_new(object, "draining", json_boolean(gateway->is_draining));
    json_object_set_new(object, "last_reload_failed",
                        json_boolean(gateway->health_context.last_reload_failed));
    json_object_set_new(object, "audit", describe_audit(gateway->context.audit));
    json_object_set_new(object, "policy", describe_policy(snapshot));
    json_object_set_new(object, "partners", partners_describe(gateway));
    json_object_set_new(object, "storage", garbage_describe_room(gateway->garbage));
    json_object_set_new(object, "garbage", garbage_describe(gateway->garbage));
    json_object_set_new(object, "ledger", storage_describe_sweep(sweep_last(gateway->sweep)));
    set_fault(object, gateway);
    operator_answer(call, 200, object);
}

/* ---- /reload: {} -> as /status */

static void on_reloaded(void *call, const struct error *err)
{
    if (err != NULL)
        operator_refuse_error(call, err);
    else
        run_status(call);
}

static void run_reload(struct operator_call *call)
{
    reload_start(gateway_of_call(call), on_reloaded, call);
}

/* ---- /policy/list: {before?, limit?} -> {versions: [...], has_more} */

enum { VERSIONS_MAX = 100 };

static void on_listed(struct operator_call *call, struct transaction *transaction)
{
    const struct policy_list *list = &transaction->policy_list;
    json_t *versions = json_array();

    for (size_t i = 0; i < list->count; i++) {
        const struct policy_record *record = &list->records[i];
        json_t *version = json_pack("{s:I,s:I,s:b}", "version", (json_int_t)record->number, "size",
                                    (json_int_t)record->size, "in_force", record->is_active);

        set_time(version, "created", record->created_ms);
        set_time(version, "activated", record->activated_ms);
        json_array_append_new(versions, version);
    }
    operator_answer(call, 200,
                    json_pack("{s:o,s:b}", "versions", versions, "has_more", list->has_more));
}

static void run_policy_list(struct operator_call *call)
{
    struct transaction *list = transaction_create(TRANSACTION_POLICY_LIST);
    const json_t *before = json_object_get(operator_input(call), "before");

    list->policy_list.before = (uint64_t)json_integer_value(before);
    list->policy_list.limit = VERSIONS_MAX;
    operator_transact(call, list, on_listed);
}

/* ---- /policy/rollback: {version} -> as /status */

static void run_policy_rollback(struct operator_call *call)
{
    struct gateway *gateway = gateway_of_call(call);
    json_int_t number = json_integer_value(json_object_get(operator_input(call), "version"));

    if (gateway->snapshot->policy == NULL)
        operator_refuse(call, 409, "this gateway has no policy: set policy in causeway.yaml");
    else if (number < 1)
        operator_refuse(call, 400,
                        "version: the number of the version to go back to; see "
                        "causeway policy list");
    else
        reload_roll_back(gateway, (uint64_t)number, on_reloaded, call);
}

/* ---- /quota/show: {member, token?} -> how the member's quotas stand */

static void run_quota_show(struct operator_call *call)
{
    struct gateway *gateway = gateway_of_call(call);
    const struct policy *policy = gateway->snapshot->policy;
    struct principal principal = {.kind = PRINCIPAL_MEMBER,
                                  .id = operator_text(operator_input(call), "member"),
                                  .token_id = operator_text(operator_input(call), "token")};
    struct error err = {0};
    struct caller *caller;

    if (principal.id.size == 0) {
        operator_refuse(call, 400, "member: name whose quotas");
        return;
    }
    if (!gateway_check_member(gateway, principal.id, &err)) {
        operator_refuse_error(call, &err);
        return;
    }
    caller = caller_create(gateway->context.accounts, policy, &principal);
    operator_answer(call, 200, quota_view(gateway->context.accounts, policy, &principal, caller));
    caller_unref(&caller);
}

/* ---- /quota/list: {from?} -> {members: [as /quota/show, ...], next?}, by place in the policy */

enum { QUOTAS_MAX = 100 };

static json_t *describe_quotas(struct gateway *gateway, size_t index)
{
    const struct policy *policy = gateway->snapshot->policy;
    struct principal principal = {.kind = PRINCIPAL_MEMBER, .id = policy_member(policy, index)->id};
    struct caller *caller = caller_create(gateway->context.accounts, policy, &principal);
    json_t *object = quota_view(gateway->context.accounts, policy, &principal, caller);

    caller_unref(&caller);
    return object;
}

static void run_quota_list(struct operator_call *call)
{
    struct gateway *gateway = gateway_of_call(call);
    const struct policy *policy = gateway->snapshot->policy;
    json_int_t from = json_integer_value(json_object_get(operator_input(call), "from"));
    size_t count = policy != NULL ? policy_member_count(policy) : 0;
    size_t first = from > 0 ? (size_t)from : 0, i = first;
    json_t *members = json_array(), *output;

    for (; i < count && i < first + QUOTAS_MAX; i++)
        json_array_append_new(members, describe_quotas(gateway, i));
    output = json_pack("{s:o}", "members", members);
    if (i < count)
        json_object_set_new(output, "next", json_integer((json_int_t)i));
    operator_answer(call, 200, output);
}

/* ---- names in other folders' routes */

bool gateway_check_member(void *gateway, struct slice id, struct error *err)
{
    const struct policy *policy = ((struct gateway *)gateway)->snapshot->policy;

    if (policy == NULL)
        return error_set(err, ERROR_REFUSED,
                         "this gateway has no policy, and so no members: set policy in its "
                         "causeway.yaml");
    return policy_member_find(policy, id) != NULL ||
           error_set(err, ERROR_NOT_FOUND, "the policy in force has no member '%.*s'",
                     SLICE_ARGS(id));
}

bool gateway_check_role(void *gateway, struct slice role, struct error *err)
{
    const struct policy *policy = ((struct gateway *)gateway)->snapshot->policy;

    return (policy != NULL && policy_has_role(policy, role)) ||
           error_set(err, ERROR_NOT_FOUND, "the policy in force has no role '%.*s'",
                     SLICE_ARGS(role));
}

const struct operator_route gateway_routes[] = {
    {"/status", run_status},
    {"/reload", run_reload},
    {"/policy/list", run_policy_list},
    {"/policy/rollback", run_policy_rollback},
    {"/quota/show", run_quota_show},
    {"/quota/list", run_quota_list},
    {NULL, NULL},
};
