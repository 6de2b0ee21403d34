// SPDX-License-Identifier: Apache-2.0
#include "proxy/quota_store.h"

#include <string.h>

enum { PAGE = 500, KEEP_EVERY_MS = 1000, KEEP_MAX = 1000 };

/* ---- at the start */

/* What does not add up is put right before anybody is charged. */
static bool recount(struct store *store, struct log_writer *messages, struct error *err)
{
    struct transaction *recount = transaction_create(TRANSACTION_USAGE_RECOUNT);
    bool is_fine;

    recount->usage_recount.repairs = true;
    is_fine = store_run(store, recount, err);
    if (is_fine && recount->usage_recount.different > 0)
        log_message(messages, LOG_LEVEL_ERROR,
                    "the ledger's usage of %llu accounts did not add up, and was counted again",
                    (unsigned long long)recount->usage_recount.different);
    transaction_destroy(&recount);
    return is_fine;
}

static bool load_org(struct accounts *accounts, struct store *store, struct error *err)
{
    struct transaction *get = transaction_create(TRANSACTION_USAGE_GET);
    bool is_fine;

    get->usage_get.is_org = true;
    is_fine = store_run(store, get, err);
    if (is_fine)
        accounts_set_usage(accounts, NULL, &get->usage_get.usage);
    transaction_destroy(&get);
    return is_fine;
}

/* A page; *after becomes the last owner of it. */
static bool load_owners(struct accounts *accounts, struct store *store, struct owner *after,
                        bool *has_more, struct error *err)
{
    struct transaction *list = transaction_create(TRANSACTION_OWNER_LIST);
    bool is_fine;

    list->owner_list.after = *after;
    list->owner_list.limit = PAGE;
    is_fine = store_run(store, list, err);
    *has_more = is_fine && list->owner_list.has_more;
    for (size_t i = 0; is_fine && i < list->owner_list.count; i++) {
        const struct owner_entry *entry = &list->owner_list.entries[i];

        accounts_set_usage(accounts, &entry->owner, &entry->usage);
        *after = entry->owner;
    }
    transaction_destroy(&list);
    return is_fine;
}

static bool load_windows(struct accounts *accounts, struct store *store, struct transaction **last,
                         bool *has_more, struct error *err)
{
    struct transaction *list = transaction_create(TRANSACTION_WINDOW_LIST);
    struct window_list *page = &list->window_list;
    bool is_fine;

    if (*last != NULL)
        page->after = (*last)->window_list.records[(*last)->window_list.count - 1];
    page->limit = PAGE;
    is_fine = store_run(store, list, err);
    *has_more = is_fine && page->has_more;
    for (size_t i = 0; is_fine && i < page->count; i++)
        accounts_restore(accounts, &page->records[i], accounts_now_ms(accounts));
    transaction_destroy(last);
    *last = list;
    return is_fine;
}

bool quota_store_load(struct accounts *accounts, struct store *store, struct log_writer *messages,
                      struct error *err)
{
    struct transaction *last = NULL;
    struct owner after = {0};
    bool has_more = true;
    bool is_fine = recount(store, messages, err) && load_org(accounts, store, err);

    while (is_fine && has_more)
        is_fine = load_owners(accounts, store, &after, &has_more, err);
    has_more = true;
    while (is_fine && has_more)
        is_fine = load_windows(accounts, store, &last, &has_more, err);
    transaction_destroy(&last);
    return is_fine;
}

/* ---- each second */

/* What was counted behind the save makes the window dirty again. */
static void save(struct transaction *put, struct window_record *record,
                 struct accounts_window *window)
{
    char *image = arena_alloc(&put->arena, QUOTA_WINDOW_IMAGE_SIZE);

    atomic_store(&window->is_dirty, false);
    quota_window_save(&window->window, (uint8_t *)image);
    *record = (struct window_record){.scope = slice_of(window->quota),
                                     .id = slice_of(window->whom),
                                     .dimension = slice_of(window->dimension),
                                     .bytes = {image, QUOTA_WINDOW_IMAGE_SIZE}};
}

/* At most so many at once; the rest in the next second. */
static void keep(struct quota_keeper *keeper)
{
    struct transaction *put = transaction_create(TRANSACTION_WINDOW_PUT);
    struct window_record *records = arena_alloc(&put->arena, KEEP_MAX * sizeof(*records));
    struct accounts_window *windows[KEEP_MAX];
    struct error err = {0};
    size_t count = 0;

    if (keeper->waiting == NULL)
        keeper->waiting = accounts_collect(keeper->accounts);
    while (keeper->waiting != NULL && count < KEEP_MAX) {
        windows[count] = keeper->waiting;
        keeper->waiting = windows[count]->next_dirty;
        save(put, &records[count], windows[count]);
        count++;
    }
    put->window_put.windows = records;
    put->window_put.count = count;
    if (count > 0 && store_start(keeper->store, NULL, put, NULL, NULL, &err))
        return;
    for (size_t i = 0; i < count; i++)
        accounts_touch(keeper->accounts, windows[i]); /* the queue is full: in the next second */
    transaction_destroy(&put);
}

static void on_second(struct timer *timer)
{
    struct quota_keeper *keeper = CONTAINER_OF(timer, struct quota_keeper, timer);

    keep(keeper);
    timer_arm(keeper->loop, timer, KEEP_EVERY_MS);
}

void quota_keeper_start(struct quota_keeper *keeper, struct loop *loop, struct store *store,
                        struct accounts *accounts)
{
    *keeper = (struct quota_keeper){
        .timer = {.fire = on_second}, .loop = loop, .store = store, .accounts = accounts};
    timer_arm(loop, &keeper->timer, KEEP_EVERY_MS);
}

void quota_keeper_stop(struct quota_keeper *keeper)
{
    if (keeper->loop == NULL)
        return;
    timer_disarm(&keeper->timer);
    do
        keep(keeper);
    while (keeper->waiting != NULL);
    keeper->loop = NULL;
}
