// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/entity.h"

bool entity_read(struct entity *entity, struct task *task, const struct cid *cid, struct error *err)
{
    (void)task, (void)cid;
    *entity = (struct entity){0};
    return error_set(err, ERROR_UNSUPPORTED, "entities are not built yet");
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
