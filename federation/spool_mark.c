// SPDX-License-Identifier: Apache-2.0
#include "federation/spool_mark.h"

#include "conf/text.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { MARK_MAX = 64, PATH_SIZE = 4096, FILE_MODE = 0600 };

/* All of a small file, or nothing. */
static struct slice read_small(const char *path, char bytes[MARK_MAX])
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    ssize_t size = fd < 0 ? 0 : read(fd, bytes, MARK_MAX);

    if (fd >= 0)
        close(fd);
    return (struct slice){bytes, size > 0 ? (size_t)size : 0};
}

static struct slice read_boot(char bytes[MARK_MAX])
{
    return read_small("/proc/sys/kernel/random/boot_id", bytes);
}

static void put_path(const char *folder, char path[PATH_SIZE])
{
    (void)snprintf(path, PATH_SIZE, "%s/" SPOOL_MARK_NAME, folder);
}

bool spool_mark_holds(const char *folder)
{
    char path[PATH_SIZE], now[MARK_MAX], then[MARK_MAX];
    struct slice boot = read_boot(now);

    put_path(folder, path);
    return boot.size > 0 && slice_equal(boot, read_small(path, then));
}

void spool_mark_put(const char *folder)
{
    char path[PATH_SIZE], now[MARK_MAX];
    struct slice boot = read_boot(now);
    int fd;

    put_path(folder, path);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, FILE_MODE);
    if (fd < 0)
        return;
    (void)!write(fd, boot.data, boot.size);
    close(fd);
}
