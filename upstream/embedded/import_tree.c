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

#define FIRST_MAX 64 /* entries, before there is a file */

/* An entry that came before there was one. */
struct first {
    uint64_t directory;
    uint64_t child; /* the number of a directory; 0: a file */
    struct text name;
    struct unixfs_entry entry; /* of a file */
    struct unixfs_stat stat;   /* of a directory */
};

/* A directory that is being told: the subdirectories before it were. */
struct frame {
    uint64_t number;
    size_t path_size; /* of the path down to it */
    bool is_sharded;
    struct unixfs_entry entry;
};

struct import_tree {
    const char *scratch;
    struct unixfs_profile profile;
    uint64_t newest; /* the number of the last directory */
    struct unixfs_stat root_stat;
    struct first *firsts;
    size_t first_count, first_room;
    bool has_file; /* the firsts are in it, too, and there come no more of them */
    struct database db;

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

static bool add_directory(struct import_tree *tree, uint64_t number, uint64_t parent,
                          struct slice name, const struct unixfs_stat *stat, struct error *err)
{
    sqlite3_stmt *statement = database_prepare(&tree->db, ADD_DIRECTORY, err);

    if (statement == NULL)
        return false;
    database_bind_number(statement, 1, number);
    database_bind_number(statement, 2, parent);
    database_bind_bytes(statement, 3, name);
    database_bind_bytes(statement, 4, (struct slice){(const char *)stat, sizeof(*stat)});
    return database_finish(&tree->db, statement, err);
}

/* Its entry in its parent, too. */
static bool put_directory(struct import_tree *tree, uint64_t number, uint64_t parent,
                          struct slice name, const struct unixfs_stat *stat, struct error *err)
{
    uint64_t place = htobe64(unixfs_hamt_place(name));
    sqlite3_stmt *statement = database_prepare(&tree->db, PUT_DIRECTORY, err);

    if (statement == NULL || !add_directory(tree, number, parent, name, stat, err))
        return false;
    bind_key(statement, parent, name, &place);
    database_bind_number(statement, 4, number);
    return database_finish(&tree->db, statement, err);
}

/* *is_new: there was none of that name. */
static bool put_file(struct import_tree *tree, uint64_t directory, struct slice name,
                     const struct unixfs_entry *entry, bool *is_new, struct error *err)
{
    uint64_t place = htobe64(unixfs_hamt_place(name));
    sqlite3_stmt *statement = database_prepare(&tree->db, PUT, err);

    if (statement == NULL)
        return false;
    bind_key(statement, directory, name, &place);
    bind_entry(statement, 4, entry);
    if (!database_finish(&tree->db, statement, err))
        return false;
    *is_new = sqlite3_changes(tree->db.db) > 0;
    return true;
}

/* ---- the first entries */

static struct first *find_first(const struct import_tree *tree, uint64_t directory,
                                struct slice name)
{
    for (size_t i = 0; i < tree->first_count; i++)
        if (tree->firsts[i].directory == directory &&
            slice_equal(text_slice(&tree->firsts[i].name), name))
            return &tree->firsts[i];
    return NULL;
}

static struct first *add_first(struct import_tree *tree, uint64_t directory, struct slice name)
{
    struct first *first;

    if (tree->first_count == tree->first_room) {
        tree->first_room = tree->first_room == 0 ? 4 : tree->first_room * 2;
        tree->firsts = memory_resize_array(tree->firsts, tree->first_room, sizeof(*tree->firsts));
    }
    first = &tree->firsts[tree->first_count++];
    *first = (struct first){.directory = directory};
    text_put_slice(&first->name, name);
    return first;
}

static void forget_firsts(struct import_tree *tree)
{
    for (size_t i = 0; i < tree->first_count; i++)
        text_dispose(&tree->firsts[i].name);
    free(tree->firsts);
    tree->firsts = NULL;
    tree->first_count = 0;
}

/* They go into a file, and so does all that follows. */
static bool open_file(struct import_tree *tree, struct error *err)
{
    bool ok =
        database_open_scratch(&tree->db, &form, tree->scratch, schema, err) &&
        add_directory(tree, IMPORT_TREE_ROOT, 0, (struct slice){NULL, 0}, &tree->root_stat, err);
    bool is_new = false;

    tree->has_file = true;
    for (size_t i = 0; ok && i < tree->first_count; i++) {
        const struct first *first = &tree->firsts[i];

        ok = first->child != 0 ? put_directory(tree, first->child, first->directory,
                                               text_slice(&first->name), &first->stat, err)
                               : put_file(tree, first->directory, text_slice(&first->name),
                                          &first->entry, &is_new, err);
    }
    forget_firsts(tree);
    return ok;
}

/* ---- what comes */

struct import_tree *import_tree_create(const char *scratch, const struct unixfs_profile *profile,
                                       const struct unixfs_stat *stat)
{
    struct import_tree *tree = memory_alloc(sizeof(*tree));

    tree->scratch = scratch;
    tree->profile = *profile;
    tree->root_stat = *stat;
    tree->newest = IMPORT_TREE_ROOT;
    return tree;
}

void import_tree_destroy(struct import_tree **tree)
{
    if (*tree == NULL)
        return;
    if ((*tree)->has_file)
        database_close(&(*tree)->db);
    forget_firsts(*tree);
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
    const struct first *first = find_first(tree, directory, name);
    uint64_t place = htobe64(unixfs_hamt_place(name));
    struct error failure = {0};
    sqlite3_stmt *statement;

    *is_there = first != NULL;
    if (!tree->has_file) {
        *child = first != NULL ? first->child : 0;
        return true;
    }
    statement = database_prepare(&tree->db, FIND, err);
    if (statement == NULL)
        return false;
    bind_key(statement, directory, name, &place);
    *is_there = database_step(&tree->db, statement, &failure);
    if (*is_there) {
        *child = database_number(statement, 0);
        sqlite3_reset(statement);
    }
    return failure.code == ERROR_NONE || error_copy(err, &failure);
}

/* Whether the next entry is one of the first, or goes into the file. */
static bool make_room(struct import_tree *tree, struct error *err)
{
    return tree->has_file || tree->first_count < FIRST_MAX || open_file(tree, err);
}

bool import_tree_directory(struct import_tree *tree, uint64_t parent, struct slice name,
                           const struct unixfs_stat *stat, uint64_t *directory, struct error *err)
{
    struct first *first;
    bool is_there;

    if (!make_room(tree, err) || !find(tree, parent, name, &is_there, directory, err))
        return false;
    if (is_there)
        return *directory != 0 || error_set(err, ERROR_UNSUPPORTED, "file already exists");
    *directory = ++tree->newest;
    if (tree->has_file)
        return put_directory(tree, *directory, parent, name, stat, err);
    first = add_first(tree, parent, name);
    first->child = *directory;
    first->stat = *stat;
    return true;
}

bool import_tree_put(struct import_tree *tree, uint64_t directory, struct slice name,
                     const struct unixfs_entry *entry, struct error *err)
{
    bool is_new = false;

    if (!make_room(tree, err))
        return false;
    if (tree->has_file) {
        if (!put_file(tree, directory, name, entry, &is_new, err))
            return false;
    } else {
        is_new = find_first(tree, directory, name) == NULL;
        if (is_new)
            add_first(tree, directory, name)->entry = *entry;
    }
    return is_new || error_set(err, ERROR_UNSUPPORTED, "directory already has entry by that name");
}

size_t import_tree_memory(struct import_tree *tree, bool is_short)
{
    static const int parts[] = {SQLITE_DBSTATUS_CACHE_USED, SQLITE_DBSTATUS_SCHEMA_USED,
                                SQLITE_DBSTATUS_STMT_USED};
    size_t bytes = 0;

    if (!tree->has_file)
        return tree->first_room * sizeof(*tree->firsts);
    if (is_short) { /* what fails here fails again where it matters */
        sqlite3_db_cacheflush(tree->db.db);
        sqlite3_db_release_memory(tree->db.db);
    }
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        int used = 0, most = 0;

        sqlite3_db_status(tree->db.db, parts[i], &used, &most, 0);
        bytes += (size_t)used;
    }
    return bytes;
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

    if (!tree->has_file && !open_file(tree, err))
        return READ_BAD;
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
            error_copy(err, &failure);
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
        return failure.code == ERROR_NONE || error_copy(err, &failure);
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
