// SPDX-License-Identifier: Apache-2.0
/* `crash_ledger_writer FOLDER NOTES PINS`: works with a ledger and an audit log in FOLDER as a
 * gateway does, and says to NOTES what it asks for and what was acknowledged. To be recorded. */
#include "auth/audit.h"
#include "conf/memory.h"
#include "ledger_stages.h"
#include "rounds.h"
#include "store/store.h"

enum { MEMBERS = 7, GROUP_MAX = 3 };

struct writer {
    struct rounds rounds;
    struct store *store;
    struct audit *audit;
    struct audit_writer *audit_writer;
    uint64_t journal[CALLERS_MAX]; /* the caller's entry */
    size_t waiting[CALLERS_MAX];   /* of the transactions of its stage */
};

static struct writer *writer_of(struct rounds *rounds)
{
    return CONTAINER_OF(rounds, struct writer, rounds);
}

static uint64_t *journal_of(const struct caller *caller)
{
    return &writer_of(caller->rounds)->journal[caller - caller->rounds->callers];
}

static struct transaction *claim(const struct caller *caller)
{
    struct transaction *add = transaction_create(TRANSACTION_PIN_ADD);
    struct pin_record *record = &add->pin_add.record;
    char key[32];

    stage_pin_id(record->id, caller->n);
    record->owner.kind = OWNER_MEMBER;
    snprintf(record->owner.id, ID_SIZE, "member-%u", caller->n % MEMBERS);
    snprintf(key, sizeof(key), "%08x key", caller->n / 2 * 2654435761U); /* two pins of each */
    record->key = transaction_copy(add, slice_of(key));
    record->slot = caller->n;
    record->wanted = PIN_RECURSIVE;
    record->state = PIN_QUEUED;
    record->expires_ms = caller->n % 3 == 0 ? 1000 + caller->n : 0;
    return add;
}

/* ---- links */

static struct transaction *put_link(const struct caller *caller, const char *state,
                                    uint64_t ended_epoch)
{
    struct transaction *put = transaction_create(TRANSACTION_LINK_PUT);
    struct link_entry *entry = &put->link_put.entry;

    stage_partner(entry->partner, caller->n);
    stage_pin_id(entry->id, caller->n);
    snprintf(entry->state, sizeof(entry->state), "%s", state);
    entry->epoch = 1;
    entry->ended_epoch = ended_epoch;
    entry->record = SLICE("record");
    return put;
}

static struct transaction *add_event(const struct caller *caller, const char *to)
{
    struct transaction *add = transaction_create(TRANSACTION_LINK_EVENT_ADD);

    stage_partner(add->link_event_add.partner, caller->n);
    snprintf(add->link_event_add.history.to, ENTRY_STATE_SIZE, "%s", to);
    return add;
}

static struct transaction *claim_numbers(const struct caller *caller, uint64_t claimed)
{
    struct transaction *claim = transaction_create(TRANSACTION_SEQUENCE_CLAIM);

    stage_pin_id(claim->sequence_claim.link, caller->n);
    claim->sequence_claim.record =
        (struct sequence_record){.node = "main", .incarnation = 1, .claimed = claimed};
    return claim;
}

static struct transaction *put_allocation(const struct caller *caller, const char *state)
{
    struct transaction *put = transaction_create(TRANSACTION_ALLOCATION_PUT);
    struct allocation_entry *entry = &put->allocation_put.entry;

    stage_pin_id(entry->link, caller->n);
    stage_pin_id(entry->id, caller->n);
    entry->role = ALLOCATION_ROLE_HOLDER;
    entry->object = SLICE("object");
    snprintf(entry->state, sizeof(entry->state), "%s", state);
    return put;
}

static struct transaction *remove_allocation(const struct caller *caller)
{
    struct transaction *remove = transaction_create(TRANSACTION_ALLOCATION_REMOVE);

    stage_pin_id(remove->allocation_remove.link, caller->n);
    stage_pin_id(remove->allocation_remove.id, caller->n);
    remove->allocation_remove.role = ALLOCATION_ROLE_HOLDER;
    return remove;
}

static struct transaction *put_reply(const struct caller *caller)
{
    struct transaction *put = transaction_create(TRANSACTION_REPLY_PUT);

    stage_pin_id(put->reply_put.link, caller->n);
    stage_pin_id(put->reply_put.record.key, caller->n);
    snprintf(put->reply_put.record.node, ID_SIZE, "main");
    put->reply_put.record.body = SLICE("answer");
    return put;
}

static struct transaction *settle_reply(const struct caller *caller)
{
    struct transaction *settle = transaction_create(TRANSACTION_REPLY_SETTLE);

    stage_pin_id(settle->reply_settle.link, caller->n);
    stage_pin_id(settle->reply_settle.record.key, caller->n);
    snprintf(settle->reply_settle.record.node, ID_SIZE, "main");
    return settle;
}

static struct transaction *make(const struct caller *caller)
{
    struct transaction *transaction;

    switch (caller->stage) {
    case STAGE_INTENT:
        transaction = transaction_create(TRANSACTION_JOURNAL_OPEN);
        stage_pin_id(transaction->journal_open.record.pin, caller->n);
        transaction->journal_open.record.kind = SLICE("pin");
        return transaction;
    case STAGE_CLAIMED:
        return claim(caller);
    case STAGE_CONFIRMED:
        transaction = transaction_create(TRANSACTION_PIN_CONFIRM);
        stage_pin_id(transaction->pin_confirm.id, caller->n);
        transaction->pin_confirm.mode = caller->n % 5 == 0 ? PIN_DIRECT : PIN_RECURSIVE;
        transaction->pin_confirm.bytes = 1000 + caller->n;
        return transaction;
    case STAGE_RENAMED:
        transaction = transaction_create(TRANSACTION_PIN_EDIT);
        stage_pin_id(transaction->pin_edit.id, caller->n);
        transaction->pin_edit.renames = true;
        transaction->pin_edit.name = SLICE(RENAMED);
        return transaction;
    case STAGE_REMOVED:
        transaction = transaction_create(TRANSACTION_PIN_REMOVE);
        stage_pin_id(transaction->pin_remove.id, caller->n);
        return transaction;
    default:
        transaction = transaction_create(TRANSACTION_JOURNAL_CLOSE);
        transaction->journal_close.number = *journal_of(caller);
        return transaction;
    }
}

/* Returns how many. */
static size_t make_all(const struct caller *caller, struct transaction *group[GROUP_MAX])
{
    size_t count = 0;

    switch (caller->stage) {
    case STAGE_LINKED:
        group[count++] = put_link(caller, "active", 0);
        group[count++] = add_event(caller, "active");
        group[count++] = claim_numbers(caller, CLAIMED_FIRST);
        break;
    case STAGE_TAKEN:
        group[count++] = put_allocation(caller, "reserved");
        group[count++] = put_reply(caller);
        group[count++] = claim_numbers(caller, CLAIMED_NEXT);
        break;
    case STAGE_SETTLED:
        group[count++] = put_allocation(caller, "pinned");
        group[count++] = settle_reply(caller);
        break;
    case STAGE_ENDED:
        group[count++] = put_link(caller, "revoked", 1);
        group[count++] = add_event(caller, "revoked");
        group[count++] = remove_allocation(caller);
        break;
    default:
        group[count++] = make(caller);
    }
    return count;
}

static void on_done(void *caller_, struct transaction *transaction)
{
    struct caller *caller = caller_;
    size_t *waiting = &writer_of(caller->rounds)->waiting[caller - caller->rounds->callers];

    if (caller->stage == STAGE_INTENT)
        *journal_of(caller) = transaction->journal_open.record.number;
    if (transaction->err.code != ERROR_NONE)
        rounds_stop(&transaction->err);
    if (--*waiting == 0)
        rounds_acknowledge(caller, NULL);
}

static void start(struct caller *caller)
{
    struct writer *writer = writer_of(caller->rounds);
    struct transaction *group[GROUP_MAX];
    size_t count = make_all(caller, group);
    struct error err = {0};

    writer->waiting[caller - caller->rounds->callers] = count;
    if (!store_start_all(writer->store, caller->rounds->loop, group, count, on_done, caller, &err))
        rounds_stop(&err);
}

static void begin(struct rounds *rounds, unsigned n)
{
    struct audit_entry entry = {.time_ms = 1, .command = SLICE("pin/add")};

    /* what does not fit is counted in the log itself */
    (void)audit_put(writer_of(rounds)->audit_writer, &entry);
}

static void open_both(struct rounds *rounds)
{
    struct writer *writer = writer_of(rounds);
    struct store_settings settings = {.folder = rounds->folder};
    struct audit_settings audit_settings = {0};
    struct text path = {0}, notice = {0};
    struct error err = {0};

    text_put_format(&path, "%s/audit.log", rounds->folder);
    if (!store_open(&writer->store, &settings, &err))
        rounds_stop(&err);
    audit_settings = (struct audit_settings){.path = path.data, .store = writer->store};
    if (!audit_open(&writer->audit, &audit_settings, &notice, &err))
        rounds_stop(&err);
    writer->audit_writer = audit_writer_create(writer->audit);
    text_dispose(&path);
    text_dispose(&notice);
}

static void close_both(struct rounds *rounds)
{
    struct writer *writer = writer_of(rounds);

    audit_writer_destroy(&writer->audit_writer);
    audit_close(&writer->audit);
    store_close(&writer->store);
}

int main(int argc, char **argv)
{
    static const struct rounds_kind kind = {.program = "crash_ledger_writer",
                                            .pieces = "PINS",
                                            .index = "ledger.db",
                                            .callers = 24,
                                            .last_stage = stage_last,
                                            .open = open_both,
                                            .close = close_both,
                                            .begin = begin,
                                            .start = start};
    struct writer writer = {.rounds = {.loop = loop_create(NULL)}};
    int status = rounds_run(&writer.rounds, &kind, argc, argv);

    loop_turn(writer.rounds.loop, 0);
    loop_destroy(&writer.rounds.loop);
    return status;
}
