// SPDX-License-Identifier: Apache-2.0
/* What the options of an `add` ask for. Pure. */
#ifndef UPSTREAM_EMBEDDED_IMPORT_OPTIONS_H
#define UPSTREAM_EMBEDDED_IMPORT_OPTIONS_H

#include "conf/error.h"
#include "conf/text.h"
#include "ipfs/call.h"
#include "ipfs/multipart.h"
#include "ipfs/unixfs_build.h"

struct import_options {
    struct unixfs_profile profile;
    bool wraps, is_only_hash, is_silent, has_progress, keeps_empty_directories;
    bool pins;
    struct slice pin_name; /* "": none. Borrowed from the call, as is to_files */
    struct slice to_files; /* {NULL, 0}: not asked for */
    bool preserves_mode, preserves_mtime;
    struct unixfs_stat stat; /* of everything, where it is not preserved */
};

/* Errors in Kubo's words. What is not built is refused by its name: rabin, buzhash, trickle,
 * nocopy, fscache. */
MUST_USE bool import_options_read(const struct call *call, struct import_options *options,
                                  struct error *err);

/* What is kept of the mode and time of a part; part NULL: of a directory that no part told of. */
struct unixfs_stat import_options_stat(const struct import_options *options,
                                       const struct multipart_part *part);

#endif
