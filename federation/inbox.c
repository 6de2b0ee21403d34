// SPDX-License-Identifier: Apache-2.0
#include "federation/inbox.h"

#include "conf/memory.h"
#include "conf/save.h"
#include "ipfs/car.h"
#include "upstream/embedded/walk_disk.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLDER_MODE = 0700, FILE_MODE = 0600, READ_SIZE = 1 << 20, WRITE_SIZE = 1 << 20 };

struct spool {
    struct text folder; /* of the spool */
    struct spool_settings settings;
    struct walk_memory *memory;
    struct receive *receive;
    int fd;         /* of the part that is written; -1: none */
    unsigned parts; /* that there are */
    size_t size;    /* of the part that is written, without what waits */
    struct text waiting;
    uint64_t position;
    bool is_whole;
};

static const char back[] = ".back";

/* ---- names */

void spool_name(char name[SPOOL_NAME_SIZE], const char *link, const char *id, enum spool_use use)
{
    int size = snprintf(name, SPOOL_NAME_SIZE, "%s.%s%s", link, id, use == SPOOL_BACK ? back : "");

    assert(size > 0 && size < SPOOL_NAME_SIZE);
}

bool spool_name_read(struct slice name, char link[ULID_SIZE], char id[ULID_SIZE],
                     enum spool_use *use)
{
    const size_t letters = ULID_SIZE - 1, whole = 2 * letters + 1;
    struct slice tail;

    if (name.size < whole || name.data[letters] != '.' ||
        !ulid_is_valid((struct slice){name.data, letters}) ||
        !ulid_is_valid((struct slice){name.data + ULID_SIZE, letters}))
        return false;
    tail = (struct slice){name.data + whole, name.size - whole};
    if (tail.size > 0 && !slice_is(tail, back))
        return false;
    *use = tail.size > 0 ? SPOOL_BACK : SPOOL_PLACED;
    (void)snprintf(link, ULID_SIZE, "%.*s", (int)letters, name.data);
    (void)snprintf(id, ULID_SIZE, "%.*s", (int)letters, name.data + ULID_SIZE);
    return true;
}

/* ---- folders */

bool inbox_prepare(const char *folder, struct error *err)
{
    return save_folder(folder, FOLDER_MODE, err);
}

static void put_path(const char *folder, const char *name, unsigned number,
                     char path[INBOX_PATH_MAX])
{
    int size = snprintf(path, INBOX_PATH_MAX, "%s/%s/%05u.car", folder, name, number);

    assert(size > 0 && size < INBOX_PATH_MAX);
}

void spool_part_path(const char *folder, const char *name, unsigned number,
                     char path[INBOX_PATH_MAX])
{
    put_path(folder, name, number, path);
}

bool inbox_each(const char *folder, inbox_cb on_spool, void *arg, struct error *err)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    char link[ULID_SIZE], id[ULID_SIZE];
    enum spool_use use;
    bool is_fine = true;

    if (dir == NULL)
        return error_set_errno(err, "%s cannot be read", folder);
    while (is_fine && (entry = readdir(dir)) != NULL) /* NOLINT(concurrency-mt-unsafe) */
        if (spool_name_read(slice_of(entry->d_name), link, id, &use))
            is_fine = on_spool(arg, entry->d_name, err);
    closedir(dir);
    return is_fine;
}

static bool sync_folder(const char *path, struct error *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool is_synced = fd >= 0 && fsync(fd) == 0;

    if (!is_synced)
        error_set_errno(err, "%s cannot be made durable", path);
    if (fd >= 0)
        close(fd);
    return is_synced;
}

/* The last part goes first: after a crash those before it are a spool yet. */
bool spool_remove(const char *folder, const char *name, struct error *err)
{
    char path[INBOX_PATH_MAX];
    unsigned parts = 0;

    do
        put_path(folder, name, ++parts, path);
    while (access(path, F_OK) == 0);
    while (--parts > 0) {
        put_path(folder, name, parts, path);
        if (unlink(path) != 0)
            return error_set_errno(err, "%s cannot be removed", path);
    }
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return rmdir(path) == 0 || errno == ENOENT ||
           error_set_errno(err, "%s cannot be removed", path);
}

/* ---- writing */

static bool fail_part(const struct spool *spool, const char *what, struct error *err)
{
    return error_set_errno(err, "%s/%05u.car cannot be %s", spool->folder.data, spool->parts, what);
}

static bool write_waiting(struct spool *spool, struct error *err)
{
    size_t done = 0;

    while (done < spool->waiting.size) {
        ssize_t size = write(spool->fd, spool->waiting.data + done, spool->waiting.size - done);

        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0)
            return fail_part(spool, "written", err);
        done += (size_t)size;
    }
    spool->size += done;
    text_clear(&spool->waiting);
    return true;
}

static bool sync_part(struct spool *spool, struct error *err)
{
    if (spool->fd < 0)
        return true;
    return write_waiting(spool, err) &&
           (fdatasync(spool->fd) == 0 || fail_part(spool, "made durable", err));
}

static void close_part(struct spool *spool)
{
    if (spool->fd >= 0)
        close(spool->fd);
    spool->fd = -1;
}

static bool begin_part(struct spool *spool, struct error *err)
{
    char path[INBOX_PATH_MAX];

    spool->parts++;
    put_path(spool->settings.folder, spool->settings.name, spool->parts, path);
    spool->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
    if (spool->fd < 0)
        return fail_part(spool, "made", err);
    spool->size = 0;
    car_put_header(&spool->waiting, &spool->settings.root, 1);
    return sync_folder(spool->folder.data, err);
}

static bool put_block(void *spool_, const struct cid *cid, struct slice block, struct error *err)
{
    struct spool *spool = spool_;
    size_t section = car_section_size(cid, block.size);

    if (spool->fd >= 0 && spool->size + spool->waiting.size + section > spool->settings.part_max) {
        if (!sync_part(spool, err))
            return false;
        close_part(spool);
    }
    if (spool->fd < 0 && !begin_part(spool, err))
        return false;
    car_put_section(&spool->waiting, cid, block.size);
    text_put_slice(&spool->waiting, block);
    return spool->waiting.size < WRITE_SIZE || write_waiting(spool, err);
}

void spool_begin(struct spool *spool)
{
    receive_begin(spool->receive, false);
}

bool spool_take(struct spool *spool, struct slice input, struct error *err)
{
    return receive_take(spool->receive, input, put_block, spool, err);
}

static bool settle(struct spool *spool, struct error *err)
{
    if (!sync_part(spool, err))
        return false;
    spool->position = receive_stats(spool->receive)->blocks;
    return true;
}

bool spool_sync(struct spool *spool, uint64_t *position, struct error *err)
{
    if (!receive_flush(spool->receive, put_block, spool, err) || !settle(spool, err))
        return false;
    *position = spool->position;
    return true;
}

bool spool_end(struct spool *spool, bool is_cut, struct error *err)
{
    bool is_fine = is_cut ? receive_cut(spool->receive, put_block, spool, &spool->is_whole, err)
                          : receive_end(spool->receive, put_block, spool, &spool->is_whole, err);

    return is_fine && settle(spool, err);
}

/* ---- what is there already */

static bool pass_over(void *arg, const struct cid *cid, struct slice block, struct error *err)
{
    (void)arg, (void)cid, (void)block, (void)err;
    return true;
}

static bool read_part(struct spool *spool, int fd, struct error *err)
{
    struct text piece = {0};
    bool is_fine = true;
    ssize_t size = 1;

    while (is_fine && size > 0) {
        text_clear(&piece);
        size = read(fd, text_reserve(&piece, READ_SIZE), READ_SIZE);
        if (size > 0)
            is_fine = receive_take(spool->receive, (struct slice){piece.data, (size_t)size},
                                   pass_over, NULL, err);
        else if (size < 0)
            is_fine = errno == EINTR || fail_part(spool, "read", err);
        if (size < 0 && errno == EINTR)
            size = 1;
    }
    text_dispose(&piece);
    return is_fine;
}

/* A crash may have left anything behind what was synced: that goes. */
static bool mend_last(struct spool *spool, int fd, struct error *err)
{
    off_t end = (off_t)receive_offset(spool->receive);

    if (ftruncate(fd, end) != 0 || lseek(fd, end, SEEK_SET) != end)
        return fail_part(spool, "cut", err);
    spool->fd = fd;
    spool->size = (size_t)end;
    if (end == 0) /* not even its header had come */
        car_put_header(&spool->waiting, &spool->settings.root, 1);
    return sync_part(spool, err);
}

/* What is wrong in the last part was torn, up to the last block that is right. */
static bool load_last(struct spool *spool, int fd, struct error *err)
{
    struct error torn = {0};

    if (!read_part(spool, fd, &torn) && torn.code == ERROR_IO)
        return error_copy(err, &torn);
    return receive_recover(spool->receive, pass_over, NULL, &spool->is_whole, err) &&
           mend_last(spool, fd, err);
}

static bool load_part(struct spool *spool, bool is_last, struct error *err)
{
    char path[INBOX_PATH_MAX];
    bool is_loaded;
    int fd;

    put_path(spool->settings.folder, spool->settings.name, spool->parts, path);
    fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return fail_part(spool, "opened", err);
    receive_begin(spool->receive, !is_last);
    if (is_last)
        is_loaded = load_last(spool, fd, err);
    else
        is_loaded = read_part(spool, fd, err) &&
                    receive_end(spool->receive, pass_over, NULL, &spool->is_whole, err);
    if (spool->fd != fd)
        close(fd);
    return is_loaded;
}

static bool is_there(const struct spool *spool, unsigned number)
{
    char path[INBOX_PATH_MAX];

    put_path(spool->settings.folder, spool->settings.name, number, path);
    return access(path, F_OK) == 0;
}

bool spool_read_part(struct spool *spool, bool *is_read, struct error *err)
{
    bool is_last;

    *is_read = !is_there(spool, spool->parts + 1);
    if (*is_read)
        return true;
    spool->parts++;
    is_last = !is_there(spool, spool->parts + 1);
    if (!load_part(spool, is_last, err))
        return false;
    spool->position = receive_stats(spool->receive)->blocks;
    *is_read = is_last;
    return true;
}

static bool open_all(struct spool *spool, struct error *err)
{
    const struct spool_settings *settings = &spool->settings;

    if (!save_folder(spool->folder.data, FOLDER_MODE, err))
        return false;
    spool->memory = walk_disk_create(settings->folder, 0, err);
    if (spool->memory == NULL)
        return false;
    spool->receive = receive_create(&settings->root, &settings->limits, spool->memory, err);
    return spool->receive != NULL;
}

struct spool *spool_open_unread(const struct spool_settings *settings, struct error *err)
{
    struct spool *spool = memory_alloc(sizeof(*spool));

    spool->settings = *settings;
    spool->settings.folder = memory_copy_text(settings->folder);
    if (spool->settings.part_max == 0)
        spool->settings.part_max = INBOX_PART_MAX;
    spool->fd = -1;
    text_put_format(&spool->folder, "%s/%s", settings->folder, settings->name);
    if (!open_all(spool, err))
        spool_close(&spool);
    return spool;
}

struct spool *spool_open(const struct spool_settings *settings, struct error *err)
{
    struct spool *spool = spool_open_unread(settings, err);
    bool is_read = false;

    while (spool != NULL && !is_read)
        if (!spool_read_part(spool, &is_read, err))
            spool_close(&spool);
    return spool;
}

void spool_close(struct spool **spool)
{
    if (*spool == NULL)
        return;
    close_part(*spool);
    receive_destroy(&(*spool)->receive);
    walk_disk_destroy(&(*spool)->memory);
    text_dispose(&(*spool)->waiting);
    text_dispose(&(*spool)->folder);
    free((char *)(*spool)->settings.folder);
    free(*spool);
    *spool = NULL;
}

uint64_t spool_position(const struct spool *spool)
{
    return spool->position;
}

bool spool_is_whole(const struct spool *spool)
{
    return spool->is_whole;
}

const struct walk_stats *spool_stats(const struct spool *spool)
{
    return receive_stats(spool->receive);
}

unsigned spool_parts(const struct spool *spool)
{
    return spool->parts;
}
