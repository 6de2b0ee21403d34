// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/usage.h"

#include "upstream/embedded/node.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

/* One that is not there has no bytes. */
static uint64_t file_bytes(const struct node *node, const char *name)
{
    struct text path = {0};
    struct stat status;
    uint64_t bytes;

    text_put_format(&path, "%s/%s", node->folder, name);
    bytes = stat(path.data, &status) == 0 && status.st_size > 0 ? (uint64_t)status.st_size : 0;
    text_dispose(&path);
    return bytes;
}

bool node_usage(const struct node *node, struct node_usage *usage, struct error *err)
{
    static const char *const names[] = {"index.db", "index.db-wal", "node.db", "node.db-wal"};
    struct statvfs disk;

    if (statvfs(node->folder, &disk) != 0)
        return error_set_errno(err, "the disk of %s cannot be asked how full it is", node->folder);
    usage->used = blocks_totals(node->blocks).disk_bytes;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        usage->used += file_bytes(node, names[i]);
    usage->total = usage->used + (uint64_t)disk.f_bavail * disk.f_frsize;
    return true;
}
