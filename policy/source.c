// SPDX-License-Identifier: Apache-2.0
#include "policy/source.h"

#include "conf/memory.h"
#include "conf/yaml.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_SIZE = 64 * 1024 };

void policy_sources_dispose(struct policy_sources *sources)
{
    for (size_t i = 0; i < sources->count; i++) {
        free((char *)sources->items[i].name);
        free((char *)sources->items[i].bytes.data);
    }
    free(sources->items);
    *sources = (struct policy_sources){0};
}

static bool read_all(int fd, const char *path, struct text *content, struct error *err)
{
    while (content->size <= YAML_SIZE_MAX) { /* yaml_load says when that is too much */
        char *room = text_reserve(content, READ_SIZE);
        ssize_t got = read(fd, room, READ_SIZE);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set_errno(err, "%s cannot be read", path);
        if (got == 0)
            break;
        content->size += (size_t)got;
    }
    return true;
}

static bool add_file(struct policy_sources *sources, const char *path, const char *name,
                     struct error *err)
{
    struct text content = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool is_fine;

    if (fd < 0 && errno == ENOENT)
        return error_set(err, ERROR_NOT_FOUND, "%s does not exist", path);
    if (fd < 0)
        return error_set_errno(err, "%s cannot be opened", path);
    text_put_text(&content, "");
    is_fine = read_all(fd, path, &content, err);
    close(fd);
    if (!is_fine) {
        text_dispose(&content);
        return false;
    }
    sources->items =
        memory_resize_array(sources->items, sources->count + 1, sizeof(*sources->items));
    sources->items[sources->count++] =
        (struct policy_source){memory_copy_text(name), text_slice(&content)};
    return true;
}

static bool ends_in(const char *name, const char *with)
{
    size_t size = strlen(name), tail = strlen(with);

    return size > tail && strcmp(name + size - tail, with) == 0;
}

/* Hidden files are an editor's. */
static bool add_entry(struct policy_sources *sources, const char *folder, const char *name,
                      enum source_names names, struct error *err)
{
    struct text path = {0};
    bool is_fine = true;

    text_put_format(&path, "%s/%s", folder, name);
    if (name[0] != '.' && ends_in(name, ".yml"))
        is_fine = error_set(err, ERROR_UNSUPPORTED,
                            "%s would not be read: the files of a policy end in .yaml", path.data);
    else if (name[0] != '.' && ends_in(name, ".yaml"))
        is_fine =
            sources->count < POLICY_FILES_MAX
                ? add_file(sources, path.data, names == SOURCE_NAMES_FULL ? path.data : name, err)
                : error_set(err, ERROR_LIMIT, "%s has more than %d files", folder,
                            POLICY_FILES_MAX);
    text_dispose(&path);
    return is_fine;
}

static int compare_names(const void *a_, const void *b_)
{
    const struct policy_source *a = a_, *b = b_;

    return strcmp(a->name, b->name);
}

static bool read_folder(struct policy_sources *sources, const char *path, enum source_names names,
                        struct error *err)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;
    bool is_fine = true;

    if (folder == NULL)
        return error_set_errno(err, "%s cannot be opened", path);
    while (is_fine && (entry = readdir(folder)) != NULL) /* NOLINT(concurrency-mt-unsafe): ours */
        is_fine = add_entry(sources, path, entry->d_name, names, err);
    closedir(folder);
    if (is_fine && sources->count == 0)
        return error_set(err, ERROR_NOT_FOUND, "%s has no *.yaml file", path);
    if (is_fine)
        qsort(sources->items, sources->count, sizeof(*sources->items), compare_names);
    return is_fine;
}

bool policy_sources_read(struct policy_sources *sources, const char *path, enum source_names names,
                         struct error *err)
{
    const char *slash = strrchr(path, '/');
    struct stat status;
    bool is_fine;

    *sources = (struct policy_sources){0};
    if (stat(path, &status) != 0)
        return errno == ENOENT ? error_set(err, ERROR_NOT_FOUND, "%s does not exist", path)
                               : error_set_errno(err, "%s cannot be opened", path);
    if (S_ISDIR(status.st_mode))
        is_fine = read_folder(sources, path, names, err);
    else
        is_fine = add_file(sources, path,
                           names == SOURCE_NAMES_FULL || slash == NULL ? path : slash + 1, err);
    if (!is_fine)
        policy_sources_dispose(sources);
    return is_fine;
}
