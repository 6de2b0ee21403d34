// SPDX-License-Identifier: Apache-2.0
/* Headers of TAR files, byte for byte as Go's archive/tar writes them for Kubo's `get`: USTAR where
 * that can say it, else with a PAX header in front. Source: POSIX.1-2017, pax. Pure. */
#ifndef UPSTREAM_EMBEDDED_TAR_H
#define UPSTREAM_EMBEDDED_TAR_H

#include "conf/error.h"
#include "conf/text.h"

#include <stdint.h>

#define TAR_BLOCK     512
#define TAR_NAMES_MAX ((size_t)1 << 20) /* bytes of all that a PAX header says */

enum tar_type { TAR_FILE = '0', TAR_SYMLINK = '2', TAR_DIRECTORY = '5' };

struct tar_entry {
    enum tar_type type;
    struct slice name;
    struct slice target; /* of a symlink */
    uint64_t size;       /* of a file; below 2^63 */
    uint32_t mode;       /* 07777 */
    int64_t mtime_s;
    uint32_t mtime_ns;
};

/* Appends what stands before the entry's bytes. ERROR_UNSUPPORTED, in the words of archive/tar: a
 * name that TAR cannot hold. */
MUST_USE bool tar_put_header(struct text *out, const struct tar_entry *entry, struct error *err);
/* Zeros behind so many bytes. */
void tar_put_padding(struct text *out, uint64_t size);
/* The end of the file. */
void tar_put_end(struct text *out);

#endif
