// SPDX-License-Identifier: Apache-2.0
#include "proxy/upload_intent.h"

#include "conf/memory.h"
#include "proxy/clock.h"

#include <stdlib.h>

/* It lives until the ledger has answered, also if its upload ended before. */
struct upload_intent {
    const struct context *context;
    bool is_answered, is_closed;
    uint64_t number; /* in the journal; 0: it does not stand there */
    upload_intent_done on_open;
    void *arg;
};

/* Nobody waits for it: an entry that stays open is closed by the next start. */
static void end(struct upload_intent *intent)
{
    struct transaction *transaction;
    struct error ignored = {0};

    if (intent->number != 0 && intent->context->store != NULL) {
        transaction = transaction_create(TRANSACTION_JOURNAL_CLOSE);
        transaction->journal_close.number = intent->number;
        if (!store_start(intent->context->store, NULL, transaction, NULL, NULL, &ignored))
            transaction_destroy(&transaction);
    }
    free(intent);
}

static void on_opened(void *intent_, struct transaction *transaction)
{
    struct upload_intent *intent = intent_;
    const struct error *err = transaction->err.code == ERROR_NONE ? NULL : &transaction->err;

    intent->is_answered = true;
    if (err == NULL)
        intent->number = transaction->journal_open.record.number;
    if (intent->is_closed)
        end(intent);
    else
        intent->on_open(intent->arg, err);
}

bool upload_intent_open(struct upload_intent **result, const struct site *site,
                        const struct owner *owner, const char *command, upload_intent_done on_open,
                        void *arg, struct error *err)
{
    struct transaction *transaction = transaction_create(TRANSACTION_JOURNAL_OPEN);
    struct upload_intent *intent = memory_alloc(sizeof(*intent));
    struct text detail = {0};

    *intent = (struct upload_intent){.context = site->context, .on_open = on_open, .arg = arg};
    text_put_format(&detail, "%s of %s %s", command, owner_kind_name(owner->kind), owner->id);
    transaction->journal_open.record =
        (struct journal_record){.opened_ms = clock_wall_ms(),
                                .kind = SLICE("upload"),
                                .detail = transaction_copy(transaction, text_slice(&detail))};
    text_dispose(&detail);
    if (store_start(site->context->store, site->loop, transaction, on_opened, intent, err)) {
        *result = intent;
        return true;
    }
    transaction_destroy(&transaction);
    free(intent);
    return false;
}

void upload_intent_close(struct upload_intent **intent_ptr)
{
    struct upload_intent *intent = *intent_ptr;

    if (intent == NULL)
        return;
    *intent_ptr = NULL;
    intent->is_closed = true;
    if (intent->is_answered)
        end(intent);
}
