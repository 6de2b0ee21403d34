// SPDX-License-Identifier: Apache-2.0
/* The routes about tokens. What is optional has a question mark; durations are texts ("30d"), times
 * RFC 3339. A field that is not listed here is refused.
 *
 *   /token/new     {"owner", "label"?, "roles"?: [...], "expires_in"?, "pin_group"?,
 *                   "pin_expire_in"?, "pin_label"?, "pin_min_copies"?}   -> token object, "token"
 *   /token/list    {"owner"?, "after"?, "limit"?}        -> {"tokens": [...], "has_more"}, by id
 *   /token/rotate  {"id", "grace"?, "expires_in"?}                       -> token object, "token"
 *   /token/revoke  {"id"}                                                -> token object
 *
 * expires_in is "never" or a duration; without it a new token is good for a year, and a rotated one
 * as long as before. grace is how long the old secret stays good: a day, or what is asked for; "0"
 * ends every old secret, and what runs with it, at once. "token" is the new secret itself: it is
 * said this once and kept nowhere.
 *
 * pin_group, pin_expire_in, pin_label ("class=secret,project=moon") and pin_min_copies say for
 * clients that cannot (the ipfs program) whose its pins are, how long they last, how they are
 * labelled at least, and how many copies there must be of them.
 *
 * A token object: id, owner ("member:alice"), label, roles (null: not narrowed), pin_group,
 * pin_expire_in_s, pin_label, pin_min_copies (null: none), state ("active", "expired", "revoked"),
 * created, expires, rotated, old_secret_until, revoked, last_used (null: never, none). */
#include "auth/operator.h"
#include "conf/units.h"

#include <openssl/crypto.h>
#include <stdlib.h>

#define DAY_MS (UINT64_C(24) * 3600 * 1000)

enum { LIST_LIMIT = 1000 };

static const uint64_t default_lifetime_ms = 365 * DAY_MS;
static const uint64_t default_grace_ms = DAY_MS;
static const uint64_t most_ms = 36525 * DAY_MS; /* a century: no arithmetic overflows */

/* ---- reading */

/* A duration, or what is said if the field is missing. */
static bool read_duration(const json_t *input, const char *name, uint64_t missing_ms,
                          uint64_t *duration_ms, struct error *err)
{
    struct slice text = operator_text(input, name);

    *duration_ms = missing_ms;
    if (text.data == NULL)
        return true;
    if (!units_parse_duration(text, duration_ms, err))
        return error_prefix(err, "%s", name);
    if (*duration_ms > most_ms)
        return error_set(err, ERROR_LIMIT, "%s: '%.*s' is more than a century", name,
                         SLICE_ARGS(text));
    return true;
}

/* When a token ends that is given its expires_in now; 0: never. */
static bool read_expiry(const json_t *input, uint64_t now_ms, uint64_t *expires_ms,
                        struct error *err)
{
    uint64_t lifetime_ms;

    *expires_ms = 0;
    if (slice_is(operator_text(input, "expires_in"), "never"))
        return true;
    if (!read_duration(input, "expires_in", default_lifetime_ms, &lifetime_ms, err))
        return false;
    if (lifetime_ms == 0)
        return error_set(err, ERROR_SYNTAX,
                         "expires_in: a token that has expired already is of no use; write 30d, "
                         "12h or never");
    *expires_ms = now_ms + lifetime_ms;
    return true;
}

static bool read_id(const json_t *input, char id[TOKEN_ID_SIZE], struct error *err)
{
    struct slice text = operator_text(input, "id");

    if (!token_id_is_valid(text)) /* not repeated: it may be a whole token */
        return error_set(err, ERROR_SYNTAX,
                         "id must be a token's id: 10 letters of a-z and 2-7, as in cw1_ID_...");
    memcpy(id, text.data, TOKEN_ID_SIZE - 1);
    id[TOKEN_ID_SIZE - 1] = '\0';
    return true;
}

/* *owner stays empty if it is missing. */
static bool read_owner(const json_t *input, char owner[ID_SIZE], struct error *err)
{
    struct slice text = operator_text(input, "owner");

    if (text.data == NULL)
        return true;
    if (!id_check(text, "owner", err))
        return false;
    memcpy(owner, text.data, text.size);
    return true;
}

/* Controls of ASCII and of Latin-1 (in UTF-8), which a terminal would obey. */
static bool has_control(struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];

        if (c < 0x20 || c == 0x7f ||
            (c == 0xc2 && i + 1 < text.size && (unsigned char)text.data[i + 1] < 0xa0))
            return true;
    }
    return false;
}

static bool read_label(const json_t *input, struct transaction *transaction, struct error *err)
{
    struct slice label = operator_text(input, "label");

    if (label.size > TOKEN_LABEL_MAX)
        return error_set(err, ERROR_LIMIT, "the label has %zu bytes; %d are allowed", label.size,
                         TOKEN_LABEL_MAX);
    if (has_control(label))
        return error_set(err, ERROR_SYNTAX, "the label must be one line without controls");
    transaction->token_add.record.label = transaction_copy(transaction, label);
    return true;
}

static bool check_role(const struct operator_site *site, const json_t *roles, size_t at,
                       struct error *err)
{
    const json_t *value = json_array_get(roles, at);
    struct slice role = {json_string_value(value), json_string_length(value)};

    if (role.data == NULL)
        return error_set(err, ERROR_SYNTAX, "roles must be texts");
    if (!id_check(role, "role", err))
        return false;
    for (size_t i = 0; i < at; i++)
        if (json_equal(json_array_get(roles, i), value))
            return error_set(err, ERROR_SYNTAX, "the role '%.*s' is given twice", SLICE_ARGS(role));
    return site->check_role == NULL || site->check_role(site->policy, role, err);
}

static bool read_roles(const struct operator_site *site, const json_t *input,
                       struct transaction *transaction, struct error *err)
{
    const json_t *roles = json_object_get(input, "roles");
    struct text joined = {0};
    bool is_read = true;

    if (roles == NULL)
        return true;
    if (json_array_size(roles) == 0 || json_array_size(roles) > TOKEN_ROLES_MAX)
        return error_set(err, ERROR_LIMIT,
                         "a token is narrowed to 1 to %d roles; without roles it is not narrowed",
                         TOKEN_ROLES_MAX);
    for (size_t i = 0; is_read && i < json_array_size(roles); i++) {
        is_read = check_role(site, roles, i, err);
        text_put_text(&joined, i == 0 ? "" : " ");
        if (is_read)
            text_put_text(&joined, json_string_value(json_array_get(roles, i)));
    }
    if (is_read && joined.size >= TOKEN_ROLES_SIZE)
        is_read = error_set(err, ERROR_LIMIT,
                            "the names of the roles have %zu bytes; %d are "
                            "allowed",
                            joined.size, TOKEN_ROLES_SIZE - 1);
    if (is_read)
        transaction->token_add.record.roles = transaction_copy(transaction, text_slice(&joined));
    text_dispose(&joined);
    return is_read;
}

/* "NAME=VALUE,...". Whether the policy knows them is asked when it pins. */
static bool read_pin_label(const json_t *input, struct transaction *add, struct error *err)
{
    struct slice labels = operator_text(input, "pin_label"), left = labels;

    if (labels.data == NULL)
        return true;
    if (labels.size > PIN_LABELS_MAX)
        return error_set(err, ERROR_LIMIT, "pin_label has %zu bytes; %d are allowed", labels.size,
                         PIN_LABELS_MAX);
    while (left.size > 0 || labels.size == 0) {
        const char *comma = left.size > 0 ? memchr(left.data, ',', left.size) : NULL;
        size_t size = comma == NULL ? left.size : (size_t)(comma - left.data);
        const char *equal = size > 0 ? memchr(left.data, '=', size) : NULL;

        if (equal == NULL || equal == left.data || equal + 1 == left.data + size)
            return error_set(err, ERROR_SYNTAX,
                             "pin_label: write NAME=VALUE, such as class=secret; several are "
                             "joined by commas");
        size += comma != NULL;
        left = (struct slice){left.data + size, left.size - size};
    }
    add->token_add.record.pin_labels = transaction_copy(add, labels);
    return true;
}

static bool read_pin_copies(const json_t *input, struct token_record *record, struct error *err)
{
    const json_t *number = json_object_get(input, "pin_min_copies");
    json_int_t value = json_integer_value(number);

    if (number == NULL)
        return true;
    if (value < 1 || value > PIN_COPIES_MAX)
        return error_set(err, ERROR_LIMIT, "pin_min_copies: 1 to %d", PIN_COPIES_MAX);
    record->pin_min_copies = (uint32_t)value;
    return true;
}

/* Whose its pins are, and for how long. Whether its owner is in the group is asked when it pins. */
static bool read_pins(const json_t *input, struct transaction *add, struct error *err)
{
    struct slice group = operator_text(input, "pin_group");
    struct token_record *record = &add->token_add.record;

    if (group.data != NULL && !id_check(group, "pin_group", err))
        return false;
    if (group.data != NULL)
        record->pin_group = transaction_copy(add, group);
    return read_duration(input, "pin_expire_in", 0, &record->pin_expire_ms, err) &&
           read_pin_label(input, add, err) && read_pin_copies(input, record, err);
}

/* ---- answering */

/* null for 0. */
static json_t *time_of(uint64_t unix_ms)
{
    char time[UNITS_TIMESTAMP_SIZE];

    return unix_ms == 0 ? json_null() : json_string(units_print_timestamp(time, unix_ms));
}

/* A label that is no UTF-8 was not written by us: the ledger is damaged, and a list is still due.
 */
static json_t *label_of(struct slice label)
{
    json_t *text = json_stringn(label.size > 0 ? label.data : "", label.size);

    return text != NULL ? text : json_string("(damaged)");
}

static json_t *roles_of(struct slice roles)
{
    json_t *array;

    if (roles.size == 0)
        return json_null();
    array = json_array();
    while (roles.size > 0) {
        const char *space = memchr(roles.data, ' ', roles.size);
        size_t size = space != NULL ? (size_t)(space - roles.data) : roles.size;
        size_t used = space != NULL ? size + 1 : size;

        json_array_append_new(array, json_stringn(roles.data, size));
        roles = (struct slice){roles.data + used, roles.size - used};
    }
    return array;
}

static json_t *seconds_of(uint64_t milliseconds)
{
    return milliseconds == 0 ? json_null() : json_integer((json_int_t)(milliseconds / 1000));
}

static json_t *group_of(struct slice group)
{
    return group.size == 0 ? json_null() : json_stringn(group.data, group.size);
}

static const char *state_of(const struct token_record *record, uint64_t now_ms)
{
    if (record->revoked_ms != 0)
        return "revoked";
    return record_has_expired(record->expires_ms, now_ms) ? "expired" : "active";
}

static json_t *object_of(const struct token_record *record, uint64_t now_ms)
{
    char owner[ID_SIZE + 16];
    uint64_t old_until_ms = record->old_until_ms > now_ms ? record->old_until_ms : 0;

    snprintf(owner, sizeof(owner), "%s:%s", owner_kind_name(record->owner_kind), record->owner);
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o}",
                     "id", record->id, "owner", owner, "label", label_of(record->label), "roles",
                     roles_of(record->roles), "pin_group", group_of(record->pin_group),
                     "pin_expire_in_s", seconds_of(record->pin_expire_ms), "pin_label",
                     group_of(record->pin_labels), "pin_min_copies",
                     record->pin_min_copies == 0 ? json_null()
                                                 : json_integer((json_int_t)record->pin_min_copies),
                     "state", state_of(record, now_ms), "created", time_of(record->created_ms),
                     "expires", time_of(record->expires_ms), "rotated", time_of(record->rotated_ms),
                     "old_secret_until", time_of(old_until_ms), "revoked",
                     time_of(record->revoked_ms), "last_used", time_of(record->used_ms));
}

static void answer_record(struct operator_call *call, const struct token_record *record,
                          char *secret_text)
{
    json_t *object = object_of(record, operator_now_ms(call));

    if (secret_text != NULL) {
        json_object_set_new(object, "token", json_string(secret_text));
        OPENSSL_cleanse(secret_text, TOKEN_TEXT_SIZE);
    }
    operator_answer(call, 200, object);
}

/* ---- the routes. The text of a new secret waits in the transaction's arena, and is wiped there
 * once it is said; a call that was canceled is answered all the same, to nobody. */

static char *secret_room(struct operator_call *call, struct transaction *transaction)
{
    return *operator_context(call) = arena_alloc(&transaction->arena, TOKEN_TEXT_SIZE);
}

static void on_added(struct operator_call *call, struct transaction *transaction)
{
    answer_record(call, &transaction->token_add.record, *operator_context(call));
}

static bool read_new(struct operator_call *call, struct transaction *add, struct error *err)
{
    static const char *const fields[] = {"\"owner",      "\"label",         "[roles",
                                         "\"expires_in", "\"pin_group",     "\"pin_expire_in",
                                         "\"pin_label",  "#pin_min_copies", NULL};
    const struct operator_site *site = operator_site(call);
    struct token_record *record = &add->token_add.record;
    const json_t *input = operator_input(call);

    record->owner_kind = OWNER_MEMBER;
    record->created_ms = operator_now_ms(call);
    if (!operator_check_fields(input, fields, err) || !read_owner(input, record->owner, err) ||
        !read_expiry(input, record->created_ms, &record->expires_ms, err) ||
        !read_label(input, add, err) || !read_roles(site, input, add, err) ||
        !read_pins(input, add, err))
        return false;
    if (record->owner[0] == '\0')
        return error_set(err, ERROR_SYNTAX, "owner is missing: whose token is it?");
    return site->check_member == NULL ||
           site->check_member(site->policy, slice_of(record->owner), err);
}

static void run_new(struct operator_call *call)
{
    struct transaction *add = transaction_create(TRANSACTION_TOKEN_ADD);
    struct token_record *record = &add->token_add.record;
    struct error err = {0};

    if (!read_new(call, add, &err)) {
        transaction_destroy(&add);
        operator_refuse_error(call, &err);
        return;
    }
    token_draw(record->id, secret_room(call, add), record->secret_hash);
    operator_transact(call, add, on_added);
}

static void on_listed(struct operator_call *call, struct transaction *transaction)
{
    const struct token_list *page = &transaction->token_list;
    json_t *tokens = json_array();

    for (size_t i = 0; i < page->count; i++)
        json_array_append_new(tokens, object_of(&page->records[i], operator_now_ms(call)));
    operator_answer(call, 200,
                    json_pack("{s:o, s:b}", "tokens", tokens, "has_more", (int)page->has_more));
}

static bool read_list(const json_t *input, struct token_list *list, struct error *err)
{
    static const char *const fields[] = {"\"owner", "\"after", "#limit", NULL};
    const json_t *limit = json_object_get(input, "limit");
    struct slice after = operator_text(input, "after");

    list->owner_kind = OWNER_MEMBER;
    if (!operator_check_fields(input, fields, err) || !read_owner(input, list->owner, err))
        return false;
    if (limit != NULL && (json_integer_value(limit) < 1 || json_integer_value(limit) > LIST_LIMIT))
        return error_set(err, ERROR_LIMIT, "limit must be from 1 to %d", LIST_LIMIT);
    list->limit = limit != NULL ? (size_t)json_integer_value(limit) : LIST_LIMIT;
    if (after.data != NULL && !token_id_is_valid(after))
        return error_set(err, ERROR_SYNTAX, "after must be a token's id");
    if (after.data != NULL)
        memcpy(list->after, after.data, after.size);
    return true;
}

static void run_list(struct operator_call *call)
{
    struct transaction *list = transaction_create(TRANSACTION_TOKEN_LIST);
    struct error err = {0};

    if (read_list(operator_input(call), &list->token_list, &err)) {
        operator_transact(call, list, on_listed);
        return;
    }
    transaction_destroy(&list);
    operator_refuse_error(call, &err);
}

static void on_rotated(struct operator_call *call, struct transaction *transaction)
{
    answer_record(call, &transaction->token_rotate.record, *operator_context(call));
}

static bool read_rotate(const json_t *input, uint64_t now_ms, struct token_rotate *rotate,
                        struct error *err)
{
    static const char *const fields[] = {"\"id", "\"grace", "\"expires_in", NULL};
    uint64_t grace_ms;

    if (!operator_check_fields(input, fields, err) || !read_id(input, rotate->id, err) ||
        !read_duration(input, "grace", default_grace_ms, &grace_ms, err))
        return false;
    rotate->now_ms = now_ms;
    rotate->old_until_ms = grace_ms == 0 ? 0 : now_ms + grace_ms;
    rotate->sets_expiry = json_object_get(input, "expires_in") != NULL;
    return !rotate->sets_expiry || read_expiry(input, now_ms, &rotate->expires_ms, err);
}

static void run_rotate(struct operator_call *call)
{
    struct transaction *transaction = transaction_create(TRANSACTION_TOKEN_ROTATE);
    struct token_rotate *rotate = &transaction->token_rotate;
    struct error err = {0};

    if (!read_rotate(operator_input(call), operator_now_ms(call), rotate, &err)) {
        transaction_destroy(&transaction);
        operator_refuse_error(call, &err);
        return;
    }
    token_draw_secret(rotate->id, secret_room(call, transaction), rotate->secret_hash);
    operator_transact(call, transaction, on_rotated);
}

static void on_revoked(struct operator_call *call, struct transaction *transaction)
{
    answer_record(call, &transaction->token_revoke.record, NULL);
}

static void run_revoke(struct operator_call *call)
{
    static const char *const fields[] = {"\"id", NULL};
    struct transaction *revoke = transaction_create(TRANSACTION_TOKEN_REVOKE);
    const json_t *input = operator_input(call);
    struct error err = {0};

    revoke->token_revoke.now_ms = operator_now_ms(call);
    if (operator_check_fields(input, fields, &err) &&
        read_id(input, revoke->token_revoke.id, &err)) {
        operator_transact(call, revoke, on_revoked);
        return;
    }
    transaction_destroy(&revoke);
    operator_refuse_error(call, &err);
}

const struct operator_route auth_routes[] = {
    {"/token/new", run_new},
    {"/token/list", run_list},
    {"/token/rotate", run_rotate},
    {"/token/revoke", run_revoke},
    {NULL, NULL},
};
