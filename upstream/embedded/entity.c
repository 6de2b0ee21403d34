// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/entity.h"

#include "ipfs/dag_codec.h"
#include "ipfs/dag_pb.h"
#include "upstream/embedded/task.h"

bool entity_refuse(struct error *err, const struct cid *cid, const struct error *why)
{
    struct text name = {0};

    cid_print(cid, CID_BASE_DEFAULT, &name);
    error_set(err, ERROR_UNSUPPORTED, "block %s cannot be read: %s", name.data, why->text);
    text_dispose(&name);
    return false;
}

/* Goes over the links, and finds the data. */
static bool read_parts(struct entity *entity, struct slice *data, struct error *err)
{
    struct dag_pb_reader reader;

    entity->tsize = entity->block.size;
    dag_pb_read(&reader, entity->block.data, entity->block.size);
    for (;;) {
        switch (dag_pb_next(&reader, err)) {
        case DAG_PB_LINK:
            entity->link_count++;
            entity->tsize += reader.link.tsize;
            break;
        case DAG_PB_DATA:
            *data = reader.data;
            break;
        case DAG_PB_END:
            return true;
        case DAG_PB_BAD:
            return false;
        }
    }
}

static uint64_t size_of(const struct unixfs *unixfs)
{
    switch (unixfs->type) {
    case UNIXFS_FILE:
        return unixfs->file_size;
    case UNIXFS_RAW:
    case UNIXFS_SYMLINK:
        return unixfs->data.size;
    default:
        return 0;
    }
}

static bool read_pb(struct entity *entity, const struct cid *cid, struct error *err)
{
    struct slice data = {"", 0};
    struct error why = {0};

    if (!read_parts(entity, &data, &why))
        return entity_refuse(err, cid, &why);
    if (data.size == 0) /* as the library says that Kubo reads such messages with */
        return error_set(err, ERROR_UNSUPPORTED,
                         "proto: required field ipfs.boxo.ipld.unixfs.pb.Data.Type not set");
    if (!unixfs_read(&entity->unixfs, data, &why))
        return error_set(err, ERROR_UNSUPPORTED, "proto: cannot parse invalid wire-format data");
    entity->kind = ENTITY_PB;
    entity->file_size = size_of(&entity->unixfs);
    return true;
}

bool entity_check_codec(const struct cid *cid, struct error *err)
{
    struct error why = {0};

    return dag_codec_check(cid->codec, DAG_CODEC_DECODER, &why) ||
           error_set(err, why.code, "could not choose a decoder: %s", why.text);
}

bool entity_of(struct entity *entity, const struct cid *cid, struct slice block, struct error *err)
{
    *entity = (struct entity){.kind = ENTITY_NODE, .block = block, .tsize = block.size};
    if (cid->codec == CODEC_DAG_PB)
        return read_pb(entity, cid, err);
    if (cid->codec == CODEC_RAW) {
        entity->kind = ENTITY_RAW;
        entity->file_size = block.size;
    }
    return entity_check_codec(cid, err);
}

bool entity_read(struct entity *entity, struct task *task, const struct cid *cid, struct error *err)
{
    struct slice block;

    return task_get(task, cid, &block, err) && entity_of(entity, cid, block, err);
}

bool entity_is_directory(const struct entity *entity)
{
    return entity->kind == ENTITY_PB &&
           (entity->unixfs.type == UNIXFS_DIRECTORY || entity->unixfs.type == UNIXFS_HAMT);
}

bool entity_is_file(const struct entity *entity)
{
    return entity->kind == ENTITY_RAW ||
           (entity->kind == ENTITY_PB &&
            (entity->unixfs.type == UNIXFS_FILE || entity->unixfs.type == UNIXFS_RAW));
}
