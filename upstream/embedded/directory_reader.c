// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/directory_reader.h"

bool directory_reader_open(struct directory_reader **reader, struct task *task,
                           const struct cid *cid, struct error *err)
{
    (void)task, (void)cid;
    *reader = NULL;
    return error_set(err, ERROR_UNSUPPORTED, "reading directories is not built yet");
}

void directory_reader_destroy(struct directory_reader **reader)
{
    *reader = NULL;
}

enum read_step directory_reader_next(struct directory_reader *reader, struct task *task,
                                     struct directory_entry *entry, struct error *err)
{
    (void)reader, (void)task, (void)entry, (void)err;
    return READ_BAD;
}

bool directory_find(struct task *task, const struct cid *directory, struct slice name,
                    struct directory_entry *entry, bool *found, struct error *err)
{
    (void)task, (void)directory, (void)name, (void)entry;
    *found = false;
    return error_set(err, ERROR_UNSUPPORTED, "looking up names is not built yet");
}
