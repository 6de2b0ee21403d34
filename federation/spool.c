// SPDX-License-Identifier: Apache-2.0
/* One spool: written, and read again. */
#include "conf/memory.h"
#include "conf/save.h"
#include "federation/inbox.h"
#include "federation/spool_mark.h"
#include "ipfs/car.h"
#include "upstream/embedded/walk_disk.h"

#include <errno.h>
#include <fcntl.h>
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
    bool is_marked; /* its parts were written or verified since the machine started */
};

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

static bool close_part(struct spool *spool)
{
    int fd = spool->fd;

    spool->fd = -1;
    return fd < 0 || close(fd) == 0;
}

static bool begin_part(struct spool *spool, struct error *err)
{
    char path[INBOX_PATH_MAX];

    if (spool->parts++ == 0)
        spool_mark_put(spool->folder.data);
    spool_part_path(spool->settings.folder, spool->settings.name, spool->parts, path);
    spool->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
    if (spool->fd < 0)
        return fail_part(spool, "made", err);
    spool->size = 0;
    car_put_header(&spool->waiting, &spool->settings.root, 1);
    return true;
}

static bool put_block(void *spool_, const struct cid *cid, struct slice block, struct error *err)
{
    struct spool *spool = spool_;
    size_t section = car_section_size(cid, block.size);

    if (spool->fd >= 0 && spool->size + spool->waiting.size + section > spool->settings.part_max) {
        if (!write_waiting(spool, err))
            return false;
        if (!close_part(spool))
            return fail_part(spool, "written", err);
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
    if (spool->fd >= 0 && !write_waiting(spool, err))
        return false;
    spool->position = receive_stats(spool->receive)->blocks;
    return true;
}

bool spool_flush(struct spool *spool, uint64_t *position, struct error *err)
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

/* A crash may have left anything behind what was verified: that goes, and what comes next is
 * written there. */
static bool mend_part(struct spool *spool, int fd, struct error *err)
{
    off_t end = (off_t)receive_offset(spool->receive);

    if (!spool_remove_behind(spool->settings.folder, spool->settings.name, spool->parts, err))
        return false;
    if (ftruncate(fd, end) != 0 || lseek(fd, end, SEEK_SET) != end)
        return fail_part(spool, "cut", err);
    spool->fd = fd;
    spool->size = (size_t)end;
    if (end == 0) /* not even its header had come */
        car_put_header(&spool->waiting, &spool->settings.root, 1);
    return write_waiting(spool, err);
}

/* What is wrong in it was torn, up to the last block that is right. *is_last: it was, or is now. */
static bool load_unsure(struct spool *spool, int fd, bool *is_last, struct error *err)
{
    struct error torn = {0};
    struct stat is;

    if (!read_part(spool, fd, &torn) && torn.code == ERROR_IO)
        return error_copy(err, &torn);
    if (!receive_recover(spool->receive, pass_over, NULL, &spool->is_whole, err))
        return false;
    if (!*is_last && torn.code == ERROR_NONE && fstat(fd, &is) == 0 && is.st_size > 0 &&
        receive_offset(spool->receive) == (uint64_t)is.st_size)
        return true;
    *is_last = true;
    return mend_part(spool, fd, err);
}

/* Behind this one there are others, so it was verified; has the machine run since? */
static bool load_sure(struct spool *spool, int fd, struct error *err)
{
    return read_part(spool, fd, err) &&
           receive_end(spool->receive, pass_over, NULL, &spool->is_whole, err);
}

static bool load_part(struct spool *spool, bool *is_last, struct error *err)
{
    bool is_sure = !*is_last && spool->is_marked, is_loaded;
    char path[INBOX_PATH_MAX];
    int fd;

    spool_part_path(spool->settings.folder, spool->settings.name, spool->parts, path);
    fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return fail_part(spool, "opened", err);
    receive_begin(spool->receive, is_sure);
    is_loaded = is_sure ? load_sure(spool, fd, err) : load_unsure(spool, fd, is_last, err);
    if (spool->fd != fd)
        close(fd);
    return is_loaded;
}

static bool is_there(const struct spool *spool, unsigned number)
{
    char path[INBOX_PATH_MAX];

    spool_part_path(spool->settings.folder, spool->settings.name, number, path);
    return access(path, F_OK) == 0;
}

bool spool_read_part(struct spool *spool, bool *is_read, struct error *err)
{
    *is_read = !is_there(spool, spool->parts + 1);
    if (*is_read) /* there is none */
        return spool_remove_behind(spool->settings.folder, spool->settings.name, 0, err);
    spool->parts++;
    *is_read = !is_there(spool, spool->parts + 1);
    if (!load_part(spool, is_read, err))
        return false;
    spool->position = receive_stats(spool->receive)->blocks;
    if (*is_read && !spool->is_marked)
        spool_mark_put(spool->folder.data);
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
    spool->is_marked = spool_mark_holds(spool->folder.data);
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
    (void)close_part(*spool);
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
