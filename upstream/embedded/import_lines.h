// SPDX-License-Identifier: Apache-2.0
/* The lines that an `add` answers with, byte for byte as Kubo's. Pure. */
#ifndef UPSTREAM_EMBEDDED_IMPORT_LINES_H
#define UPSTREAM_EMBEDDED_IMPORT_LINES_H

#include "conf/text.h"
#include "ipfs/multipart.h"
#include "ipfs/unixfs_build.h"
#include "upstream/embedded/reply.h"

#include <stdint.h>

/* What all lines of a root have in common. */
struct import_lines {
    struct reply_form form;
    struct multipart_part root; /* its mode and time, as they came; nothing else of it */
};

/* A file, symlink or directory that is there. */
void import_lines_put_entry(struct text *out, const struct import_lines *lines, struct slice name,
                            const struct unixfs_entry *entry);
/* So many bytes of a file were read. */
void import_lines_put_progress(struct text *out, const struct import_lines *lines,
                               struct slice name, uint64_t bytes);

#endif
