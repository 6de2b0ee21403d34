// SPDX-License-Identifier: Apache-2.0
/* Is a CID kept by a pin of something above it? The caller's own recursive pins are walked one
 * after the other: what others pin is theirs to know. */
#include "proxy/pins_indirect.h"

#include "conf/memory.h"

enum { PAGE = 50 };

static void read_page(struct pin_call *pins);
static void walk_next(struct pin_call *pins);

static void finish(struct pin_call *pins, const struct cid *root)
{
    pins->on_indirect(pins, root);
}

static void on_walked(void *pins_, const struct operation_result *result, const struct error *err)
{
    struct pin_call *pins = pins_;
    struct indirect *walk = &pins->indirect;

    pins->measuring = NULL;
    if (err == NULL && result->count > 0) {
        finish(pins, &walk->roots[walk->index]);
        return;
    }
    walk->index++; /* one that cannot be walked says nothing */
    walk_next(pins);
}

static void walk_next(struct pin_call *pins)
{
    struct indirect *walk = &pins->indirect;
    struct error err = {0};

    if (walk->index == walk->count) {
        if (walk->has_more)
            read_page(pins);
        else
            finish(pins, NULL);
        return;
    }
    if (!upstream_contains(pins->rpc->site->upstream, &pins->measuring, &walk->roots[walk->index],
                           &pins->cids[pins->index], on_walked, pins, &err))
        pin_call_refuse(pins, 502, "%s", err.text);
}

static void on_page(void *pins_, struct transaction *transaction)
{
    struct pin_call *pins = pins_;
    const struct pin_list *page = &transaction->pin_list;
    struct indirect *walk = &pins->indirect;

    pins->reading = NULL;
    if (transaction->err.code != ERROR_NONE) {
        pin_call_refuse(pins, 502, "pin: %s", transaction->err.text);
        return;
    }
    walk->count = walk->index = 0;
    walk->has_more = page->has_more;
    for (size_t i = 0; i < page->count; i++) {
        const struct pin_record *record = &page->records[i];

        memcpy(walk->after, record->id, sizeof(walk->after));
        if (record->held == PIN_RECURSIVE && record->state != PIN_REMOVING &&
            pin_call_read_cid(record, &walk->roots[walk->count]))
            walk->count++;
    }
    walk_next(pins);
}

static void read_page(struct pin_call *pins)
{
    struct transaction *transaction = transaction_create(TRANSACTION_PIN_LIST);

    transaction->pin_list.owner = pins->owner;
    transaction->pin_list.limit = PAGE;
    memcpy(transaction->pin_list.after, pins->indirect.after, sizeof(pins->indirect.after));
    pin_call_read(pins, transaction, on_page);
}

void pins_find_indirect(struct pin_call *pins,
                        void (*on_done)(struct pin_call *pins, const struct cid *root))
{
    struct indirect *walk = &pins->indirect;

    if (walk->roots == NULL)
        walk->roots = memory_resize_array(NULL, PAGE, sizeof(*walk->roots));
    walk->count = walk->index = 0;
    walk->after[0] = '\0';
    pins->on_indirect = on_done;
    read_page(pins);
}
