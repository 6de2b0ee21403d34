// SPDX-License-Identifier: Apache-2.0
/* A directory's number is higher than its parent's, so building them from the last to the first
 * builds children before parents.
 *
 * Entries are kept in the order in which a sharded directory needs them: that of their places, 8
 * bytes, big-endian. A plain one, which is small, is sorted in memory. */
#include "upstream/embedded/import_tree.h"

#include "conf/memory.h"
#include "upstream/embedded/database.h"
#include "upstream/embedded/task.h"

#include <assert.h>
#include <endian.h>
#include <stdlib.h>

enum statement {
    FIND,
    PUT,
    PUT_DIRECTORY,
    ADD_DIRECTORY,
    GET_DIRECTORY,
    ENTRIES,
    SET_ENTRY,
    SET_DIRECTORY,
    NEXT_BY_NAME,
    NEXT_BY_PLACE,
    STATEMENT_COUNT
};

static const char *const texts[STATEMENT_COUNT] = {
    [FIND] = "SELECT child FROM entry WHERE directory = ?1 AND place = ?2 AND name = ?3",
    [PUT] = "INSERT OR IGNORE INTO entry VALUES (?1, ?2, ?3, ?4, ?5, NULL)",
    [PUT_DIRECTORY] = "INSERT INTO entry VALUES (?1, ?2, ?3, x'', 0, ?4)",
    [ADD_DIRECTORY] = "INSERT INTO directory VALUES (?1, ?2, ?3, ?4, 0, x'', 0)",
    [GET_DIRECTORY] = "SELECT parent, name, stat, is_sharded, cid, tsize FROM directory"
                      " WHERE id = ?1",
    [ENTRIES] = "SELECT name, cid, tsize FROM entry WHERE directory = ?1 ORDER BY place, name",
    [SET_ENTRY] = "UPDATE entry SET cid = ?4, tsize = ?5"
                  " WHERE directory = ?1 AND place = ?2 AND name = ?3",
    [SET_DIRECTORY] = "UPDATE directory SET is_sharded = ?2, cid = ?3, tsize = ?4 WHERE id = ?1",
    [NEXT_BY_NAME] = "SELECT child, name FROM entry WHERE directory = ?1 AND name > ?2"
                     " AND child IS NOT NULL ORDER BY name LIMIT 1",
    [NEXT_BY_PLACE] = "SELECT child, name FROM entry WHERE directory = ?1"
                      " AND (place, name) > (?2, ?3) AND child IS NOT NULL"
                      " ORDER BY place, name LIMIT 1",
};

/* child: the number of an entry that is a directory. */
static const char schema[] =
    "CREATE TABLE directory (id INTEGER PRIMARY KEY, parent INTEGER NOT NULL, name BLOB NOT NULL,"
    " stat BLOB NOT NULL, is_sharded INTEGER NOT NULL,"
    " cid BLOB NOT NULL, tsize INTEGER NOT NULL);"
    "CREATE TABLE entry (directory INTEGER NOT NULL, place BLOB NOT NULL, name BLOB NOT NULL,"
    " cid BLOB NOT NULL, tsize INTEGER NOT NULL, child INTEGER,"
    " PRIMARY KEY (directory, place, name)) WITHOUT ROWID;"
    "CREATE INDEX by_name ON entry (directory, name) WHERE child IS NOT NULL;"
    "CREATE INDEX by_place ON entry (directory, place, name) WHERE child IS NOT NULL;";

static const struct database_form form = {
    .name = "the list of an import",
    .when_damaged = "send it again",
    .texts = texts,
    .count = STATEMENT_COUNT,
    .cache_kib = 4096,
};

/* A directory that is being told: the subdirectories before it were. */
struct frame {
    uint64_t number;
    size_t path_size; /* of the path down to it */
    bool is_sharded;
    struct unixfs_entry entry;
};

struct import_tree {
    struct database db;
    struct unixfs_profile profile;
    uint64_t newest; /* the number of the last directory */

    uint64_t building; /* the directory whose turn it is; 0: all are built */
    uint64_t parent;   /* of that one, and so is the rest */
    struct text name;
    struct unixfs_stat stat;
    struct unixfs_extent extent;
    sqlite3_stmt *rows; /* its entries; NULL: it was not begun */
    struct unixfs_directory *plain;
    struct unixfs_hamt *sharded;
    struct unixfs_entry root;

    struct frame *frames;
    size_t depth, room;
    bool is_telling;
    struct text path;
    struct slice told; /* the subdirectory of the last frame that was told last; in path */
};

/* ---- statements */

static void bind_key(sqlite3_stmt *statement, uint64_t directory, struct slice name,
                     const uint64_t *place)
{
    database_bind_number(statement, 1, directory);
    database_bind_bytes(statement, 2, (struct slice){(const char *)place, sizeof(*place)});
    database_bind_bytes(statement, 3, name);
}

static void bind_entry(sqlite3_stmt *statement, int parameter, const struct unixfs_entry *entry)
{
    database_bind_bytes(statement, parameter,
                        (struct slice){(const char *)entry->cid.bytes, entry->cid.size});
    database_bind_number(statement, parameter + 1, entry->tsize);
}

static struct unixfs_entry read_entry(sqlite3_stmt *statement, int column)
{
    struct slice bytes = database_bytes(statement, column);
    struct unixfs_entry entry = {.tsize = database_number(statement, column + 1)};
    bool ok = cid_from_bytes(&entry.cid, bytes.data, bytes.size, NULL);

    assert(ok); /* it was one when it came */
    return entry;
}

static bool add_directory(struct import_tree *tree, uint64_t parent, struct slice name,
                          const struct unixfs_stat *stat, struct error *err)
{
    sqlite3_stmt *statement = database_prepare(&tree->db, ADD_DIRECTORY, err);

    if (statement == NULL)
        return false;
    database_bind_number(statement, 1, ++tree->newest);
    database_bind_number(statement, 2, parent);
    database_bind_bytes(statement, 3, name);
    database_bind_bytes(statement, 4, (struct slice){(const char *)stat, sizeof(*stat)});
    return database_finish(&tree->db, statement, err);
}

/* ---- what comes */

struct import_tree *import_tree_create(const char *scratch, const struct unixfs_profile *profile,
                                       const struct unixfs_stat *stat, struct error *err)
{
    struct import_tree *tree = memory_alloc(sizeof(*tree));

    tree->profile = *profile;
    if (!database_open_scratch(&tree->db, &form, scratch, schema, err) ||
        !add_directory(tree, 0, (struct slice){NULL, 0}, stat, err))
        import_tree_destroy(&tree);
    return tree;
}

void import_tree_destroy(struct import_tree **tree)
{
    if (*tree == NULL)
        return;
    database_close(&(*tree)->db);
    unixfs_directory_destroy(&(*tree)->plain);
    unixfs_hamt_destroy(&(*tree)->sharded);
    free((*tree)->frames);
    text_dispose(&(*tree)->name);
    text_dispose(&(*tree)->path);
    free(*tree);
    *tree = NULL;
}

/* *child: the number of the directory of that name; 0: it is a file. */
static bool find(struct import_tree *tree, uint64_t directory, struct slice name, bool *is_there,
                 uint64_t *child, struct error *err)
{
    uint64_t place = htobe64(unixfs_hamt_place(name));
    sqlite3_stmt *statement = database_prepare(&tree->db, FIND, err);
    struct error failure = {0};

    if (statement == NULL)
        return false;
    bind_key(statement, directory, name, &place);
    *is_there = database_step(&tree->db, statement, &failure);
    if (*is_there) {
        *child = database_number(statement, 0);
        sqlite3_reset(statement);
    }
    return failure.code == ERROR_NONE || error_set(err, failure.code, "%s", failure.text);
}

bool import_tree_directory(struct import_tree *tree, uint64_t parent, struct slice name,
                           const struct unixfs_stat *stat, uint64_t *directory, struct error *err)
{
    uint64_t place = htobe64(unixfs_hamt_place(name));
    sqlite3_stmt *statement;
    bool is_there;

    if (!find(tree, parent, name, &is_there, directory, err))
        return false;
    if (is_there)
        return *directory != 0 || error_set(err, ERROR_UNSUPPORTED, "file already exists");
    statement = database_prepare(&tree->db, PUT_DIRECTORY, err);
    if (statement == NULL || !add_directory(tree, parent, name, stat, err))
        return false;
    *directory = tree->newest;
    bind_key(statement, parent, name, &place);
    database_bind_number(statement, 4, *directory);
    return database_finish(&tree->db, statement, err);
}

bool import_tree_put(struct import_tree *tree, uint64_t directory, struct slice name,
                     const struct unixfs_entry *entry, struct error *err)
{
    uint64_t place = htobe64(unixfs_hamt_place(name));
    sqlite3_stmt *statement = database_prepare(&tree->db, PUT, err);

    if (statement == NULL)
        return false;
    bind_key(statement, directory, name, &place);
    bind_entry(statement, 4, entry);
    if (!database_finish(&tree->db, statement, err))
        return false;
    return sqlite3_changes(tree->db.db) > 0 ||
           error_set(err, ERROR_UNSUPPORTED, "directory already has entry by that name");
}

/* ---- building */

static bool open_rows(struct import_tree *tree, struct error *err)
{
    tree->rows = database_prepare(&tree->db, ENTRIES, err);
    tree->extent = (struct unixfs_extent){0};
    if (tree->rows != NULL)
        database_bind_number(tree->rows, 1, tree->building);
    return tree->rows != NULL;
}

static bool begin(struct import_tree *tree, struct error *err)
{
    sqlite3_stmt *statement = database_prepare(&tree->db, GET_DIRECTORY, err);
    struct slice name, stat;

    if (statement == NULL)
        return false;
    database_bind_number(statement, 1, tree->building);
    if (!database_step(&tree->db, statement, err))
        return false;
    tree->parent = database_number(statement, 0);
    name = database_bytes(statement, 1);
    text_clear(&tree->name);
    text_put_slice(&tree->name, name);
    stat = database_bytes(statement, 2);
    assert(stat.size == sizeof(tree->stat));
    memcpy(&tree->stat, stat.data, sizeof(tree->stat));
    sqlite3_reset(statement);
    tree->plain = unixfs_directory_create(&tree->profile);
    return open_rows(tree, err);
}

/* It grew too large for one block: from its first entry again. */
static bool begin_sharded(struct import_tree *tree, unixfs_sink sink, void *arg, struct error *err)
{
    unixfs_directory_destroy(&tree->plain);
    tree->sharded = unixfs_hamt_create(&tree->profile, sink, arg);
    sqlite3_reset(tree->rows);
    return open_rows(tree, err);
}

static bool add_row(struct import_tree *tree, unixfs_sink sink, void *arg, struct error *err)
{
    struct slice name = database_bytes(tree->rows, 0);
    struct unixfs_entry entry = read_entry(tree->rows, 1);

    if (tree->sharded != NULL)
        return unixfs_hamt_add(tree->sharded, name, &entry, err);
    unixfs_extent_add(&tree->extent, &tree->profile, name, &entry);
    if (unixfs_must_shard(&tree->extent, &tree->profile, &tree->stat))
        return begin_sharded(tree, sink, arg, err);
    return unixfs_directory_add(tree->plain, name, &entry, err);
}

/* Tells the directory and its parent what was made. */
static bool keep(struct import_tree *tree, const struct unixfs_entry *entry, struct error *err)
{
    uint64_t place = htobe64(unixfs_hamt_place(text_slice(&tree->name)));
    sqlite3_stmt *own = database_prepare(&tree->db, SET_DIRECTORY, err);
    sqlite3_stmt *parents = database_prepare(&tree->db, SET_ENTRY, err);

    if (own == NULL || parents == NULL)
        return false;
    database_bind_number(own, 1, tree->building);
    database_bind_number(own, 2, tree->sharded != NULL);
    bind_entry(own, 3, entry);
    if (!database_finish(&tree->db, own, err))
        return false;
    if (tree->building == IMPORT_TREE_ROOT) {
        tree->root = *entry;
        return true;
    }
    bind_key(parents, tree->parent, text_slice(&tree->name), &place);
    bind_entry(parents, 4, entry);
    return database_finish(&tree->db, parents, err);
}

static bool finish(struct import_tree *tree, unixfs_sink sink, void *arg, struct error *err)
{
    struct unixfs_entry entry;
    bool ok = tree->sharded != NULL
                  ? unixfs_hamt_finish(tree->sharded, &tree->stat, &entry, err)
                  : unixfs_directory_finish(tree->plain, &tree->stat, sink, arg, &entry, err);

    if (!ok || !keep(tree, &entry, err))
        return false;
    unixfs_directory_destroy(&tree->plain);
    unixfs_hamt_destroy(&tree->sharded);
    tree->rows = NULL;
    tree->building--;
    return true;
}

enum read_step import_tree_build(struct import_tree *tree, struct task *task, unixfs_sink sink,
                                 void *arg, struct error *err)
{
    struct error failure = {0};

    if (tree->building == 0)
        tree->building = tree->newest;
    do {
        if (tree->rows == NULL && !begin(tree, err))
            return READ_BAD;
        if (database_step(&tree->db, tree->rows, &failure)) {
            if (!add_row(tree, sink, arg, err))
                return READ_BAD;
            continue;
        }
        if (failure.code != ERROR_NONE) {
            error_set(err, failure.code, "%s", failure.text);
            return READ_BAD;
        }
        if (!finish(tree, sink, arg, err))
            return READ_BAD;
        if (tree->building == 0)
            return READ_END;
    } while (!task_is_due(task));
    return READ_DUE;
}

struct unixfs_entry import_tree_root(const struct import_tree *tree)
{
    return tree->root;
}

/* ---- telling */

static bool push(struct import_tree *tree, uint64_t number, struct error *err)
{
    sqlite3_stmt *statement = database_prepare(&tree->db, GET_DIRECTORY, err);

    if (statement == NULL)
        return false;
    database_bind_number(statement, 1, number);
    if (!database_step(&tree->db, statement, err))
        return false;
    if (tree->depth == tree->room) {
        tree->room = tree->room == 0 ? 8 : tree->room * 2;
        tree->frames = memory_resize_array(tree->frames, tree->room, sizeof(*tree->frames));
    }
    tree->frames[tree->depth++] = (struct frame){
        .number = number,
        .path_size = tree->path.size,
        .is_sharded = database_number(statement, 3) != 0,
        .entry = read_entry(statement, 4),
    };
    sqlite3_reset(statement);
    tree->told = (struct slice){NULL, 0};
    return true;
}

/* The next subdirectory of the last frame becomes a frame. *is_one: there was one. */
static bool descend(struct import_tree *tree, bool *is_one, struct error *err)
{
    const struct frame *frame = &tree->frames[tree->depth - 1];
    uint64_t place = htobe64(unixfs_hamt_place(tree->told)), child;
    struct slice place_bytes = {(const char *)&place, tree->told.size > 0 ? sizeof(place) : 0};
    sqlite3_stmt *statement =
        database_prepare(&tree->db, frame->is_sharded ? NEXT_BY_PLACE : NEXT_BY_NAME, err);
    struct error failure = {0};

    if (statement == NULL)
        return false;
    database_bind_number(statement, 1, frame->number);
    if (frame->is_sharded)
        database_bind_bytes(statement, 2, place_bytes);
    database_bind_bytes(statement, frame->is_sharded ? 3 : 2, tree->told);
    *is_one = database_step(&tree->db, statement, &failure);
    if (!*is_one)
        return failure.code == ERROR_NONE || error_set(err, failure.code, "%s", failure.text);
    child = database_number(statement, 0);
    tree->path.size = frame->path_size;
    if (tree->path.size > 0)
        text_put_char(&tree->path, '/');
    text_put_slice(&tree->path, database_bytes(statement, 1));
    sqlite3_reset(statement);
    return push(tree, child, err);
}

/* The last frame is told. Its name, in path, says where its parent goes on. */
static void ascend(struct import_tree *tree, struct slice *path, struct unixfs_entry *entry)
{
    const struct frame *frame = &tree->frames[--tree->depth];
    size_t before = tree->depth > 0 ? tree->frames[tree->depth - 1].path_size : 0;

    if (before > 0)
        before++; /* the slash */
    *path = (struct slice){tree->path.data, frame->path_size};
    *entry = frame->entry;
    tree->told = (struct slice){tree->path.data + before, frame->path_size - before};
}

enum read_step import_tree_next(struct import_tree *tree, struct task *task, struct slice *path,
                                struct unixfs_entry *entry, struct error *err)
{
    bool is_one;

    if (!tree->is_telling && !push(tree, IMPORT_TREE_ROOT, err))
        return READ_BAD;
    tree->is_telling = true;
    while (tree->depth > 0) {
        if (!descend(tree, &is_one, err))
            return READ_BAD;
        if (!is_one) {
            ascend(tree, path, entry);
            return READ_GOT;
        }
        if (task_is_due(task))
            return READ_DUE;
    }
    return READ_END;
}
