// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/walk_disk.h"

#include "conf/memory.h"
#include "conf/text.h"

#include <assert.h>
#include <openssl/rand.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is in memory when it is full stays there: of the CIDs seen as the first ones, of the stack
 * as its lower part. Of what comes then, a CID seen is its prints in `seen`, and a link is a row of
 * `stack`.
 *
 * A CID is known by two keyed prints of 64 bits: what lies below one that is taken for another
 * would not be walked, and garbage collection would remove it. One print alone would do that once
 * in 4,000 collections of 100,000,000 blocks (cid_set.h has the odds), both of them never. */
enum statement { SEE, SAW, PUSH, TOP, POP, STATEMENT_COUNT };

static const char *const texts[STATEMENT_COUNT] = {
    [SEE] = "INSERT OR IGNORE INTO seen VALUES (?1, ?2)",
    [SAW] = "SELECT 1 FROM seen WHERE print = ?1 AND other = ?2",
    [PUSH] = "INSERT INTO stack VALUES (?1, ?2, ?3)",
    [TOP] = "SELECT depth, cid FROM stack WHERE place = ?1",
    [POP] = "DELETE FROM stack WHERE place = ?1",
};

/* One transaction that is never committed: a page goes to the file when the cache needs its room.
 */
static const char schema[] =
    "PRAGMA journal_mode = OFF;"
    "PRAGMA synchronous = OFF;"
    "PRAGMA locking_mode = EXCLUSIVE;"
    "PRAGMA cache_size = -1024;"
    "BEGIN;"
    "CREATE TABLE seen (print INTEGER, other INTEGER, PRIMARY KEY (print, other)) WITHOUT ROWID;"
    "CREATE TABLE stack (place INTEGER PRIMARY KEY, depth INTEGER NOT NULL,"
    " cid BLOB NOT NULL);";

struct on_disk {
    struct walk_memory memory;
    struct walk_memory *small; /* what is kept in memory: one print of CIDs seen, and the stack */
    struct cid_set others;     /* the other print of those */
    struct cid_set_key keys[2];
    const char *folder;
    size_t memory_max;
    sqlite3 *db; /* NULL: not needed so far */
    sqlite3_stmt *statements[STATEMENT_COUNT];
    uint64_t stacked; /* links in the file, all of them above those in memory */
};

static struct on_disk *self_of(struct walk_memory *memory)
{
    return CONTAINER_OF(memory, struct on_disk, memory);
}

/* ---- the file */

static bool fail(struct on_disk *self, struct error *err)
{
    return error_set(err, ERROR_IO, "a walk's file in %s cannot be used: %s (%d)", self->folder,
                     sqlite3_errmsg(self->db), sqlite3_extended_errcode(self->db));
}

/* The name goes as soon as SQLite has the file open. */
static bool open_named(struct on_disk *self, const char *path, struct error *err)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;

    if (sqlite3_open_v2(path, &self->db, flags, NULL) != SQLITE_OK ||
        sqlite3_exec(self->db, schema, NULL, NULL, NULL) != SQLITE_OK)
        return fail(self, err);
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        if (sqlite3_prepare_v3(self->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &self->statements[i], NULL) != SQLITE_OK)
            return fail(self, err);
    return true;
}

static bool open_file(struct on_disk *self, struct error *err)
{
    struct text path = {0};
    bool is_open = false;
    int fd;

    if (self->db != NULL)
        return true;
    text_put_format(&path, "%s/walk-XXXXXX", self->folder);
    fd = mkstemp(path.data);
    if (fd < 0) {
        error_set_errno(err, "a walk's file cannot be made in %s", self->folder);
    } else {
        is_open = open_named(self, path.data, err);
        close(fd);
        unlink(path.data);
    }
    text_dispose(&path);
    return is_open;
}

static sqlite3_stmt *bound(struct on_disk *self, enum statement name, uint64_t number)
{
    sqlite3_stmt *statement = self->statements[name];
    int result = sqlite3_bind_int64(statement, 1, (sqlite3_int64)number);

    assert(result == SQLITE_OK);
    return statement;
}

/* Runs it to its end. *found: a row was there. */
static bool run(struct on_disk *self, sqlite3_stmt *statement, bool *found, struct error *err)
{
    int result = sqlite3_step(statement);
    bool is_fine = result == SQLITE_DONE || result == SQLITE_ROW || fail(self, err);

    if (found != NULL)
        *found = result == SQLITE_ROW;
    sqlite3_reset(statement);
    return is_fine;
}

/* ---- the CIDs seen */

static size_t memory_of(const struct on_disk *self)
{
    return walk_memory_bytes(self->small) + self->others.bytes;
}

static bool saw_in_memory(struct on_disk *self, const struct cid *cid, bool *seen,
                          struct error *err)
{
    if (!self->small->ops->saw(self->small, cid, seen, err))
        return false;
    *seen = *seen && cid_set_has(&self->others, cid);
    return true;
}

static bool see_in_memory(struct on_disk *self, const struct cid *cid, bool *added,
                          struct error *err)
{
    if (!self->small->ops->see(self->small, cid, added, err))
        return false;
    *added = cid_set_add(&self->others, cid) || *added;
    return true;
}

static sqlite3_stmt *bound_prints(struct on_disk *self, enum statement name, const struct cid *cid)
{
    sqlite3_stmt *statement = bound(self, name, cid_set_print(&self->keys[0], cid));

    sqlite3_bind_int64(statement, 2, (sqlite3_int64)cid_set_print(&self->keys[1], cid));
    return statement;
}

static bool saw(struct walk_memory *memory, const struct cid *cid, bool *seen, struct error *err)
{
    struct on_disk *self = self_of(memory);

    return saw_in_memory(self, cid, seen, err) &&
           (*seen || self->db == NULL || run(self, bound_prints(self, SAW, cid), seen, err));
}

static bool see(struct walk_memory *memory, const struct cid *cid, bool *added, struct error *err)
{
    struct on_disk *self = self_of(memory);
    bool seen;

    if (memory_of(self) < self->memory_max / 4 * 3) /* it never shrinks */
        return see_in_memory(self, cid, added, err);
    *added = false;
    if (!saw_in_memory(self, cid, &seen, err) || seen)
        return seen;
    if (!open_file(self, err) || !run(self, bound_prints(self, SEE, cid), NULL, err))
        return false;
    *added = sqlite3_changes(self->db) > 0;
    return true;
}

/* ---- the stack */

static bool push(struct walk_memory *memory, const struct cid *cid, uint32_t depth,
                 struct error *err)
{
    struct on_disk *self = self_of(memory);
    sqlite3_stmt *statement;

    if (self->stacked == 0 && memory_of(self) < self->memory_max)
        return self->small->ops->push(self->small, cid, depth, err);
    if (!open_file(self, err))
        return false;
    statement = bound(self, PUSH, self->stacked);
    sqlite3_bind_int64(statement, 2, depth);
    sqlite3_bind_blob(statement, 3, cid->bytes, cid->size, SQLITE_STATIC);
    if (!run(self, statement, NULL, err))
        return false;
    self->stacked++;
    return true;
}

static bool read_top(struct on_disk *self, struct cid *cid, uint32_t *depth, struct error *err)
{
    sqlite3_stmt *statement = bound(self, TOP, self->stacked - 1);
    bool is_read = sqlite3_step(statement) == SQLITE_ROW || fail(self, err);

    if (is_read) {
        *depth = (uint32_t)sqlite3_column_int64(statement, 0);
        is_read = cid_from_bytes(cid, sqlite3_column_blob(statement, 1),
                                 (size_t)sqlite3_column_bytes(statement, 1), err);
    }
    sqlite3_reset(statement);
    return is_read;
}

static bool pop(struct walk_memory *memory, struct cid *cid, uint32_t *depth, bool *found,
                struct error *err)
{
    struct on_disk *self = self_of(memory);

    if (self->stacked == 0)
        return self->small->ops->pop(self->small, cid, depth, found, err);
    *found = true;
    if (!read_top(self, cid, depth, err) ||
        !run(self, bound(self, POP, self->stacked - 1), NULL, err))
        return false;
    self->stacked--;
    return true;
}

/* ---- */

struct walk_memory *walk_disk_create(const char *folder, size_t memory_max, struct error *err)
{
    static const struct walk_memory_ops ops = {see, saw, push, pop};
    struct on_disk *self;
    struct cid_set_key keys[2];

    if (RAND_bytes((unsigned char *)keys, sizeof(keys)) != 1) {
        error_set(err, ERROR_IO, "no random key can be had for a walk");
        return NULL;
    }
    self = memory_alloc(sizeof(*self));
    self->memory.ops = &ops;
    memcpy(self->keys, keys, sizeof(keys));
    self->folder = folder;
    self->memory_max = memory_max != 0 ? memory_max : WALK_DISK_MEMORY;
    self->small = walk_memory_create(&keys[0], SIZE_MAX);
    cid_set_init(&self->others, &keys[1]);
    return &self->memory;
}

void walk_disk_destroy(struct walk_memory **memory)
{
    struct on_disk *self;
    int result;

    if (*memory == NULL)
        return;
    self = self_of(*memory);
    *memory = NULL;
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(self->statements[i]);
    result = sqlite3_close(self->db);
    assert(result == SQLITE_OK);
    walk_memory_destroy(&self->small);
    cid_set_dispose(&self->others);
    free(self);
}

size_t walk_disk_memory_bytes(const struct walk_memory *memory)
{
    return memory_of((const struct on_disk *)memory);
}

size_t walk_disk_file_bytes(const struct walk_memory *memory)
{
    const struct on_disk *self = (const struct on_disk *)memory;
    sqlite3_stmt *statement = NULL;
    size_t bytes = 0;

    if (self->db != NULL &&
        sqlite3_prepare_v2(self->db,
                           "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
                           -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        bytes = (size_t)sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return bytes;
}
