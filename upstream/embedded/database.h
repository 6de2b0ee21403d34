// SPDX-License-Identifier: Apache-2.0
/* An SQLite file of the embedded node: opening, prepared statements, and failures in words that an
 * operator can act on. One thread at a time.
 *
 * WAL, synchronous=FULL: a commit is on disk when it returns. */
#ifndef UPSTREAM_EMBEDDED_DATABASE_H
#define UPSTREAM_EMBEDDED_DATABASE_H

#include "conf/error.h"
#include "conf/text.h"

#include <sqlite3.h>
#include <stdint.h>

/* What a file is; static. */
struct database_form {
    const char *name;         /* for messages: "the index" */
    const char *when_damaged; /* what to do then: "stop the gateway, ..." */
    const char *const *texts; /* statements, by their numbers */
    size_t count;
    int version;    /* of the schema: PRAGMA user_version */
    int cache_kib;  /* of pages */
    bool is_reader; /* it may not be changed, nor made */
};

struct database {
    const struct database_form *form;
    sqlite3 *db;
    char *path;
    sqlite3_stmt **statements; /* prepared when first used */
    bool was_full;             /* the last failure was a full disk's */
};

/* For the whole process, before any file is open: a connection's pages get memory as they are used,
 * and not twenty in advance, which would be most of what a small scratch file takes. */
void database_save_memory(void);

/* is_new: out, there is no schema in it yet. ERROR_UNSUPPORTED: a newer Causeway wrote it.
 * ERROR_MISMATCH: it is damaged. Close it whatever came of it. */
MUST_USE bool database_open(struct database *database, const struct database_form *form,
                            const char *folder, const char *file, bool *is_new, struct error *err);
/* A file without a name, that ends with its use: in one transaction that is never committed,
 * nothing is synced, and pages are written when the cache needs their room. */
MUST_USE bool database_open_scratch(struct database *database, const struct database_form *form,
                                    const char *folder, const char *schema, struct error *err);
/* One that is zeroed is fine. */
void database_close(struct database *database);

/* Says what SQLite said last. Always false. */
bool database_fail(struct database *database, struct error *err);
/* Statements without parameters or results, several if need be. */
MUST_USE bool database_execute(struct database *database, const char *sql, struct error *err);

/* ---- one run of a statement: prepare, bind all, then finish, or step until it is false */

/* NULL: err is set. */
sqlite3_stmt *database_prepare(struct database *database, size_t number, struct error *err);
/* Parameters are counted from 1. Bytes are borrowed until the statement is reset. */
void database_bind_bytes(sqlite3_stmt *statement, int parameter, struct slice bytes);
void database_bind_number(sqlite3_stmt *statement, int parameter, uint64_t value);
/* Runs what returns no row. */
MUST_USE bool database_finish(struct database *database, sqlite3_stmt *statement,
                              struct error *err);
/* True: a row is there, and the caller resets. False: it was reset, and err says why, or is as it
 * was at the end. */
MUST_USE bool database_step(struct database *database, sqlite3_stmt *statement, struct error *err);
/* A statement without parameters and rows. */
MUST_USE bool database_run(struct database *database, size_t number, struct error *err);
/* None is under way: fine; a full disk gives all up by itself. */
void database_rollback(struct database *database);
/* Columns are counted from 0. What is borrowed goes with the row. */
uint64_t database_number(sqlite3_stmt *statement, int column);
struct slice database_bytes(sqlite3_stmt *statement, int column);

#endif
