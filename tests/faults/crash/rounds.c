// SPDX-License-Identifier: Apache-2.0
#include "rounds.h"

#include "conf/text.h"
#include "notes.h"

#include <assert.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ROUNDS = 3, CHECKPOINT_EVERY = 17 };

_Noreturn void rounds_stop(const struct error *err)
{
    fprintf(stderr, "%s\n", err->text);
    exit(1);
}

static void start(struct caller *caller)
{
    struct rounds *rounds = caller->rounds;

    notes_write(rounds->notes, 'S', caller->n, caller->stage);
    rounds->under_way++;
    rounds->kind->start(caller);
}

/* Folds SQLite's log into its file in the middle of the work, and lets it begin anew at its start.
 */
static void checkpoint(const struct rounds *rounds)
{
    struct text path = {0};
    sqlite3 *db;

    text_put_format(&path, "%s/%s", rounds->folder, rounds->kind->index);
    if (sqlite3_open_v2(path.data, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
        sqlite3_busy_timeout(db, 5000) != SQLITE_OK ||
        sqlite3_exec(db, "PRAGMA wal_checkpoint(RESTART)", NULL, NULL, NULL) != SQLITE_OK) {
        fprintf(stderr, "checkpoint: %s\n", sqlite3_errmsg(db));
        exit(1);
    }
    sqlite3_close(db);
    text_dispose(&path);
}

/* The next piece, if there is one in this round. */
static void begin(struct caller *caller)
{
    struct rounds *rounds = caller->rounds;

    if (rounds->next == rounds->end)
        return;
    caller->n = rounds->next++;
    if (caller->n % CHECKPOINT_EVERY == CHECKPOINT_EVERY - 1)
        checkpoint(rounds);
    rounds->kind->begin(rounds, caller->n);
    caller->stage = 1;
    start(caller);
}

void rounds_acknowledge(struct caller *caller, const struct error *err)
{
    struct rounds *rounds = caller->rounds;

    rounds->under_way--;
    if (err != NULL)
        rounds_stop(err);
    notes_write(rounds->notes, 'A', caller->n, caller->stage);
    if (caller->stage == rounds->kind->last_stage(caller->n)) {
        begin(caller);
    } else {
        caller->stage++;
        start(caller);
    }
}

static void run_round(struct rounds *rounds)
{
    rounds->kind->open(rounds);
    for (unsigned i = 0; i < rounds->kind->callers; i++)
        begin(&rounds->callers[i]);
    while (rounds->under_way > 0)
        loop_turn(rounds->loop, 1000);
    rounds->kind->close(rounds);
}

int rounds_run(struct rounds *rounds, const struct rounds_kind *kind, int argc, char **argv)
{
    unsigned pieces = argc == 4 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;

    assert(kind->callers <= CALLERS_MAX);
    if (pieces == 0 || pieces >= PIECES_MAX) {
        fprintf(stderr, "usage: %s FOLDER NOTES %s (fewer than %d)\n", kind->program, kind->pieces,
                PIECES_MAX);
        return 2;
    }
    rounds->kind = kind;
    rounds->folder = argv[1];
    rounds->notes = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (rounds->notes < 0) {
        perror(argv[2]);
        return 1;
    }
    for (unsigned i = 0; i < kind->callers; i++)
        rounds->callers[i].rounds = rounds;
    for (unsigned round = 1; round <= ROUNDS; round++) {
        rounds->end = pieces * round / ROUNDS;
        run_round(rounds);
    }
    close(rounds->notes);
    return 0;
}
