// SPDX-License-Identifier: Apache-2.0
/* `crash_writer FOLDER NOTES PINS`: works with a ledger and an audit log in FOLDER as a gateway
 * does, many callers at once, and says to NOTES what it asks for and what was acknowledged. To be
 * recorded. It closes and opens the ledger in between. */
#include "auth/audit.h"
#include "conf/memory.h"
#include "stages.h"
#include "store/store.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

enum { CALLERS = 24, ROUNDS = 3, MEMBERS = 7, CHECKPOINT_EVERY = 17 };

struct writer;

struct caller {
    struct writer *writer;
    unsigned n;       /* the pin */
    enum stage stage; /* that is asked for */
    uint64_t journal;
};

struct writer {
    const char *folder;
    struct store *store;
    struct loop *loop;
    struct audit_writer *audit;
    int notes;
    unsigned next, end, under_way;
    struct caller callers[CALLERS];
};

static void stop(const struct error *err)
{
    fprintf(stderr, "%s\n", err->text);
    exit(1);
}

static void note(const struct writer *writer, char what, const struct caller *caller)
{
    char line[48];
    int size = snprintf(line, sizeof(line), "%c %u %d\n", what, caller->n, (int)caller->stage);

    if (write(writer->notes, line, (size_t)size) != size)
        exit(1);
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
        transaction->journal_close.number = caller->journal;
        return transaction;
    }
}

static void on_done(void *caller_, struct transaction *transaction);

static void start(struct caller *caller)
{
    struct writer *writer = caller->writer;
    struct error err = {0};

    note(writer, 'S', caller);
    if (!store_start(writer->store, writer->loop, make(caller), on_done, caller, &err))
        stop(&err);
    writer->under_way++;
}

/* Folds the log into the file in the middle of the work, and lets it begin anew at its start. */
static void checkpoint(const struct writer *writer)
{
    struct text path = {0};
    sqlite3 *db;

    text_put_format(&path, "%s/ledger.db", writer->folder);
    if (sqlite3_open_v2(path.data, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
        sqlite3_busy_timeout(db, 5000) != SQLITE_OK ||
        sqlite3_exec(db, "PRAGMA wal_checkpoint(RESTART)", NULL, NULL, NULL) != SQLITE_OK) {
        fprintf(stderr, "checkpoint: %s\n", sqlite3_errmsg(db));
        exit(1);
    }
    sqlite3_close(db);
    text_dispose(&path);
}

/* The next pin, if there is one in this round. */
static void begin(struct caller *caller)
{
    struct writer *writer = caller->writer;
    struct audit_entry entry = {.time_ms = 1, .command = SLICE("pin/add")};

    if (writer->next == writer->end)
        return;
    caller->n = writer->next++;
    if (caller->n % CHECKPOINT_EVERY == CHECKPOINT_EVERY - 1)
        checkpoint(writer);
    caller->stage = STAGE_INTENT;
    (void)audit_put(writer->audit, &entry); /* what does not fit is counted in the log itself */
    start(caller);
}

static void on_done(void *caller_, struct transaction *transaction)
{
    struct caller *caller = caller_;

    caller->writer->under_way--;
    if (transaction->err.code != ERROR_NONE)
        stop(&transaction->err);
    note(caller->writer, 'A', caller);
    if (caller->stage == STAGE_INTENT)
        caller->journal = transaction->journal_open.record.number;
    if (caller->stage == stage_last(caller->n)) {
        begin(caller);
    } else {
        caller->stage++;
        start(caller);
    }
}

static void run_round(struct writer *writer, const char *folder)
{
    struct store_settings settings = {.folder = folder};
    struct audit_settings audit_settings = {0};
    struct text path = {0}, notice = {0};
    struct error err = {0};
    struct audit *audit;

    text_put_format(&path, "%s/audit.log", folder);
    if (!store_open(&writer->store, &settings, &err))
        stop(&err);
    audit_settings = (struct audit_settings){.path = path.data, .store = writer->store};
    if (!audit_open(&audit, &audit_settings, &notice, &err))
        stop(&err);
    writer->audit = audit_writer_create(audit);
    for (unsigned i = 0; i < CALLERS; i++)
        begin(&writer->callers[i]);
    while (writer->under_way > 0)
        loop_turn(writer->loop, 1000);
    audit_writer_destroy(&writer->audit);
    audit_close(&audit);
    store_close(&writer->store);
    text_dispose(&path);
    text_dispose(&notice);
}

int main(int argc, char **argv)
{
    struct writer writer = {.loop = loop_create(NULL)};
    unsigned pins = argc == 4 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;

    if (pins == 0) {
        fprintf(stderr, "usage: crash_writer FOLDER NOTES PINS\n");
        return 2;
    }
    writer.notes = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (writer.notes < 0) {
        perror(argv[2]);
        return 1;
    }
    writer.folder = argv[1];
    for (unsigned i = 0; i < CALLERS; i++)
        writer.callers[i].writer = &writer;
    for (unsigned round = 1; round <= ROUNDS; round++) {
        writer.end = pins * round / ROUNDS;
        run_round(&writer, argv[1]);
    }
    close(writer.notes);
    loop_turn(writer.loop, 0);
    loop_destroy(&writer.loop);
    return 0;
}
