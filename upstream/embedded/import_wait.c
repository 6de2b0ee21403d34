// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/import_wait.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define PARK_MIN ((size_t)8 << 10) /* less is not worth a file */

void import_wait_put(struct import_wait *wait, struct slice bytes)
{
    text_put_slice(&wait->memory, bytes);
}

static bool open_file(struct import_wait *wait, const char *scratch, struct error *err)
{
    struct text path = {0};
    int file;

    text_put_format(&path, "%s/wait-XXXXXX", scratch);
    file = mkostemp(path.data, O_CLOEXEC);
    if (file < 0) {
        error_set_errno(err, "%s: no file can be made for an upload that waits", scratch);
    } else {
        unlink(path.data);
        wait->file = file + 1;
    }
    text_dispose(&path);
    return file >= 0;
}

static bool park(struct import_wait *wait, const char *scratch, struct error *err)
{
    size_t done = 0;

    if (wait->file == 0 && !open_file(wait, scratch, err))
        return false;
    while (done < wait->memory.size) {
        ssize_t size = pwrite(wait->file - 1, wait->memory.data + done, wait->memory.size - done,
                              (off_t)(wait->parked + done));

        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return error_set_errno(err, "%s: an upload that waits cannot be written", scratch);
        done += (size_t)size;
    }
    wait->parked += done;
    text_dispose(&wait->memory);
    return true;
}

static bool read_parked(const struct import_wait *wait, char *bytes, struct error *err)
{
    size_t done = 0;

    while (done < wait->parked) {
        ssize_t size = pread(wait->file - 1, bytes + done, wait->parked - done, (off_t)done);

        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0)
            return error_set_errno(err, "an upload that waited cannot be read again");
        done += (size_t)size;
    }
    return true;
}

bool import_wait_whole(struct import_wait *wait, struct slice *bytes, struct error *err)
{
    struct text all = {0};

    if (wait->parked > 0) {
        if (!read_parked(wait, text_reserve(&all, import_wait_size(wait)), err)) {
            text_dispose(&all);
            return false;
        }
        all.size = wait->parked;
        text_put_slice(&all, text_slice(&wait->memory));
        text_dispose(&wait->memory);
        wait->memory = all;
        wait->parked = 0;
    }
    *bytes = text_slice(&wait->memory);
    return true;
}

void import_wait_clear(struct import_wait *wait)
{
    text_clear(&wait->memory);
    wait->parked = 0;
}

bool import_wait_settle(struct import_wait *wait, const char *scratch, bool is_short,
                        struct error *err)
{
    if (wait->memory.size == 0)
        text_dispose(&wait->memory);
    return !is_short || wait->memory.capacity < PARK_MIN || park(wait, scratch, err);
}

void import_wait_dispose(struct import_wait *wait)
{
    if (wait->file > 0)
        close(wait->file - 1);
    text_dispose(&wait->memory);
    *wait = (struct import_wait){0};
}
