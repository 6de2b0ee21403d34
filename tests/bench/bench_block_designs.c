// SPDX-License-Identifier: Apache-2.0
/* `bench_block_designs DESIGN FOLDER`: what the block store could have been made of, each reduced
 * to the least that is durable, under the same work. FOLDER is made, and left behind.
 *
 *   files     one file a block in 1,024 folders: all of a group written, each synced, renamed into
 *             place, then the folders synced
 *   segments  appended to one file, synced; then the places into SQLite, committed
 *   sqlite    the blocks themselves in SQLite, a group a transaction
 *
 * Hashing is left out: it is the same for all. Reads come from the page cache. */
#include "conf/memory.h"
#include "conf/text.h"
#include "http/loop.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SHARDS = 1024, KEY = 34, GROUP_BYTES = 16 << 20, GROUP_MAX = 1024 };

struct block {
    uint8_t key[KEY];
    const char *data;
    size_t size;
};

struct design {
    const char *name;
    void (*open)(const char *folder);
    void (*close)(void);
    void (*put)(const struct block *blocks, unsigned count);
    size_t (*get)(const uint8_t *key, char *out); /* bytes; 0: it is not there */
    void (*remove)(const struct block *blocks, unsigned count);
    uint64_t (*count)(void);
};

static void stop(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- files */

static char root[512];

static unsigned shard_of(const uint8_t *key)
{
    return (key[2] | (unsigned)key[3] << 8) % SHARDS;
}

static void path_of(const uint8_t *key, const char *suffix, char path[1024])
{
    int at = snprintf(path, 1024, "%s/%03x/", root, shard_of(key));

    for (int i = 2; i < KEY; i++)
        at += snprintf(path + at, 4, "%02x", key[i]);
    snprintf(path + at, 16, "%s", suffix);
}

static void files_open(const char *folder)
{
    char path[1024];

    snprintf(root, sizeof(root), "%s", folder);
    for (unsigned i = 0; i < SHARDS; i++) {
        snprintf(path, sizeof(path), "%s/%03x", folder, i);
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            stop(path);
    }
}

static void files_close(void)
{
}

static void sync_shards(const struct block *blocks, unsigned count)
{
    bool is_touched[SHARDS] = {false};
    char path[1024];

    for (unsigned i = 0; i < count; i++)
        is_touched[shard_of(blocks[i].key)] = true;
    for (unsigned i = 0; i < SHARDS; i++) {
        int fd;

        if (!is_touched[i])
            continue;
        snprintf(path, sizeof(path), "%s/%03x", root, i);
        fd = open(path, O_RDONLY | O_DIRECTORY);
        if (fd < 0 || fsync(fd) != 0)
            stop(path);
        close(fd);
    }
}

static void files_put(const struct block *blocks, unsigned count)
{
    int *fds = memory_resize_array(NULL, count, sizeof(*fds));
    char path[1024], whole[1024];

    for (unsigned i = 0; i < count; i++) {
        path_of(blocks[i].key, ".new", path);
        fds[i] = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (fds[i] < 0 || write(fds[i], blocks[i].data, blocks[i].size) != (ssize_t)blocks[i].size)
            stop(path);
    }
    for (unsigned i = 0; i < count; i++) {
        path_of(blocks[i].key, ".new", path);
        path_of(blocks[i].key, "", whole);
        if (fdatasync(fds[i]) != 0 || close(fds[i]) != 0 || rename(path, whole) != 0)
            stop(path);
    }
    sync_shards(blocks, count);
    free(fds);
}

static size_t files_get(const uint8_t *key, char *out)
{
    char path[1024];
    ssize_t size;
    int fd;

    path_of(key, "", path);
    fd = open(path, O_RDONLY);
    if (fd < 0)
        return 0;
    size = read(fd, out, 2 << 20);
    close(fd);
    return size < 0 ? 0 : (size_t)size;
}

static void files_remove(const struct block *blocks, unsigned count)
{
    char path[1024];

    for (unsigned i = 0; i < count; i++) {
        path_of(blocks[i].key, "", path);
        unlink(path);
    }
    sync_shards(blocks, count);
}

static uint64_t files_count(void)
{
    uint64_t count = 0;
    char path[1024];

    for (unsigned i = 0; i < SHARDS; i++) {
        DIR *folder;

        snprintf(path, sizeof(path), "%s/%03x", root, i);
        folder = opendir(path);
        while (folder != NULL && readdir(folder) != NULL)
            count++;
        if (folder != NULL)
            closedir(folder);
        count -= 2;
    }
    return count;
}

/* ---- SQLite */

static sqlite3 *db;
static sqlite3_stmt *put_one, *get_one, *remove_one;

static void run(const char *sql)
{
    char *text = NULL;

    if (sqlite3_exec(db, sql, NULL, NULL, &text) == SQLITE_OK)
        return;
    fprintf(stderr, "%s: %s\n", sql, text);
    exit(1);
}

static sqlite3_stmt *prepare(const char *sql)
{
    sqlite3_stmt *statement;

    if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) != SQLITE_OK)
        stop(sql);
    return statement;
}

static void db_open(const char *folder)
{
    char path[1024];

    mkdir(folder, 0700);
    snprintf(path, sizeof(path), "%s/index.db", folder);
    if (sqlite3_open(path, &db) != SQLITE_OK)
        stop(path);
    run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16384;"
        "CREATE TABLE IF NOT EXISTS block (key BLOB PRIMARY KEY, segment INT, place INT, size INT,"
        " data BLOB) WITHOUT ROWID;"
        "CREATE TABLE IF NOT EXISTS whole (key BLOB PRIMARY KEY, data BLOB);");
}

static void db_close(void)
{
    sqlite3_finalize(put_one);
    sqlite3_finalize(get_one);
    sqlite3_finalize(remove_one);
    sqlite3_close(db);
}

static void db_step(sqlite3_stmt *statement)
{
    if (sqlite3_step(statement) != SQLITE_DONE)
        stop("step");
    sqlite3_reset(statement);
}

static void sqlite_open(const char *folder)
{
    db_open(folder);
    put_one = prepare("INSERT OR IGNORE INTO whole VALUES (?1, ?2)");
    get_one = prepare("SELECT data FROM whole WHERE key = ?1");
    remove_one = prepare("DELETE FROM whole WHERE key = ?1");
}

static void sqlite_put(const struct block *blocks, unsigned count)
{
    run("BEGIN IMMEDIATE");
    for (unsigned i = 0; i < count; i++) {
        sqlite3_bind_blob(put_one, 1, blocks[i].key, KEY, SQLITE_STATIC);
        sqlite3_bind_blob(put_one, 2, blocks[i].data, (int)blocks[i].size, SQLITE_STATIC);
        db_step(put_one);
    }
    run("COMMIT");
}

static size_t sqlite_get(const uint8_t *key, char *out)
{
    size_t size = 0;

    sqlite3_bind_blob(get_one, 1, key, KEY, SQLITE_STATIC);
    if (sqlite3_step(get_one) == SQLITE_ROW) {
        size = (size_t)sqlite3_column_bytes(get_one, 0);
        memcpy(out, sqlite3_column_blob(get_one, 0), size);
    }
    sqlite3_reset(get_one);
    return size;
}

static void sqlite_remove(const struct block *blocks, unsigned count)
{
    run("BEGIN IMMEDIATE");
    for (unsigned i = 0; i < count; i++) {
        sqlite3_bind_blob(remove_one, 1, blocks[i].key, KEY, SQLITE_STATIC);
        db_step(remove_one);
    }
    run("COMMIT");
}

static uint64_t count_rows(const char *sql)
{
    sqlite3_stmt *statement = prepare(sql);
    uint64_t count;

    if (sqlite3_step(statement) != SQLITE_ROW)
        stop(sql);
    count = (uint64_t)sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return count;
}

static uint64_t sqlite_count(void)
{
    return count_rows("SELECT count(*) FROM whole");
}

/* ---- segments: dead bytes are taken out by copying the rest, which costs what is alive */

static int segment;
static off_t end;

static void segments_open(const char *folder)
{
    char path[1024];

    db_open(folder);
    put_one = prepare("INSERT OR IGNORE INTO block VALUES (?1, 1, ?2, ?3, NULL)");
    get_one = prepare("SELECT place, size FROM block WHERE key = ?1");
    remove_one = prepare("DELETE FROM block WHERE key = ?1");
    snprintf(path, sizeof(path), "%s/1.blocks", folder);
    segment = open(path, O_RDWR | O_CREAT, 0600);
    end = lseek(segment, 0, SEEK_END);
}

static void segments_close(void)
{
    close(segment);
    db_close();
}

/* Small ones share a write. */
static void append(const struct block *blocks, unsigned count)
{
    struct text all = {0};

    for (unsigned i = 0; i < count; i++) {
        text_put(&all, blocks[i].key, KEY);
        text_put(&all, blocks[i].data, blocks[i].size);
        if ((all.size > 1 << 20 || i + 1 == count)) {
            if (write(segment, all.data, all.size) != (ssize_t)all.size)
                stop("segment");
            text_clear(&all);
        }
    }
    text_dispose(&all);
    if (fdatasync(segment) != 0)
        stop("segment");
}

static void segments_put(const struct block *blocks, unsigned count)
{
    append(blocks, count);
    run("BEGIN IMMEDIATE");
    for (unsigned i = 0; i < count; i++) {
        sqlite3_bind_blob(put_one, 1, blocks[i].key, KEY, SQLITE_STATIC);
        sqlite3_bind_int64(put_one, 2, end + KEY);
        sqlite3_bind_int64(put_one, 3, (int64_t)blocks[i].size);
        end += (off_t)(KEY + blocks[i].size);
        db_step(put_one);
    }
    run("COMMIT");
}

static size_t segments_get(const uint8_t *key, char *out)
{
    ssize_t size = 0;

    sqlite3_bind_blob(get_one, 1, key, KEY, SQLITE_STATIC);
    if (sqlite3_step(get_one) == SQLITE_ROW)
        size = pread(segment, out, (size_t)sqlite3_column_int64(get_one, 1),
                     sqlite3_column_int64(get_one, 0));
    sqlite3_reset(get_one);
    return size < 0 ? 0 : (size_t)size;
}

static uint64_t segments_count(void)
{
    return count_rows("SELECT count(*) FROM block");
}

static const struct design designs[] = {
    {"files", files_open, files_close, files_put, files_get, files_remove, files_count},
    {"segments", segments_open, segments_close, segments_put, segments_get, sqlite_remove,
     segments_count},
    {"sqlite", sqlite_open, db_close, sqlite_put, sqlite_get, sqlite_remove, sqlite_count},
};

/* ---- the work */

static char *noise; /* what blocks are cut from */

static struct block make(uint64_t n, size_t size)
{
    struct block block = {.key = {0x12, 0x20}, .data = noise + n % 4096, .size = size};

    for (int i = 2; i < KEY; i += 8) { /* SplitMix64: keys come in no order */
        uint64_t z = (n + (uint64_t)i * 1000003) * UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        z ^= z >> 31;
        memcpy(block.key + i, &z, 8);
    }
    return block;
}

static double since(uint64_t begin_us)
{
    return (double)(clock_us() - begin_us) / 1e6;
}

static void each_group(void (*act)(const struct block *, unsigned), uint64_t first, uint64_t count,
                       size_t size)
{
    static struct block group[GROUP_MAX];
    unsigned room = GROUP_BYTES / size < GROUP_MAX ? (unsigned)(GROUP_BYTES / size) : GROUP_MAX;

    for (uint64_t n = 0, in = 0; n < count; n++) {
        group[in++] = make(first + n, size);
        if (in == room || n + 1 == count) {
            act(group, (unsigned)in);
            in = 0;
        }
    }
}

static void time_put(const struct design *design, uint64_t first, uint64_t count, size_t size)
{
    uint64_t begin_us = clock_us();

    each_group(design->put, first, count, size);
    printf("%-9s put %8" PRIu64 " of %7zu bytes %8.2f s %8.0f MiB/s %8.0f a second\n", design->name,
           count, size, since(begin_us), (double)count * (double)size / 1048576 / since(begin_us),
           (double)count / since(begin_us));
}

static void time_get(const struct design *design, uint64_t first, uint64_t count, size_t size)
{
    char *out = memory_alloc(2 << 20);
    uint64_t begin_us = clock_us();

    for (uint64_t i = 0; i < 10000; i++) {
        uint64_t n = i * UINT64_C(2654435761) % count;

        if (design->get(make(first + n, size).key, out) != size)
            stop("get");
    }
    printf("%-9s get    10000 of %7zu bytes %8.2f s %8.0f a second\n", design->name, size,
           since(begin_us), 10000 / since(begin_us));
    free(out);
}

static void time_open(const struct design *design, const char *folder)
{
    uint64_t begin_us, count;
    double opened;

    design->close();
    begin_us = clock_us();
    design->open(folder);
    opened = since(begin_us);
    begin_us = clock_us();
    count = design->count();
    printf("%-9s open %.4f s, counting %" PRIu64 " %.3f s\n", design->name, opened, count,
           since(begin_us));
}

static void time_remove(const struct design *design, uint64_t first, uint64_t count, size_t size)
{
    uint64_t begin_us = clock_us();

    each_group(design->remove, first, count, size);
    printf("%-9s remove %" PRIu64 " of %zu bytes %.2f s\n", design->name, count, size,
           since(begin_us));
}

int main(int argc, char **argv)
{
    const struct design *design = NULL;
    uint64_t many = argc > 3 ? strtoull(argv[3], NULL, 10) : 1000000;

    for (size_t i = 0; argc >= 3 && i < ARRAY_SIZE(designs); i++)
        if (strcmp(designs[i].name, argv[1]) == 0)
            design = &designs[i];
    if (design == NULL) {
        fprintf(stderr, "usage: bench_block_designs files|segments|sqlite FOLDER [MANY]\n");
        return 2;
    }
    noise = memory_alloc((2 << 20) + 8192);
    for (size_t i = 0; i < (2 << 20) + 8192; i++)
        noise[i] = (char)(i * 2654435761U >> 13);
    mkdir(argv[2], 0700);
    design->open(argv[2]);
    time_put(design, 0, 4096, 256 << 10);
    time_put(design, 1 << 20, 1024, 1 << 20);
    time_put(design, 2 << 20, 100000, 1024);
    time_get(design, 0, 4096, 256 << 10);
    time_get(design, 2 << 20, 100000, 1024);
    time_put(design, 8 << 20, many, 64);
    time_open(design, argv[2]);
    time_get(design, 8 << 20, many, 64);
    time_remove(design, 0, 2048, 256 << 10);
    time_remove(design, 2 << 20, 50000, 1024);
    design->close();
    free(noise);
    return 0;
}
