// SPDX-License-Identifier: Apache-2.0
/* SHA-256 of many blocks at once: side by side in vector lanes where that beats OpenSSL one by one.
 * Everything outside hash.c, its tests and its bench uses hash.h. Pure; any thread. */
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

/* As sha256_run with the plan of this processor. */
void sha256_many(const struct sha256_job *jobs, size_t count);

enum sha256_path { SHA256_OPENSSL, SHA256_AVX2, SHA256_AVX512, SHA256_PATHS };

/* How jobs are run. With fewer than min_busy lanes at work, those that are left are finished by
 * OpenSSL, one after the other: a vector costs the same with one lane as with all. */
struct sha256_plan {
    enum sha256_path path;
    unsigned min_busy; /* 1: lanes to the end */
};

/* What is best on this processor: measured, see sha256.c. */
struct sha256_plan sha256_plan(void);

bool sha256_path_usable(enum sha256_path path); /* by this processor */
const char *sha256_path_name(enum sha256_path path);

/* plan->path must be usable. */
void sha256_run(const struct sha256_plan *plan, const struct sha256_job *jobs, size_t count);

#endif
