// SPDX-License-Identifier: Apache-2.0
#include "store/transaction.h"

#include "conf/memory.h"
#include "store/pending.h"

#include <assert.h>
#include <stdlib.h>

static const struct {
    const char *text;
    bool writes;
} names[] = {
    [TRANSACTION_TOKEN_ADD] = {"token-add", true},
    [TRANSACTION_TOKEN_GET] = {"token-get", false},
    [TRANSACTION_TOKEN_LIST] = {"token-list", false},
    [TRANSACTION_TOKEN_ROTATE] = {"token-rotate", true},
    [TRANSACTION_TOKEN_REVOKE] = {"token-revoke", true},
    [TRANSACTION_TOKEN_USED] = {"token-used", true},
    [TRANSACTION_TOKEN_PURGE] = {"token-purge", true},
    [TRANSACTION_AUDIT_HEAD_GET] = {"audit-head-get", false},
    [TRANSACTION_AUDIT_HEAD_SET] = {"audit-head-set", true},
    [TRANSACTION_POLICY_PUT] = {"policy-put", true},
    [TRANSACTION_POLICY_GET] = {"policy-get", false},
    [TRANSACTION_POLICY_LIST] = {"policy-list", false},
    [TRANSACTION_POLICY_ACTIVATE] = {"policy-activate", true},
    [TRANSACTION_OBJECT_GET] = {"object-get", false},
    [TRANSACTION_OBJECT_PUT] = {"object-put", true},
    [TRANSACTION_OBJECT_LIST] = {"object-list", false},
    [TRANSACTION_PIN_ADD] = {"pin-add", true},
    [TRANSACTION_PIN_CONFIRM] = {"pin-confirm", true},
    [TRANSACTION_PIN_EDIT] = {"pin-edit", true},
    [TRANSACTION_PIN_FAIL] = {"pin-fail", true},
    [TRANSACTION_PIN_MARK] = {"pin-mark", true},
    [TRANSACTION_PIN_TRANSFER] = {"pin-transfer", true},
    [TRANSACTION_PIN_REMOVE] = {"pin-remove", true},
    [TRANSACTION_PIN_LIST] = {"pin-list", false},
    [TRANSACTION_PIN_EXPIRED] = {"pin-expired", false},
    [TRANSACTION_OWNER_LIST] = {"owner-list", false},
    [TRANSACTION_OWNER_MARK] = {"owner-mark", true},
    [TRANSACTION_USAGE_GET] = {"usage-get", false},
    [TRANSACTION_USAGE_RECOUNT] = {"usage-recount", true},
    [TRANSACTION_JOURNAL_OPEN] = {"journal-open", true},
    [TRANSACTION_JOURNAL_CLOSE] = {"journal-close", true},
    [TRANSACTION_JOURNAL_LIST] = {"journal-list", false},
    [TRANSACTION_WINDOW_PUT] = {"window-put", true},
    [TRANSACTION_WINDOW_LIST] = {"window-list", false},
    [TRANSACTION_DENY_ADD] = {"deny-add", true},
    [TRANSACTION_DENY_REMOVE] = {"deny-remove", true},
    [TRANSACTION_DENY_LIST] = {"deny-list", false},
    [TRANSACTION_DENY_FIND] = {"deny-find", false},
    [TRANSACTION_MEMBER_SUSPEND] = {"member-suspend", true},
    [TRANSACTION_MEMBER_RESUME] = {"member-resume", true},
    [TRANSACTION_MEMBER_LIST] = {"member-list", false},
    [TRANSACTION_LINK_PUT] = {"link-put", true},
    [TRANSACTION_LINK_GET] = {"link-get", false},
    [TRANSACTION_LINK_LIST] = {"link-list", false},
    [TRANSACTION_LINK_EVENT_ADD] = {"link-event-add", true},
    [TRANSACTION_LINK_EVENT_LIST] = {"link-event-list", false},
    [TRANSACTION_SEQUENCE_CLAIM] = {"sequence-claim", true},
    [TRANSACTION_SEQUENCE_LIST] = {"sequence-list", false},
    [TRANSACTION_REPLY_PUT] = {"reply-put", true},
    [TRANSACTION_REPLY_SETTLE] = {"reply-settle", true},
    [TRANSACTION_REPLY_LIST] = {"reply-list", false},
    [TRANSACTION_ALLOCATION_PUT] = {"allocation-put", true},
    [TRANSACTION_ALLOCATION_GET] = {"allocation-get", false},
    [TRANSACTION_ALLOCATION_LIST] = {"allocation-list", false},
    [TRANSACTION_ALLOCATION_REMOVE] = {"allocation-remove", true},
    [TRANSACTION_ALLOCATION_SUM] = {"allocation-sum", false},
};

_Static_assert(ARRAY_SIZE(names) == TRANSACTION_COUNT, "every transaction has a row");

struct transaction *transaction_create(enum transaction_name name)
{
    struct pending *pending = memory_alloc(sizeof(*pending));

    assert((size_t)name < ARRAY_SIZE(names));
    pending->transaction.name = name;
    return &pending->transaction;
}

void transaction_destroy(struct transaction **transaction_ptr)
{
    struct transaction *transaction = *transaction_ptr;

    if (transaction == NULL)
        return;
    *transaction_ptr = NULL;
    arena_dispose(&transaction->arena);
    free(pending_of(transaction));
}

struct slice transaction_copy(struct transaction *transaction, struct slice s)
{
    if (s.size == 0)
        return (struct slice){0};
    return (struct slice){arena_copy(&transaction->arena, s.data, s.size), s.size};
}

const char *transaction_text(enum transaction_name name)
{
    assert((size_t)name < ARRAY_SIZE(names));
    return names[name].text;
}

bool transaction_writes(enum transaction_name name)
{
    assert((size_t)name < ARRAY_SIZE(names));
    return names[name].writes;
}
