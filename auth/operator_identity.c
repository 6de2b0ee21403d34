// SPDX-License-Identifier: Apache-2.0
/* The routes about the organization's identity on links. What is optional has a question mark; a
 * field that is not listed is refused.
 *
 *   /identity/rotate  {"what", "passphrase"?, "next_passphrase"?, "force"?: bool}  -> identity,
 *                     "what", "said", "next"
 *
 * what: "leaf", "issuer", "root" (its next stage) or "signing-key". passphrase: of the root that is
 * in force; next_passphrase: of the next one, and if it is missing the same. said: what was done;
 * next: what is to be done next, by whom and when.
 *
 * An identity: org, node, roots (the number of the roots document), root {hash, until}, next_root
 * and old_root (hash, or null), issuer {until} and leaf {until} (null: none of use),
 * has_signing_key, due [{what, since, needs_root}]. */
#include "auth/identity_keeper.h"
#include "auth/operator.h"
#include "conf/units.h"

/* ---- saying */

static json_t *time_of(int64_t at_s)
{
    char text[UNITS_TIMESTAMP_SIZE];

    return json_string(units_print_timestamp(text, (uint64_t)at_s * 1000));
}

static json_t *hash_of(const struct root *root)
{
    char text[2 * KEY_HASH_SIZE + 1];

    for (size_t i = 0; i < KEY_HASH_SIZE; i++)
        snprintf(text + 2 * i, 3, "%02x", root->hash[i]);
    return json_string(text);
}

static json_t *describe_root(const struct root *root)
{
    struct error ignored = {0};
    X509 *certificate = ca_read_der(root->der, &ignored);
    json_t *object = json_pack("{s:o}", "hash", hash_of(root));

    if (certificate != NULL)
        json_object_set_new(object, "until", time_of(ca_until_s(certificate)));
    X509_free(certificate);
    return object;
}

static json_t *describe_certificate(const X509 *certificate)
{
    return certificate == NULL ? json_null()
                               : json_pack("{s:o}", "until", time_of(ca_until_s(certificate)));
}

static json_t *describe_due(const struct renewal_plan *plan)
{
    json_t *due = json_array();

    for (size_t i = 0; i < RENEWALS; i++) {
        const struct renewal_item *item = &plan->items[i];

        if (item->is_due && !item->is_blocked)
            json_array_append_new(
                due, json_pack("{s:s,s:o,s:b}", "what", renewal_name((enum renewal_what)i), "since",
                               time_of(item->due_s), "needs_root", item->needs_root));
    }
    return due;
}

json_t *operator_describe_identity(const struct identity_keeper *keeper)
{
    const struct identity_view *view = identity_keeper_view(keeper);
    const struct roots *roots = &view->roots;

    return json_pack("{s:s,s:s,s:I,s:o,s:o,s:o,s:o,s:o,s:b,s:o}", "org", view->id.org, "node",
                     view->id.node, "roots", (json_int_t)roots->sequence, "root",
                     describe_root(&roots->roots[0]), "next_root",
                     roots->next_count > 0 ? hash_of(&roots->next[0]) : json_null(), "old_root",
                     roots->root_count > 1 ? hash_of(&roots->roots[1]) : json_null(), "issuer",
                     describe_certificate(view->issuer), "leaf", describe_certificate(view->leaf),
                     "has_signing_key", view->signing_key != NULL, "due",
                     describe_due(identity_keeper_plan(keeper)));
}

/* ---- the routes */

/* NULL: refused. */
static struct identity_keeper *keeper_of(struct operator_call *call)
{
    const struct operator_site *site = operator_site(call);

    if (site->keeper == NULL)
        operator_refuse(call, 409, "%s",
                        site->links_missing != NULL
                            ? site->links_missing
                            : "this gateway has no links: causeway.yaml has no listen.partners");
    return site->keeper;
}

static const char *const whats[] = {
    [IDENTITY_LEAF] = "leaf",
    [IDENTITY_ISSUER] = "issuer",
    [IDENTITY_ROOT] = "root",
    [IDENTITY_SIGNING_KEY] = "signing-key",
};

static bool read_order(const json_t *input, struct identity_order *order, struct error *err)
{
    static const char *const fields[] = {"\"what", "\"passphrase", "\"next_passphrase", "?force",
                                         NULL};
    struct slice what = operator_text(input, "what");
    size_t i = 0;

    if (!operator_check_fields(input, fields, err))
        return false;
    while (i < ARRAY_SIZE(whats) && !slice_is(what, whats[i]))
        i++;
    if (i == ARRAY_SIZE(whats))
        return error_set(err, ERROR_SYNTAX,
                         "'what' must be leaf, issuer, root or signing-key, and is '%.*s'",
                         (int)(what.size < 64 ? what.size : 64), what.data);
    *order = (struct identity_order){.what = (enum identity_rotation)i,
                                     .passphrase = operator_text(input, "passphrase"),
                                     .next_passphrase = operator_text(input, "next_passphrase"),
                                     .is_forced = json_is_true(json_object_get(input, "force"))};
    if (order->next_passphrase.data == NULL)
        order->next_passphrase = order->passphrase;
    return true;
}

static void on_rotated(void *arg, const struct identity_outcome *outcome)
{
    struct operator_call *call = arg;
    json_t *output;

    if (outcome->err != NULL) {
        operator_refuse_error(call, outcome->err);
        return;
    }
    output = operator_describe_identity(operator_site(call)->keeper);
    json_object_set(output, "what", json_object_get(operator_input(call), "what"));
    json_object_set_new(output, "said", json_string(outcome->did));
    json_object_set_new(output, "next", json_string(outcome->next));
    operator_answer(call, 200, output);
}

static void run_rotate(struct operator_call *call)
{
    struct identity_keeper *keeper = keeper_of(call);
    struct identity_order order;
    struct error err = {0};

    if (keeper == NULL)
        return;
    if (!read_order(operator_input(call), &order, &err) ||
        !identity_keeper_rotate(keeper, &order, on_rotated, call, &err))
        operator_refuse_error(call, &err);
}

const struct operator_route identity_routes[] = {
    {"/identity/rotate", run_rotate},
    {NULL, NULL},
};
