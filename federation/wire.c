// SPDX-License-Identifier: Apache-2.0
#include "federation/wire.h"

#include "federation/sequence.h"

#include <assert.h>
#include <inttypes.h>

#define FIELD(text, of, type, member)                                                              \
    .name = (text), .kind = (of), .offset = offsetof(struct type, member)
#define SHAPE(name, type, fields)                                                                  \
    {                                                                                              \
        name, sizeof(struct type), fields, ARRAY_SIZE(fields)                                      \
    }
#define SEQUENCES .min = 0, .max = SEQUENCE_MAX

#define KIB ((size_t)1024)

/* ---- parts */

static const struct wire_field versions_fields[] = {
    {FIELD("min", WIRE_NUMBER, wire_versions, min), .min = 1, .max = 1000},
    {FIELD("max", WIRE_NUMBER, wire_versions, max), .min = 1, .max = 1000},
};
static const struct wire_shape versions_shape = SHAPE("versions", wire_versions, versions_fields);

static const struct wire_field credit_fields[] = {
    {FIELD("items", WIRE_NUMBER, wire_credit, items), .max = 65536},
    {FIELD("bytes", WIRE_NUMBER, wire_credit, bytes), SEQUENCES},
};
static const struct wire_shape credit_shape = SHAPE("credit", wire_credit, credit_fields);

static const struct wire_field grant_fields[] = {
    {FIELD("v", WIRE_NUMBER, wire_grant, version), .min = 1, .max = 1000},
    {FIELD("bytes", WIRE_NUMBER, wire_grant, bytes), .max = WIRE_NO_LIMIT},
    {FIELD("pins", WIRE_NUMBER, wire_grant, pins), .max = WIRE_NO_LIMIT},
    {FIELD("max_object", WIRE_NUMBER, wire_grant, max_object), .max = WIRE_NO_LIMIT},
};
static const struct wire_shape grant_shape = SHAPE("grant", wire_grant, grant_fields);

static const struct wire_field item_fields[] = {
    {FIELD("key", WIRE_ULID, wire_item, key)},
    {FIELD("do", WIRE_ID, wire_item, action)},
    {FIELD("with", WIRE_JSON, wire_item, with), .max = WIRE_WITH_MAX, .is_optional = true},
};
static const struct wire_shape item_shape = SHAPE("item", wire_item, item_fields);

static const struct wire_field result_fields[] = {
    {FIELD("key", WIRE_ULID, wire_result, key)},
    {FIELD("status", WIRE_NUMBER, wire_result, status), .min = 200, .max = 599},
    {FIELD("with", WIRE_JSON, wire_result, with), .max = WIRE_WITH_MAX, .is_optional = true},
    {FIELD("message", WIRE_TEXT, wire_result, message), .max = WIRE_MESSAGE_MAX,
     .is_optional = true},
};
static const struct wire_shape result_shape = SHAPE("result", wire_result, result_fields);

/* ---- messages */

#define VERSION(type)                                                                              \
    {                                                                                              \
        FIELD("v", WIRE_VERSION, type, version), .min = WIRE_VERSION_MIN, .max = WIRE_VERSION_MAX  \
    }
#define FROM_TO(type)                                                                              \
    {FIELD("from", WIRE_INCARNATION, type, from)},                                                 \
    {                                                                                              \
        FIELD("to", WIRE_INCARNATION, type, to)                                                    \
    }
#define IGNORED(type)                                                                              \
    {                                                                                              \
        FIELD("ignored", WIRE_NUMBER, type, ignored), .max = 1000000, .is_optional = true          \
    }
#define ROOTS_OF(type)                                                                             \
    {                                                                                              \
        FIELD("roots", WIRE_BYTES, type, roots), .max = WIRE_ROOTS_MAX                             \
    }

static const struct wire_field hello_fields[] = {
    {FIELD("versions", WIRE_OBJECT, wire_hello, versions), .shape = &versions_shape},
    {FIELD("org", WIRE_ORG, wire_hello, org)},
    {FIELD("node", WIRE_ID, wire_hello, node)},
    {FIELD("features", WIRE_IDS, wire_hello, features), .max = WIRE_FEATURES_MAX},
    {FIELD("must", WIRE_IDS, wire_hello, must), .max = WIRE_FEATURES_MAX},
    {FIELD("body_max", WIRE_NUMBER, wire_hello, body_max), .min = 1024, .max = SEQUENCE_MAX},
    {FIELD("items_max", WIRE_NUMBER, wire_hello, items_max), .min = 1, .max = 65536},
    {FIELD("roots", WIRE_NUMBER, wire_hello, roots), SEQUENCES},
    {FIELD("date", WIRE_DATE, wire_hello, date_ms)},
};

static const struct wire_field join_fields[] = {
    VERSION(wire_join),
    {FIELD("link", WIRE_ULID, wire_join, link)},
    {FIELD("invite_epoch", WIRE_NUMBER, wire_join, invite_epoch), .min = 1, .max = SEQUENCE_MAX},
    {FIELD("last_epoch", WIRE_NUMBER, wire_join, last_epoch), SEQUENCES},
    {FIELD("org", WIRE_ORG, wire_join, org)},
    {FIELD("node", WIRE_ID, wire_join, node)},
    {FIELD("address", WIRE_TEXT, wire_join, address), .max = WIRE_ADDRESS_MAX, .is_optional = true},
    {FIELD("incarnation", WIRE_INCARNATION, wire_join, incarnation)},
    ROOTS_OF(wire_join),
    {FIELD("proof", WIRE_DIGEST, wire_join, proof)},
};

static const struct wire_field joined_fields[] = {
    VERSION(wire_joined),
    {FIELD("link", WIRE_ULID, wire_joined, link)},
    {FIELD("epoch", WIRE_NUMBER, wire_joined, epoch), .min = 1, .max = SEQUENCE_MAX},
    {FIELD("incarnation", WIRE_INCARNATION, wire_joined, incarnation)},
    ROOTS_OF(wire_joined),
    {FIELD("reaches", WIRE_BOOL, wire_joined, reaches), .is_optional = true},
    IGNORED(wire_joined),
};

static const char *const state_names[] = {
    [WIRE_STATE_PENDING] = "pending",     [WIRE_STATE_ACTIVE] = "active",
    [WIRE_STATE_DEGRADED] = "degraded",   [WIRE_STATE_ISOLATED] = "isolated",
    [WIRE_STATE_SUSPENDED] = "suspended", NULL,
};

static const struct wire_field heartbeat_fields[] = {
    VERSION(wire_heartbeat),
    FROM_TO(wire_heartbeat),
    {FIELD("sequence", WIRE_NUMBER, wire_heartbeat, sequence), SEQUENCES, .is_optional = true},
    {FIELD("state", WIRE_NAME, wire_heartbeat, state), .names = state_names},
    {FIELD("confirmed", WIRE_BOOL, wire_heartbeat, confirmed)},
    {FIELD("suspended", WIRE_BOOL, wire_heartbeat, suspended)},
    {FIELD("isolated", WIRE_BOOL, wire_heartbeat, isolated)},
    {FIELD("taken", WIRE_NUMBER, wire_heartbeat, taken), SEQUENCES},
    {FIELD("roots", WIRE_NUMBER, wire_heartbeat, roots), SEQUENCES},
    {FIELD("roots_known", WIRE_NUMBER, wire_heartbeat, roots_known), SEQUENCES},
    {FIELD("credit", WIRE_OBJECT, wire_heartbeat, credit), .shape = &credit_shape},
    {FIELD("load", WIRE_NUMBER, wire_heartbeat, load), .max = 100},
    {FIELD("settled", WIRE_ULID, wire_heartbeat, settled), .is_optional = true},
    {FIELD("we_store", WIRE_OBJECT, wire_heartbeat, we_store), .is_optional = true,
     .shape = &grant_shape},
    {FIELD("they_store", WIRE_OBJECT, wire_heartbeat, they_store), .is_optional = true,
     .shape = &grant_shape},
    {FIELD("draining", WIRE_BOOL, wire_heartbeat, draining), .is_optional = true},
    IGNORED(wire_heartbeat),
};

static const struct wire_field roots_fields[] = {
    VERSION(wire_roots),
    FROM_TO(wire_roots),
    {FIELD("sequence", WIRE_NUMBER, wire_roots, sequence), .min = 1, .max = SEQUENCE_MAX},
    ROOTS_OF(wire_roots),
};

static const struct wire_field batch_fields[] = {
    VERSION(wire_batch),
    FROM_TO(wire_batch),
    {FIELD("settled", WIRE_ULID, wire_batch, settled), .is_optional = true},
    {FIELD("items", WIRE_LIST, wire_batch, items), .min = 1, .max = WIRE_ITEMS_MAX,
     .shape = &item_shape},
};

static const struct wire_field results_fields[] = {
    VERSION(wire_results),
    FROM_TO(wire_results),
    {FIELD("credit", WIRE_OBJECT, wire_results, credit), .shape = &credit_shape},
    {FIELD("results", WIRE_LIST, wire_results, results), .min = 1, .max = WIRE_ITEMS_MAX,
     .shape = &result_shape},
    IGNORED(wire_results),
};

static const struct wire_field statement_fields[] = {
    VERSION(wire_statement),
    FROM_TO(wire_statement),
    {FIELD("sequence", WIRE_NUMBER, wire_statement, sequence), SEQUENCES, .is_optional = true},
    {FIELD("after", WIRE_ULID, wire_statement, after), .is_optional = true},
    {FIELD("settled", WIRE_ULID, wire_statement, settled), .is_optional = true},
    {FIELD("settled_there", WIRE_ULID, wire_statement, settled_there), .is_optional = true},
    {FIELD("page", WIRE_BYTES, wire_statement, page), .max = WIRE_PAGE_MAX, .is_optional = true},
    {FIELD("signature", WIRE_BYTES, wire_statement, signature), .max = WIRE_SIGNATURE_MAX,
     .is_optional = true},
    IGNORED(wire_statement),
};

static const char *const cause_names[] = {
    [WIRE_CAUSE_REVOKED] = "revoked",
    [WIRE_CAUSE_EXPIRED] = "expired",
    [WIRE_CAUSE_REPINNED] = "repinned",
    NULL,
};

static const struct wire_field end_fields[] = {
    VERSION(wire_end),
    {FIELD("epoch", WIRE_NUMBER, wire_end, epoch), SEQUENCES},
    {FIELD("cause", WIRE_NAME, wire_end, cause), .names = cause_names},
    {FIELD("date", WIRE_DATE, wire_end, date_ms)},
};

static const char *const problem_names[] = {
    [WIRE_PROBLEM_MALFORMED] = "malformed",
    [WIRE_PROBLEM_DATE] = "date",
    [WIRE_PROBLEM_STRANGER] = "stranger",
    [WIRE_PROBLEM_SIGNATURE] = "signature",
    [WIRE_PROBLEM_PROOF] = "proof",
    [WIRE_PROBLEM_BEHIND] = "behind",
    [WIRE_PROBLEM_USED] = "used",
    [WIRE_PROBLEM_NUMBER] = "number",
    [WIRE_PROBLEM_OLD_INCARNATION] = "old_incarnation",
    [WIRE_PROBLEM_WRONG_PARTY] = "wrong_party",
    [WIRE_PROBLEM_OLD_ROOTS] = "old_roots",
    [WIRE_PROBLEM_GONE] = "gone",
    [WIRE_PROBLEM_TOO_LARGE] = "too_large",
    [WIRE_PROBLEM_VERSION] = "version",
    [WIRE_PROBLEM_BUSY] = "busy",
    [WIRE_PROBLEM_LATER] = "later",
    [WIRE_PROBLEM_STATE] = "state",
    [WIRE_PROBLEM_DATA] = "data",
    [WIRE_PROBLEM_UNKNOWN] = "unknown",
    [WIRE_PROBLEM_POSITION] = "position",
    NULL,
};

static const struct wire_field error_fields[] = {
    {FIELD("error", WIRE_NAME, wire_error, problem), .names = problem_names},
    {FIELD("message", WIRE_TEXT, wire_error, message), .min = 1, .max = WIRE_MESSAGE_MAX},
    {FIELD("epoch", WIRE_NUMBER, wire_error, epoch), SEQUENCES, .is_optional = true},
    {FIELD("floor", WIRE_NUMBER, wire_error, floor), SEQUENCES, .is_optional = true},
    {FIELD("retry_after_s", WIRE_NUMBER, wire_error, retry_after_s), .max = 86400,
     .is_optional = true},
    {FIELD("date", WIRE_DATE, wire_error, date_ms), .is_optional = true},
    {FIELD("versions", WIRE_OBJECT, wire_error, versions), .is_optional = true,
     .shape = &versions_shape},
};

static const struct {
    struct wire_shape shape;
    size_t body_max;
} messages[WIRE_MESSAGES] = {
    [WIRE_HELLO] = {SHAPE("hello", wire_hello, hello_fields), 16 * KIB},
    [WIRE_JOIN] = {SHAPE("join", wire_join, join_fields), 16 * KIB},
    [WIRE_JOINED] = {SHAPE("joined", wire_joined, joined_fields), 16 * KIB},
    [WIRE_HEARTBEAT] = {SHAPE("heartbeat", wire_heartbeat, heartbeat_fields), 4 * KIB},
    [WIRE_ROOTS] = {SHAPE("roots", wire_roots, roots_fields), 16 * KIB},
    [WIRE_BATCH] = {SHAPE("batch", wire_batch, batch_fields), 1024 * KIB},
    [WIRE_RESULTS] = {SHAPE("results", wire_results, results_fields), 1024 * KIB},
    [WIRE_STATEMENT] = {SHAPE("statement", wire_statement, statement_fields), 160 * KIB},
    [WIRE_END] = {SHAPE("end", wire_end, end_fields), 4 * KIB},
    [WIRE_ERROR] = {SHAPE("error", wire_error, error_fields), 4 * KIB},
};

size_t wire_body_max(enum wire_message kind)
{
    assert(kind < WIRE_MESSAGES);
    return messages[kind].body_max;
}

const struct wire_shape *wire_shape(enum wire_message kind)
{
    assert(kind < WIRE_MESSAGES);
    return &messages[kind].shape;
}

bool wire_parse(enum wire_message kind, struct slice body, void *message, unsigned *unknown,
                struct error *err)
{
    return wire_read(wire_shape(kind), body, wire_body_max(kind), message, unknown, err);
}

void wire_print(enum wire_message kind, const void *message, struct text *out)
{
    wire_put(wire_shape(kind), message, out);
}

void wire_free(enum wire_message kind, void *message)
{
    wire_dispose(wire_shape(kind), message);
}

unsigned wire_problem_status(enum wire_problem problem)
{
    switch (problem) {
    case WIRE_PROBLEM_MALFORMED:
    case WIRE_PROBLEM_DATE:
    case WIRE_PROBLEM_DATA:
        return 400;
    case WIRE_PROBLEM_STRANGER:
    case WIRE_PROBLEM_SIGNATURE:
    case WIRE_PROBLEM_PROOF:
        return 403;
    case WIRE_PROBLEM_UNKNOWN:
        return 404;
    case WIRE_PROBLEM_POSITION:
    case WIRE_PROBLEM_BEHIND:
    case WIRE_PROBLEM_USED:
    case WIRE_PROBLEM_NUMBER:
    case WIRE_PROBLEM_OLD_INCARNATION:
    case WIRE_PROBLEM_WRONG_PARTY:
    case WIRE_PROBLEM_OLD_ROOTS:
        return 409;
    case WIRE_PROBLEM_GONE:
        return 410;
    case WIRE_PROBLEM_TOO_LARGE:
        return 413;
    case WIRE_PROBLEM_VERSION:
        return 426;
    case WIRE_PROBLEM_BUSY:
        return 429;
    case WIRE_PROBLEM_LATER:
    case WIRE_PROBLEM_STATE:
        return 503;
    case WIRE_PROBLEMS:
        break;
    }
    return 500;
}

const char *wire_problem_name(enum wire_problem problem)
{
    assert(problem < ARRAY_SIZE(problem_names) - 1);
    return problem_names[problem];
}

bool wire_choose_version(struct wire_versions ours, struct wire_versions theirs, uint64_t *version,
                         struct error *err)
{
    uint64_t greatest = ours.max < theirs.max ? ours.max : theirs.max;

    if (theirs.min > theirs.max)
        return error_set(err, ERROR_SYNTAX,
                         "they say that they speak version %" PRIu64 " to %" PRIu64, theirs.min,
                         theirs.max);
    if (greatest < ours.min || greatest < theirs.min)
        return error_set(err, ERROR_UNSUPPORTED,
                         "they speak version %" PRIu64 " to %" PRIu64
                         " of the link protocol, we %" PRIu64 " to %" PRIu64 "; %s must update",
                         theirs.min, theirs.max, ours.min, ours.max,
                         theirs.max < ours.min ? "they" : "we");
    *version = greatest;
    return true;
}

bool wire_check_must(const struct wire_list *must, const char *const *known, struct error *err)
{
    for (size_t i = 0; i < must->count; i++) {
        const char *id = (const char *)must->items + i * ID_SIZE;
        size_t n = 0;

        while (known[n] != NULL && strcmp(known[n], id) != 0)
            n++;
        if (known[n] == NULL)
            return error_set(err, ERROR_UNSUPPORTED,
                             "they need '%s', which is not known here; we must update", id);
    }
    return true;
}
