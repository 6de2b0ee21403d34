// SPDX-License-Identifier: Apache-2.0
/* Since when a spool's files are known to be right: a file in its folder names the start of this
 * machine (Linux' boot_id) in which they were written, or verified last.
 *
 * What a process wrote outlives it, but not the machine: parts are not synced, so after another
 * start anything may be missing of any of them. Both block; for jobs. */
#ifndef FEDERATION_SPOOL_MARK_H
#define FEDERATION_SPOOL_MARK_H

#include <stdbool.h>

#define SPOOL_MARK_NAME "boot"

/* folder: of the spool. False: of another start, or it cannot be known. */
bool spool_mark_holds(const char *folder);
/* Where it cannot be written, the spool is verified again. */
void spool_mark_put(const char *folder);

#endif
