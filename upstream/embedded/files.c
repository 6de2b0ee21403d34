// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/files.h"

#include "conf/memory.h"
#include "ipfs/hash.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

struct files {
    struct pins *pins;
    pthread_mutex_t lock;
    struct cid root;
};

/* A directory with nothing in it, as `ipfs files` begins. */
static const char empty_directory[] = "\x0a\x02\x08\x01";

static bool read_root(struct files *files, struct error *err)
{
    struct text value = {0};
    struct error why = {0};
    bool ok;

    if (pins_get_value(files->pins, FILES_ROOT_KEY, &value, &why)) {
        ok = cid_from_bytes(&files->root, value.data, value.size, err);
        if (!ok)
            error_prefix(err, "the root of the files, in node.db");
    } else if (why.code == ERROR_NOT_FOUND) {
        hash_make_cid(&files->root, 0, CODEC_DAG_PB, HASH_SHA2_256, SLICE(empty_directory));
        ok = true;
    } else {
        ok = error_set(err, why.code, "%s", why.text);
    }
    text_dispose(&value);
    return ok;
}

bool files_open(struct files **files, struct pins *pins, struct error *err)
{
    struct files *opened = memory_alloc(sizeof(*opened));
    int failed = pthread_mutex_init(&opened->lock, NULL);

    assert(failed == 0);
    opened->pins = pins;
    *files = NULL;
    if (!read_root(opened, err)) {
        files_close(&opened);
        return false;
    }
    *files = opened;
    return true;
}

void files_close(struct files **files)
{
    if (*files == NULL)
        return;
    pthread_mutex_destroy(&(*files)->lock);
    free(*files);
    *files = NULL;
}

struct cid files_root(struct files *files)
{
    struct cid root;

    pthread_mutex_lock(&files->lock);
    root = files->root;
    pthread_mutex_unlock(&files->lock);
    return root;
}

enum files_step files_add_entry(struct task *task, struct files_adding *adding, struct slice path,
                                struct slice name, const struct cid *cid, struct error *err)
{
    (void)task, (void)adding, (void)path, (void)name, (void)cid;
    error_set(err, ERROR_UNSUPPORTED, "to-files: not built");
    return FILES_BAD;
}

void files_adding_dispose(struct files_adding *adding)
{
    adding->inside = NULL;
}
