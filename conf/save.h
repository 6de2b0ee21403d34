// SPDX-License-Identifier: Apache-2.0
/* Files that are there whole or not at all: written beside, synced, renamed, and the folder synced.
 * After a crash the file is what it was or what was written; at most a ".NAME.new" lies about,
 * which the next save of the name replaces. Blocks; one writer of a path at a time. */
#ifndef CONF_SAVE_H
#define CONF_SAVE_H

#include "conf/error.h"
#include "conf/text.h"

#include <sys/types.h>

/* Replaces what is at path. mode is the file's from its first byte on, whatever the umask. */
MUST_USE bool save_file(const char *path, struct slice bytes, mode_t mode, struct error *err);

/* Makes the folder, durably, if it is not there. Its parent must be. */
MUST_USE bool save_folder(const char *path, mode_t mode, struct error *err);

/* Appends a whole regular file of at most max bytes; a link is refused. ERROR_NOT_FOUND: there is
 * none. is_secret: refused unless nobody but its owner can read or write it. */
MUST_USE bool save_read(const char *path, size_t max, bool is_secret, struct text *bytes,
                        struct error *err);

#endif
