// SPDX-License-Identifier: Apache-2.0
/* Every block of a DAG is what is given: it leads to itself without end. Edits of it end all the
 * same, and what they put are blocks that can be read. */
#include "ipfs/unixfs_edit.h"

#include "ipfs/dag_pb_edit.h"
#include "ipfs/hash.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool get(void *arg, const struct cid *cid, struct slice *block, struct error *err)
{
    (void)cid, (void)err;
    *block = *(struct slice *)arg;
    return true;
}

static bool put(void *arg, const struct cid *cid, struct slice block, struct error *err)
{
    struct dag_pb_edit node;

    (void)arg;
    if (cid->codec == CODEC_DAG_PB && !dag_pb_edit_read(&node, block, err))
        abort();
    if (cid->codec == CODEC_DAG_PB)
        dag_pb_edit_dispose(&node);
    return true;
}

static void edit_file(const struct unixfs_store *store, const struct cid *cid)
{
    struct unixfs_stat now = {.has_mtime = true};
    struct unixfs_entry entry;
    struct unixfs_edit *edit;

    if (!unixfs_edit_open(&edit, store, cid, true, &now, NULL))
        return;
    if (unixfs_edit_size(edit) > 3)
        (void)!unixfs_edit_overwrite(edit, unixfs_edit_size(edit) / 2, SLICE("x"), NULL);
    unixfs_edit_destroy(&edit);
    if (unixfs_edit_open(&edit, store, cid, true, &now, NULL) &&
        unixfs_edit_append(edit, SLICE("leaf"), NULL))
        (void)!unixfs_edit_finish(edit, &entry, NULL);
    unixfs_edit_destroy(&edit);
    if (unixfs_edit_open(&edit, store, cid, false, &now, NULL))
        (void)!unixfs_edit_truncate(edit, NULL);
    unixfs_edit_destroy(&edit);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice block = {(const char *)data, size};
    struct unixfs_store store = {get, put, &block};
    struct unixfs_stat stat = {.mode = 0644};
    struct unixfs_entry entry, result;
    int64_t growth = -1;
    struct cid cid;

    hash_make_cid(&cid, 0, CODEC_DAG_PB, HASH_SHA2_256, SLICE("root"));
    entry = (struct unixfs_entry){.cid = cid, .tsize = 1};
    edit_file(&store, &cid);
    (void)!unixfs_directory_set(&store, &cid, SLICE("a"), &entry, &growth, &result, NULL);
    growth = 0;
    (void)!unixfs_directory_set(&store, &cid, SLICE("a"), NULL, &growth, &result, NULL);
    (void)!unixfs_set_stat(&store, &cid, &stat, &result, NULL);
    return 0;
}
