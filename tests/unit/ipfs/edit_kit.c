// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/ipfs/edit_kit.h"

#include "conf/memory.h"
#include "ipfs/dag_pb.h"
#include "ipfs/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define BUCKETS 4096

struct block {
    struct cid cid;
    struct text bytes;
    struct block *next;
};

struct kit {
    struct block *buckets[BUCKETS];
    size_t count;
};

static struct block **find(struct kit *kit, const struct cid *cid)
{
    size_t size = cid->size;
    struct block **block =
        &kit->buckets[(cid->bytes[size - 1] << 8 | cid->bytes[size - 2]) % BUCKETS];

    while (*block != NULL && !cid_equal(&(*block)->cid, cid))
        block = &(*block)->next;
    return block;
}

static bool get(void *arg, const struct cid *cid, struct slice *bytes, struct error *err)
{
    struct block *block = *find(arg, cid);

    if (block == NULL)
        return error_set(err, ERROR_NOT_FOUND, "not here");
    *bytes = text_slice(&block->bytes);
    return true;
}

static bool put(void *arg, const struct cid *cid, struct slice bytes, struct error *err)
{
    struct kit *kit = arg;
    struct block **block = find(kit, cid);

    (void)err;
    assert_true(hash_verify(cid, bytes, NULL));
    if (*block != NULL)
        return true;
    *block = memory_alloc(sizeof(**block));
    (*block)->cid = *cid;
    text_put_slice(&(*block)->bytes, bytes);
    kit->count++;
    return true;
}

struct kit *kit_create(void)
{
    return memory_alloc(sizeof(struct kit));
}

void kit_lose(struct kit *kit, const struct cid *cid)
{
    struct block **at = find(kit, cid), *block = *at;

    assert_non_null(block);
    *at = block->next;
    text_dispose(&block->bytes);
    free(block);
    kit->count--;
}

void kit_destroy(struct kit **kit)
{
    for (size_t i = 0; i < BUCKETS; i++)
        while ((*kit)->buckets[i] != NULL)
            kit_lose(*kit, &(*kit)->buckets[i]->cid);
    free(*kit);
    *kit = NULL;
}

struct unixfs_store kit_store(struct kit *kit)
{
    return (struct unixfs_store){get, put, kit};
}

size_t kit_count(const struct kit *kit)
{
    return kit->count;
}

struct cid kit_put_message(struct kit *kit, int version, uint64_t hash, struct slice message)
{
    struct text block = {0};
    struct cid cid;

    dag_pb_put_data(&block, message);
    hash_make_cid(&cid, version, CODEC_DAG_PB, hash, text_slice(&block));
    assert_true(put(kit, &cid, text_slice(&block), NULL));
    text_dispose(&block);
    return cid;
}

static struct cid put_unixfs(struct kit *kit, int version, uint64_t hash,
                             const struct unixfs *unixfs)
{
    struct text message = {0};
    struct cid cid;

    unixfs_put(&message, unixfs, NULL, 0);
    cid = kit_put_message(kit, version, hash, text_slice(&message));
    text_dispose(&message);
    return cid;
}

struct cid kit_empty_directory(struct kit *kit, int version, uint64_t hash)
{
    return put_unixfs(kit, version, hash, &(struct unixfs){.type = UNIXFS_DIRECTORY});
}

struct cid kit_empty_file(struct kit *kit, int version, uint64_t hash)
{
    return put_unixfs(kit, version, hash,
                      &(struct unixfs){.type = UNIXFS_FILE, .has_file_size = true});
}
