// SPDX-License-Identifier: Apache-2.0
#include "upstream/sweep.h"

#include "conf/log.h"
#include "conf/memory.h"
#include "ipfs/cid_set.h"

#include <assert.h>
#include <openssl/rand.h>
#include <stdlib.h>

enum {
    PAGE = 1000,
    REPAIRS_MAX = 32, /* looked at side by side */
    EXAMPLES_OF_KIND = SWEEP_EXAMPLES / SWEEP_KIND_COUNT,
};

struct repair {
    struct sweep *sweep;
    struct tracker_call *call; /* NULL: free */
    struct cid cid;
};

enum phase { PHASE_IDLE, PHASE_LEDGER, PHASE_PINS, PHASE_COMPARE };

struct sweep {
    struct sweep_settings settings;
    struct text pin_name;
    enum phase phase;
    struct transaction *page; /* being read */
    struct cid missing[PAGE]; /* of the last page: not in the list */
    size_t missing_count, next;
    bool has_more;     /* behind that page */
    struct text after; /* the last key that was read */
    struct operation *listing;
    struct repair repairs[REPAIRS_MAX];
    size_t repair_count;
    struct cid_set known;                /* of the ledger */
    struct cid_set seen[PIN_MODE_COUNT]; /* of these, pinned in that mode */
    struct sweep_result result;          /* of the one under way */
    struct sweep_result last;
    struct sweep_waiter *waiters;
    struct later later; /* the end of one that could not begin */
};

const char *sweep_kind_name(enum sweep_kind kind)
{
    static const char *const names[] = {"lost", "doubtful", "repaired", "unknown", "foreign"};

    return names[kind];
}

bool sweep_is_sound(const struct sweep_result *result)
{
    return result->finished_ms != 0 && result->err.code == ERROR_NONE &&
           result->counts[SWEEP_LOST] == 0 && result->counts[SWEEP_DOUBTFUL] == 0;
}

static void count(struct sweep *sweep, enum sweep_kind kind, const struct cid *cid,
                  enum pin_mode mode)
{
    struct sweep_result *result = &sweep->result;

    if (result->counts[kind]++ < EXAMPLES_OF_KIND)
        result->examples[result->example_count++] =
            (struct sweep_example){.kind = kind, .mode = mode, .cid = *cid};
}

/* ---- the end */

static void stop(struct sweep *sweep)
{
    sweep->phase = PHASE_IDLE;
    later_cancel(&sweep->later);
    upstream_cancel(&sweep->listing);
    if (sweep->page != NULL)
        store_cancel(sweep->page);
    sweep->page = NULL;
    for (size_t i = 0; i < REPAIRS_MAX; i++)
        tracker_cancel(&sweep->repairs[i].call);
    sweep->repair_count = 0;
    cid_set_dispose(&sweep->known);
    for (enum pin_mode mode = PIN_DIRECT; mode <= PIN_RECURSIVE; mode++)
        cid_set_dispose(&sweep->seen[mode]);
}

static void say(const struct sweep *sweep)
{
    const struct sweep_result *last = &sweep->last;

    if (last->err.code != ERROR_NONE)
        log_message(sweep->settings.messages, LOG_LEVEL_WARNING,
                    "the ledger could not be checked against the storage: %s", last->err.text);
    else if (!sweep_is_sound(last))
        log_message(sweep->settings.messages, LOG_LEVEL_ERROR,
                    "%llu of the ledger's %llu objects are lost, and %llu more could not be looked "
                    "at: see causeway ledger check",
                    (unsigned long long)last->counts[SWEEP_LOST], (unsigned long long)last->objects,
                    (unsigned long long)last->counts[SWEEP_DOUBTFUL]);
    else
        log_message(sweep->settings.messages, LOG_LEVEL_INFO,
                    "all %llu objects of the ledger are pinned (%llu repaired); %llu pins are "
                    "others', %llu ours but unknown",
                    (unsigned long long)last->objects,
                    (unsigned long long)last->counts[SWEEP_REPAIRED],
                    (unsigned long long)last->counts[SWEEP_FOREIGN],
                    (unsigned long long)last->counts[SWEEP_UNKNOWN]);
}

/* err NULL: it came to its end. */
static void end(struct sweep *sweep, const struct error *err)
{
    struct sweep_waiter *waiter = sweep->waiters, *next;
    struct error kept = {0};

    if (err != NULL)
        kept = *err;
    stop(sweep);
    if (err != NULL)
        sweep->result = (struct sweep_result){.err = kept};
    sweep->result.finished_ms = sweep->settings.now_ms();
    sweep->last = sweep->result;
    say(sweep);
    sweep->waiters = NULL;
    for (; waiter != NULL; waiter = next) {
        next = waiter->next;
        waiter->waits = false;
        waiter->on_done(waiter->arg, &sweep->last);
    }
}

static void fail(struct sweep *sweep, const struct error *err)
{
    sweep->result.err = *err;
    loop_later(sweep->settings.loop, &sweep->later);
}

static void on_failed(struct later *later)
{
    struct sweep *sweep = CONTAINER_OF(later, struct sweep, later);
    struct error err = sweep->result.err;

    end(sweep, &err);
}

/* ---- the ledger, page by page */

static void on_page(void *sweep_, struct transaction *transaction);

static void read_page(struct sweep *sweep)
{
    struct transaction *transaction = transaction_create(TRANSACTION_OBJECT_LIST);
    struct error err = {0};

    transaction->object_list.after = transaction_copy(transaction, text_slice(&sweep->after));
    transaction->object_list.limit = PAGE;
    if (store_start(sweep->settings.store, sweep->settings.loop, transaction, on_page, sweep,
                    &err)) {
        sweep->page = transaction;
        return;
    }
    transaction_destroy(&transaction);
    fail(sweep, &err);
}

static void begin_pages(struct sweep *sweep, enum phase phase)
{
    sweep->phase = phase;
    text_clear(&sweep->after);
    read_page(sweep);
}

/* False: the key is damaged. */
static bool key_of(struct sweep *sweep, const struct object_record *record, struct cid *cid)
{
    struct error err = {0};

    if (cid_from_bytes(cid, record->key.data, record->key.size, &err))
        return true;
    if (sweep->phase != PHASE_LEDGER)
        return false; /* it was counted */
    log_message(sweep->settings.messages, LOG_LEVEL_ERROR, "the ledger has a damaged key: %s",
                err.text);
    sweep->result.counts[SWEEP_DOUBTFUL]++;
    return false;
}

static void list_pins(struct sweep *sweep);

static void learn_page(struct sweep *sweep, const struct object_list *page)
{
    struct cid cid;

    for (size_t i = 0; i < page->count; i++) {
        sweep->result.objects++;
        if (key_of(sweep, &page->records[i], &cid))
            cid_set_add(&sweep->known, &cid);
    }
    if (page->has_more)
        read_page(sweep);
    else
        list_pins(sweep);
}

/* ---- what the storage has */

static void on_pin(void *sweep_, const struct cid *cid, enum pin_mode mode, struct slice name)
{
    struct sweep *sweep = sweep_;

    if (cid->version != 0 && cid_set_has(&sweep->known, cid))
        cid_set_add(&sweep->seen[mode], cid);
    else if (cid->version != 0 && slice_equal(name, text_slice(&sweep->pin_name)))
        count(sweep, SWEEP_UNKNOWN, cid, mode);
    else
        count(sweep, SWEEP_FOREIGN, cid, mode);
}

static void on_listed(void *sweep_, const struct operation_result *result, const struct error *err)
{
    struct sweep *sweep = sweep_;

    sweep->listing = NULL;
    if (err != NULL)
        end(sweep, err);
    else
        begin_pages(sweep, PHASE_COMPARE);
}

static void list_pins(struct sweep *sweep)
{
    struct error err = {0};

    sweep->phase = PHASE_PINS;
    if (!upstream_list_pins(sweep->settings.upstream, &sweep->listing, on_pin, on_listed, sweep,
                            &err))
        fail(sweep, &err);
}

/* ---- what the storage has not */

static void compare(struct sweep *sweep);

static void on_repaired(void *repair_, const struct tracker_answer *answer)
{
    struct repair *repair = repair_;
    struct sweep *sweep = repair->sweep;

    repair->call = NULL;
    sweep->repair_count--;
    count(sweep,
          answer->outcome == TRACKER_DONE      ? SWEEP_REPAIRED
          : answer->outcome == TRACKER_MISSING ? SWEEP_LOST
                                               : SWEEP_DOUBTFUL,
          &repair->cid, PIN_NONE);
    compare(sweep);
}

static void repair(struct sweep *sweep, const struct cid *cid)
{
    struct tracker_request request = {.action = TRACKER_REPAIR, .cid = *cid, .offline = true};
    struct repair *repair = sweep->repairs;
    struct error err = {0};

    while (repair->call != NULL)
        repair++;
    repair->sweep = sweep;
    repair->cid = *cid;
    if (tracker_start(sweep->settings.tracker, sweep->settings.loop, &repair->call, &request, NULL,
                      on_repaired, repair, &err)) {
        sweep->repair_count++;
        return;
    }
    repair->call = NULL;
    count(sweep, SWEEP_DOUBTFUL, cid, PIN_NONE);
}

/* What our pin there was, if it is ours; else a foreign one serves, which must be of the strongest
 * mode: the record does not say which is needed. What came into the ledger since the sweep began
 * was seen to by who brought it. */
static bool is_seen(const struct sweep *sweep, const struct object_record *record,
                    const struct cid *cid)
{
    return cid_set_has(&sweep->seen[PIN_RECURSIVE], cid) ||
           (record->upstream == PIN_DIRECT && cid_set_has(&sweep->seen[PIN_DIRECT], cid)) ||
           !cid_set_has(&sweep->known, cid);
}

static void take_page(struct sweep *sweep, const struct object_list *page)
{
    sweep->missing_count = sweep->next = 0;
    sweep->has_more = page->has_more;
    for (size_t i = 0; i < page->count; i++) {
        const struct object_record *record = &page->records[i];
        struct cid *cid = &sweep->missing[sweep->missing_count];

        if (key_of(sweep, record, cid) && (record->is_doubtful || !is_seen(sweep, record, cid)))
            sweep->missing_count++;
    }
    compare(sweep);
}

/* With as many repairs under way as may be, waits for one. */
static void compare(struct sweep *sweep)
{
    while (sweep->next < sweep->missing_count && sweep->repair_count < REPAIRS_MAX)
        repair(sweep, &sweep->missing[sweep->next++]);
    if (sweep->repair_count > 0)
        return;
    if (sweep->has_more)
        read_page(sweep);
    else
        end(sweep, NULL);
}

static void on_page(void *sweep_, struct transaction *transaction)
{
    struct sweep *sweep = sweep_;
    const struct object_list *page = &transaction->object_list;

    sweep->page = NULL;
    if (transaction->err.code != ERROR_NONE) {
        end(sweep, &transaction->err);
        return;
    }
    if (page->count > 0) {
        text_clear(&sweep->after);
        text_put_slice(&sweep->after, page->records[page->count - 1].key);
    }
    if (sweep->phase == PHASE_LEDGER)
        learn_page(sweep, page);
    else
        take_page(sweep, page);
}

/* ---- */

struct sweep *sweep_create(const struct sweep_settings *settings)
{
    struct sweep *sweep = memory_alloc(sizeof(*sweep));

    sweep->settings = *settings;
    sweep->later.run = on_failed;
    text_put_format(&sweep->pin_name, "cw:%s", store_uuid(settings->store));
    return sweep;
}

void sweep_use(struct sweep *sweep, struct upstream *upstream)
{
    struct error err = {0};

    if (sweep->settings.upstream == upstream)
        return;
    sweep->settings.upstream = upstream;
    error_set(&err, ERROR_CANCELED, "the configuration now names another storage");
    if (sweep->phase != PHASE_IDLE)
        end(sweep, &err);
}

void sweep_destroy(struct sweep **sweep_ptr)
{
    struct sweep *sweep = *sweep_ptr;

    if (sweep == NULL)
        return;
    *sweep_ptr = NULL;
    stop(sweep);
    text_dispose(&sweep->pin_name);
    text_dispose(&sweep->after);
    free(sweep);
}

static void draw_key(struct cid_set *set)
{
    struct cid_set_key key;
    int drawn = RAND_bytes((unsigned char *)&key, sizeof(key));

    assert(drawn == 1);
    (void)drawn;
    cid_set_init(set, &key);
}

void sweep_start(struct sweep *sweep, struct sweep_waiter *waiter)
{
    assert(!waiter->waits);
    waiter->waits = true;
    waiter->next = sweep->waiters;
    sweep->waiters = waiter;
    if (sweep->phase != PHASE_IDLE)
        return;
    sweep->result = (struct sweep_result){0};
    draw_key(&sweep->known);
    for (enum pin_mode mode = PIN_DIRECT; mode <= PIN_RECURSIVE; mode++)
        draw_key(&sweep->seen[mode]);
    begin_pages(sweep, PHASE_LEDGER);
}

void sweep_leave(struct sweep *sweep, struct sweep_waiter *waiter)
{
    struct sweep_waiter **at = &sweep->waiters;

    while (waiter->waits && *at != waiter)
        at = &(*at)->next;
    if (waiter->waits)
        *at = waiter->next;
    waiter->waits = false;
}

const struct sweep_result *sweep_last(const struct sweep *sweep)
{
    return &sweep->last;
}
