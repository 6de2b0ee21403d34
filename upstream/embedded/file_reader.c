// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/file_reader.h"

bool file_reader_open(struct file_reader **reader, struct task *task, const struct cid *cid,
                      uint64_t offset, uint64_t limit, struct error *err)
{
    (void)task, (void)cid, (void)offset, (void)limit;
    *reader = NULL;
    return error_set(err, ERROR_UNSUPPORTED, "reading files is not built yet");
}

void file_reader_destroy(struct file_reader **reader)
{
    *reader = NULL;
}

uint64_t file_reader_size(const struct file_reader *reader)
{
    (void)reader;
    return 0;
}

enum read_step file_reader_next(struct file_reader *reader, struct task *task, struct slice *piece,
                                struct error *err)
{
    (void)reader, (void)task, (void)piece, (void)err;
    return READ_BAD;
}
