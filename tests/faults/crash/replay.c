// SPDX-License-Identifier: Apache-2.0
/* `crash_..._replay LOG FOLDER SUBSETS EVERY SEED`: takes a recorded log apart. Behind every
 * EVERYth of its records the process dies, and the machine does: the folder is made as it would be
 * found, and checked. In every sync interval (from one sync to the next) the machine dies SUBSETS
 * times more, each at a point and with a rest of its writes that the seed chooses. FOLDER is made
 * and removed.
 *
 * One line of JSON with what was done; the exit code is 1 if a state did not hold, and the first of
 * these are named with what repeats them. */
#include "check.h"
#include "conf/memory.h"
#include "disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SHOWN = 5 };

struct replay {
    struct disk *disk;
    struct check *check;
    const char *folder;
    unsigned subsets, every;
    uint64_t random;
    uint64_t states, failures, intervals;
};

/* xorshift64*: the seeds of states. Never 0. */
static uint64_t draw(struct replay *replay)
{
    uint64_t x = replay->random;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    replay->random = x;
    return x * 2685821657736338717U;
}

/* Files alone: nothing that is checked makes folders in it. */
static void empty_folder(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;

    while (folder != NULL && (entry = readdir(folder)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
            unlinkat(dirfd(folder), entry->d_name, 0) != 0) {
            perror(entry->d_name);
            exit(3);
        }
    if (folder != NULL)
        closedir(folder);
}

static void try_state(struct replay *replay, size_t record, enum disk_rest rest, uint64_t seed)
{
    static const char *const rests[] = {"all", "none", "subset"};
    struct error err = {0};

    empty_folder(replay->folder);
    disk_write(replay->disk, rest, seed, replay->folder);
    replay->states++;
    if (check_folder(replay->check, replay->folder, &err))
        return;
    if (replay->failures++ < SHOWN)
        fprintf(stderr, "behind record %zu, unsynced: %s, seed %llu: %s\n", record, rests[rest],
                (unsigned long long)seed, err.text);
}

/* How many subsets are tried behind each record; an array of count, the caller's. */
static uint32_t *plan(struct replay *replay, const char *log, size_t *count)
{
    struct disk *disk = disk_open(log);
    const struct crash_record *record;
    size_t begin = 0, size = 0;
    uint32_t *tries = NULL;
    const char *bytes;

    while ((record = disk_step(disk, &bytes)) != NULL) {
        bool is_sync = record->kind == CRASH_SYNC || record->kind == CRASH_SYNC_FOLDER;

        tries = memory_resize_array(tries, size + 1, sizeof(*tries));
        tries[size++] = 0;
        if (!is_sync)
            continue;
        replay->intervals += size - 1 > begin; /* two syncs in a row have nothing between them */
        for (unsigned i = 0; size - 1 > begin && i < replay->subsets; i++)
            tries[begin + draw(replay) % (size - 1 - begin)]++;
        begin = size;
    }
    if (replay->intervals == 0) /* nothing was ever synced: one interval, the whole log */
        for (unsigned i = 0; size > 0 && i < replay->subsets; i++)
            tries[draw(replay) % size]++;
    disk_close(&disk);
    *count = size;
    return tries;
}

static void run(struct replay *replay, const uint32_t *tries, size_t count)
{
    const struct crash_record *record;
    const char *bytes;

    for (size_t i = 0; i < count && replay->failures < 100; i++) {
        record = disk_step(replay->disk, &bytes);
        if (record->kind == CRASH_NOTE)
            check_note(replay->check, (struct slice){bytes, record->size});
        if (i % replay->every == 0) {
            try_state(replay, i, DISK_ALL, 0);
            if (disk_pending(replay->disk) > 0)
                try_state(replay, i, DISK_NONE, 0);
        }
        for (uint32_t n = 0; n < tries[i]; n++)
            try_state(replay, i, DISK_SUBSET, draw(replay));
    }
}

int main(int argc, char **argv)
{
    struct replay replay = {0};
    uint32_t *tries;
    size_t count;

    if (argc != 6) {
        fprintf(stderr, "usage: %s LOG FOLDER SUBSETS EVERY SEED\n", argv[0]);
        return 2;
    }
    replay.folder = argv[2];
    replay.subsets = (unsigned)strtoul(argv[3], NULL, 10);
    replay.every = (unsigned)strtoul(argv[4], NULL, 10);
    replay.random = strtoull(argv[5], NULL, 10) | 1;
    if (replay.every == 0 || mkdir(replay.folder, 0700) != 0) {
        perror(replay.folder);
        return 2;
    }
    tries = plan(&replay, argv[1], &count);
    replay.disk = disk_open(argv[1]);
    replay.check = check_create();
    run(&replay, tries, count);
    check_destroy(&replay.check);
    disk_close(&replay.disk);
    free(tries);
    empty_folder(replay.folder);
    rmdir(replay.folder);
    printf("{\"records\":%zu,\"intervals\":%llu,\"states\":%llu,\"failures\":%llu}\n", count,
           (unsigned long long)replay.intervals, (unsigned long long)replay.states,
           (unsigned long long)replay.failures);
    return replay.failures > 0;
}
