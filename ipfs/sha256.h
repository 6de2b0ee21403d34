// SPDX-License-Identifier: Apache-2.0
/* SHA-256 of many blocks at once. Everything outside hash.c and its tests uses hash.h. Pure; any
 * thread. */
#ifndef IPFS_SHA256_H
#define IPFS_SHA256_H

#include "conf/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32

struct sha256_job {
    struct slice data; /* borrowed until the call returns; any length and alignment */
    uint8_t *digest;   /* SHA256_SIZE bytes; may be where data is */
};

void sha256_many(const struct sha256_job *jobs, size_t count);

#endif
