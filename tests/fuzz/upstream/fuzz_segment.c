// SPDX-License-Identifier: Apache-2.0
/* A segment of any bytes: what is found and what is skipped is all of it, in order; what is found
 * lies in the file; and so it is when every record is rejected and searched again. */
#include "upstream/embedded/segment.h"

#include "ipfs/cid.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int fd, struct slice file, bool rejects)
{
    struct segment_record record;
    struct segment_scan scan;
    struct error err = {0};
    uint64_t end = 0, found = 0;

    segment_scan_init(&scan, fd);
    while (segment_scan_next(&scan, &record, &err)) {
        if (scan.offset < end || scan.end > file.size || record.key.size > CID_BYTES_MAX ||
            memcmp(record.data.data, file.data + scan.end - record.data.size, record.data.size) !=
                0)
            abort();
        end = rejects ? scan.offset + 1 : scan.end;
        if (rejects)
            segment_scan_reject(&scan, &record);
        else
            found += record.size;
    }
    if (err.code != ERROR_NONE || found + scan.skipped_bytes != file.size)
        abort();
    segment_scan_dispose(&scan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice file = {(const char *)data, size};
    int fd = memfd_create("segment", MFD_CLOEXEC);

    if (fd < 0 || !segment_write(fd, file, 0))
        abort();
    check(fd, file, false);
    check(fd, file, true);
    close(fd);
    return 0;
}
