// SPDX-License-Identifier: Apache-2.0
/* One process at a time in a data folder. */
#ifndef STORE_LOCK_H
#define STORE_LOCK_H

#include "conf/error.h"

/* Makes the folder if it is missing (its parent must exist) and 0700 if it is more open, and takes
 * `lock` in it, which then holds our pid. ERROR_REFUSED: another process has it; the text names its
 * pid. The lock ends with the process, whatever becomes of the file. Blocks on files, never for the
 * lock. */
MUST_USE bool lock_take(const char *folder, int *lock_fd, struct error *err);
/* -1 is fine; sets *lock_fd to -1. */
void lock_give(int *lock_fd);

#endif
