// SPDX-License-Identifier: Apache-2.0
/* The folder: names of spools and of their parts, what is there, what goes. */
#include "federation/inbox.h"

#include "conf/save.h"
#include "federation/spool_mark.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FOLDER_MODE = 0700 };

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

void spool_part_path(const char *folder, const char *name, unsigned number,
                     char path[INBOX_PATH_MAX])
{
    int size = snprintf(path, INBOX_PATH_MAX, "%s/%s/%05u.car", folder, name, number);

    assert(size > 0 && size < INBOX_PATH_MAX);
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

/* The number of a part by its file's name; 0: it is none. */
static unsigned part_of(const char *name)
{
    unsigned number = 0;
    int end = 0;

    return sscanf(name, "%u.car%n", &number, &end) == 1 && end > 0 && name[end] == '\0' ? number
                                                                                        : 0;
}

/* The highest number; 0: there is none. After a crash of the machine some before it may be missing.
 */
static bool last_part(const char *folder, const char *name, unsigned *last, struct error *err)
{
    char path[INBOX_PATH_MAX];
    const struct dirent *entry;
    bool is_read;
    DIR *dir;

    *last = 0;
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    dir = opendir(path);
    if (dir == NULL)
        return errno == ENOENT || error_set_errno(err, "%s cannot be read", path);
    errno = 0;
    while ((entry = readdir(dir)) != NULL) /* NOLINT(concurrency-mt-unsafe) */
        if (part_of(entry->d_name) > *last)
            *last = part_of(entry->d_name);
    is_read = errno == 0 || error_set_errno(err, "%s cannot be read", path);
    closedir(dir);
    return is_read;
}

/* The last one first: after a crash those before it are a spool yet. */
bool spool_remove_behind(const char *folder, const char *name, unsigned number, struct error *err)
{
    char path[INBOX_PATH_MAX];
    unsigned last;

    if (!last_part(folder, name, &last, err))
        return false;
    for (; last > number; last--) {
        spool_part_path(folder, name, last, path);
        if (unlink(path) != 0 && errno != ENOENT)
            return error_set_errno(err, "%s cannot be removed", path);
    }
    return true;
}

bool spool_remove(const char *folder, const char *name, struct error *err)
{
    char path[INBOX_PATH_MAX];

    if (!spool_remove_behind(folder, name, 0, err))
        return false;
    (void)snprintf(path, sizeof(path), "%s/%s/" SPOOL_MARK_NAME, folder, name);
    (void)unlink(path);
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return rmdir(path) == 0 || errno == ENOENT ||
           error_set_errno(err, "%s cannot be removed", path);
}
