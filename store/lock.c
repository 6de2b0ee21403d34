// SPDX-License-Identifier: Apache-2.0
#include "store/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Opens the folder, and makes sure that it is ours alone. -1: err is set. */
static int open_folder(const char *folder, struct error *err)
{
    struct stat status;
    int fd;

    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        error_set_errno(err, "the folder %s cannot be made", folder);
        return -1;
    }
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0) {
        error_set_errno(err, "the folder %s cannot be opened", folder);
    } else if (status.st_uid != geteuid()) {
        error_set(err, ERROR_REFUSED,
                  "the folder %s belongs to uid %u, and this process is uid %u; run it as the "
                  "folder's owner",
                  folder, (unsigned)status.st_uid, (unsigned)geteuid());
    } else if ((status.st_mode & 077) != 0 && fchmod(fd, 0700) != 0) {
        error_set_errno(err, "the folder %s is open to others and cannot be closed to them",
                        folder);
    } else {
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

/* The holder wrote its pid; between its flock and its write the file is empty. */
static bool refuse(int fd, const char *folder, struct error *err)
{
    char pid[24] = "";
    ssize_t size = pread(fd, pid, sizeof(pid) - 1, 0);

    pid[size > 0 ? strcspn(pid, "\n") : 0] = '\0';
    return error_set(err, ERROR_REFUSED,
                     "the folder %s is in use by process %s; stop that gateway first, or give "
                     "this one a folder of its own (data: in causeway.yaml)",
                     folder, pid[0] == '\0' ? "(starting now)" : pid);
}

static bool write_pid(int fd, const char *folder, struct error *err)
{
    char pid[24];
    int size = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());

    if (ftruncate(fd, 0) != 0 || pwrite(fd, pid, (size_t)size, 0) != size)
        return error_set_errno(err, "%s/lock cannot be written", folder);
    return true;
}

bool lock_take(const char *folder, int *lock_fd, struct error *err)
{
    int folder_fd = open_folder(folder, err);
    int fd;

    *lock_fd = -1;
    if (folder_fd < 0)
        return false;
    fd = openat(folder_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    close(folder_fd);
    if (fd < 0)
        return error_set_errno(err, "%s/lock cannot be opened", folder);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            refuse(fd, folder, err);
        else
            error_set_errno(err, "%s/lock cannot be locked", folder);
    } else if (write_pid(fd, folder, err)) {
        *lock_fd = fd;
        return true;
    }
    close(fd);
    return false;
}

void lock_give(int *lock_fd)
{
    if (*lock_fd >= 0)
        close(*lock_fd);
    *lock_fd = -1;
}
