// SPDX-License-Identifier: Apache-2.0
#include "disk.h"

#include "conf/memory.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECTOR = 512 };

/* A write or a truncation that is not synced. */
struct change {
    struct crash_record record;
    const char *bytes;
};

struct file {
    char *bytes; /* as synced */
    size_t size, capacity;
    struct change *changes;
    size_t change_count;
};

struct name {
    char *path;
    uint32_t file; /* 0: a folder */
};

struct names {
    struct name *names;
    size_t count;
};

struct disk {
    char *log;
    size_t size, at;
    struct crash_record record; /* taken last */
    struct file *files;         /* by number */
    size_t file_count;
    struct names names;    /* as synced */
    struct change *folder; /* changes of names that are not */
    size_t folder_count;
};

/* SplitMix64. */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15U);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

static void stop(const char *what)
{
    perror(what);
    exit(3);
}

/* ---- a file's bytes */

static void resize(struct file *file, size_t size)
{
    if (size > file->capacity) {
        file->capacity = 2 * size;
        file->bytes = memory_resize(file->bytes, file->capacity);
    }
    if (size > file->size)
        memset(file->bytes + file->size, 0, size - file->size);
    file->size = size;
}

static void apply(struct file *file, const struct change *change)
{
    size_t end = (size_t)(change->record.offset + change->record.size);

    if (change->record.kind == CRASH_TRUNCATE) {
        resize(file, (size_t)change->record.offset);
        return;
    }
    if (change->record.size == 0)
        return;
    if (end > file->size)
        resize(file, end);
    assert(file->bytes != NULL);
    memcpy(file->bytes + change->record.offset, change->bytes, change->record.size);
}

/* Some of its sectors. */
static void apply_torn(struct file *file, const struct change *change, uint64_t *random)
{
    uint64_t at = change->record.offset, end = at + change->record.size;

    while (at < end) {
        uint64_t next = (at / SECTOR + 1) * SECTOR;
        struct change sector = {.record = {CRASH_WRITE, change->record.file, at, 0},
                                .bytes = change->bytes + (at - change->record.offset)};

        sector.record.size = (next < end ? next : end) - at;
        if (draw(random) % 2 == 0)
            apply(file, &sector);
        at = next;
    }
}

static void add_change(struct change **changes, size_t *count, const struct crash_record *record,
                       const char *bytes)
{
    *changes = memory_resize_array(*changes, *count + 1, sizeof(**changes));
    (*changes)[(*count)++] = (struct change){*record, bytes};
}

/* ---- names */

static struct name *find_name(const struct names *names, const char *path)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->names[i].path, path) == 0)
            return &names->names[i];
    return NULL;
}

static void drop_name(struct names *names, const char *path)
{
    struct name *name = find_name(names, path);

    if (name == NULL)
        return;
    free(name->path);
    *name = names->names[--names->count];
}

static void add_name(struct names *names, const char *path, uint32_t file)
{
    drop_name(names, path);
    names->names = memory_resize_array(names->names, names->count + 1, sizeof(struct name));
    names->names[names->count++] = (struct name){memory_copy_text(path), file};
}

static void apply_name(struct names *names, const struct change *change)
{
    char *path = memory_copy(change->bytes, change->record.size);
    struct name *from = find_name(names, path);

    switch (change->record.kind) {
    case CRASH_CREATE:
        add_name(names, path, change->record.file);
        break;
    case CRASH_FOLDER:
        add_name(names, path, 0);
        break;
    case CRASH_REMOVE:
        drop_name(names, path);
        break;
    default:
        if (from != NULL) {
            uint32_t file = from->file;

            drop_name(names, path);
            add_name(names, path + strlen(path) + 1, file);
        }
    }
    free(path);
}

static void dispose_names(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->names[i].path);
    free(names->names);
}

static struct names copy_names(const struct names *names)
{
    struct names copy = {0};

    for (size_t i = 0; i < names->count; i++)
        add_name(&copy, names->names[i].path, names->names[i].file);
    return copy;
}

/* ---- the log */

struct disk *disk_open(const char *log)
{
    struct disk *disk = memory_alloc(sizeof(*disk));
    int fd = open(log, O_RDONLY | O_CLOEXEC);
    struct stat status;

    if (fd < 0 || fstat(fd, &status) != 0)
        stop(log);
    disk->size = (size_t)status.st_size;
    disk->log = mmap(NULL, disk->size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (disk->log == MAP_FAILED)
        stop(log);
    close(fd);
    return disk;
}

void disk_close(struct disk **disk_ptr)
{
    struct disk *disk = *disk_ptr;

    *disk_ptr = NULL;
    for (size_t i = 0; i < disk->file_count; i++) {
        free(disk->files[i].bytes);
        free(disk->files[i].changes);
    }
    free(disk->files);
    free(disk->folder);
    dispose_names(&disk->names);
    munmap(disk->log, disk->size);
    free(disk);
}

static struct file *need_file(struct disk *disk, uint32_t number)
{
    if (number >= disk->file_count) {
        disk->files = memory_resize_array(disk->files, number + 1, sizeof(struct file));
        memset(disk->files + disk->file_count, 0,
               (number + 1 - disk->file_count) * sizeof(struct file));
        disk->file_count = number + 1;
    }
    return &disk->files[number];
}

static void sync_file(struct file *file)
{
    for (size_t i = 0; i < file->change_count; i++)
        apply(file, &file->changes[i]);
    file->change_count = 0;
}

static void sync_folder(struct disk *disk)
{
    for (size_t i = 0; i < disk->folder_count; i++)
        apply_name(&disk->names, &disk->folder[i]);
    disk->folder_count = 0;
}

const struct crash_record *disk_step(struct disk *disk, const char **bytes)
{
    struct crash_record *record = &disk->record;
    struct file *file;

    if (disk->at == disk->size)
        return NULL;
    memcpy(record, disk->log + disk->at, sizeof(*record)); /* it stands at any address */
    *bytes = disk->log + disk->at + sizeof(*record);
    disk->at += sizeof(*record) + record->size;
    assert(disk->at <= disk->size);
    file = need_file(disk, record->file);
    switch (record->kind) {
    case CRASH_WRITE:
    case CRASH_TRUNCATE:
        add_change(&file->changes, &file->change_count, record, *bytes);
        break;
    case CRASH_SYNC:
        sync_file(file);
        break;
    case CRASH_SYNC_FOLDER:
        sync_folder(disk);
        break;
    case CRASH_NOTE:
        break;
    default:
        add_change(&disk->folder, &disk->folder_count, record, *bytes);
    }
    return record;
}

size_t disk_pending(const struct disk *disk)
{
    size_t count = disk->folder_count;

    for (size_t i = 0; i < disk->file_count; i++)
        count += disk->files[i].change_count;
    return count;
}

/* ---- a state */

static void write_bytes(const char *path, const char *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0 || (size > 0 && write(fd, bytes, size) != (ssize_t)size))
        stop(path);
    close(fd);
}

static void write_file(const struct file *file, enum disk_rest rest, uint64_t *random,
                       const char *path)
{
    struct file copy = {0};

    resize(&copy, file->size);
    if (file->size > 0)
        memcpy(copy.bytes, file->bytes, file->size);
    for (size_t i = 0; i < file->change_count; i++) {
        const struct change *change = &file->changes[i];
        uint64_t fate = rest == DISK_SUBSET ? draw(random) % 3 : rest == DISK_ALL ? 0 : 1;

        if (fate == 0)
            apply(&copy, change);
        else if (fate == 2 && change->record.kind == CRASH_WRITE)
            apply_torn(&copy, change, random);
    }
    write_bytes(path, copy.bytes, copy.size);
    free(copy.bytes);
}

void disk_write(const struct disk *disk, enum disk_rest rest, uint64_t seed, const char *folder)
{
    struct names names = copy_names(&disk->names);
    size_t count = rest == DISK_ALL      ? disk->folder_count
                   : rest == DISK_SUBSET ? draw(&seed) % (disk->folder_count + 1)
                                         : 0;
    char path[4096];

    for (size_t i = 0; i < count; i++)
        apply_name(&names, &disk->folder[i]);
    for (size_t i = 0; i < names.count; i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names.names[i].path);
        if (names.names[i].file != 0)
            write_file(&disk->files[names.names[i].file], rest, &seed, path);
        else if (mkdir(path, 0700) != 0)
            stop(path);
    }
    dispose_names(&names);
}
