// SPDX-License-Identifier: Apache-2.0
#include "proxy/policy_bundle.h"

#include "conf/memory.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { FILE_MAX_SIZE = 8 * 1024 * 1024 };

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? path : slash + 1;
}

static void add(struct policy_bundle *bundle, const char *name, struct slice bytes)
{
    bundle->sources =
        memory_resize_array(bundle->sources, bundle->count + 1, sizeof(*bundle->sources));
    bundle->sources[bundle->count++] = (struct policy_source){
        .name = arena_copy(&bundle->arena, name, strlen(name)),
        .bytes = {arena_copy(&bundle->arena, bytes.data, bytes.size), bytes.size},
    };
}

static bool read_file(struct policy_bundle *bundle, const char *path, struct error *err)
{
    FILE *file = fopen(path, "rbe");
    struct text bytes = {0};
    size_t got;

    if (file == NULL)
        return error_set_errno(err, "%s", path);
    do {
        got = fread(text_reserve(&bytes, 65536), 1, 65536, file);
        bytes.size += got;
    } while (got > 0 && bytes.size <= FILE_MAX_SIZE);
    if (ferror(file) != 0)
        error_set_errno(err, "%s", path);
    else if (bytes.size > FILE_MAX_SIZE)
        error_set(err, ERROR_LIMIT, "%s: larger than the 8 MiB that a policy file may have", path);
    else
        add(bundle, base_name(path), text_slice(&bytes));
    fclose(file);
    text_dispose(&bytes);
    return bundle->count > 0;
}

static int is_yaml(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');

    return entry->d_name[0] != '.' && dot != NULL && strcmp(dot, ".yaml") == 0;
}

static bool read_folder(struct policy_bundle *bundle, const char *path, struct error *err)
{
    struct dirent **entries;
    int count = scandir(path, &entries, is_yaml, alphasort);
    bool result = count > 0;

    if (count < 0)
        return error_set_errno(err, "%s", path);
    if (count == 0)
        error_set(err, ERROR_NOT_FOUND, "%s: this folder has no file that ends in .yaml", path);
    for (int i = 0; i < count; i++) {
        struct text file = {0};
        size_t before = bundle->count;

        text_put_format(&file, "%s/%s", path, entries[i]->d_name);
        result = result && (read_file(bundle, file.data, err), bundle->count > before);
        text_dispose(&file);
        free(entries[i]);
    }
    free(entries);
    return result;
}

bool policy_bundle_read(struct policy_bundle *bundle, const char *path, struct error *err)
{
    struct stat status;

    *bundle = (struct policy_bundle){0};
    if (stat(path, &status) != 0)
        return error_set_errno(err, "%s", path);
    if (S_ISDIR(status.st_mode) ? read_folder(bundle, path, err) : read_file(bundle, path, err))
        return true;
    policy_bundle_dispose(bundle);
    return false;
}

void policy_bundle_pack(const struct policy_bundle *bundle, struct text *out)
{
    json_t *files = json_array();
    char *text;

    for (size_t i = 0; i < bundle->count; i++)
        json_array_append_new(files, json_pack("{s:s,s:s%}", "name", bundle->sources[i].name,
                                               "text", bundle->sources[i].bytes.data,
                                               bundle->sources[i].bytes.size));
    text = json_dumps(files, JSON_COMPACT);
    text_put_text(out, text);
    free(text);
    json_decref(files);
}

bool policy_bundle_unpack(struct policy_bundle *bundle, struct slice packed, struct error *err)
{
    json_t *files = json_loadb(packed.data, packed.size, 0, NULL);
    json_t *file;
    size_t i;

    *bundle = (struct policy_bundle){0};
    json_array_foreach(files, i, file)
    {
        const char *name, *text;
        size_t size;

        if (json_unpack(file, "{s:s,s:s%}", "name", &name, "text", &text, &size) == 0)
            add(bundle, name, (struct slice){text, size});
    }
    json_decref(files);
    return bundle->count > 0 || error_set(err, ERROR_SYNTAX,
                                          "the ledger's version of the policy "
                                          "cannot be read");
}

void policy_bundle_dispose(struct policy_bundle *bundle)
{
    free(bundle->sources);
    arena_dispose(&bundle->arena);
    *bundle = (struct policy_bundle){0};
}
