// SPDX-License-Identifier: Apache-2.0
/* The hash of names in sharded directories: MurmurHash3_x64_128 of Austin Appleby (public domain),
 * seed 0, its first 64 bits. Not for anything that must resist an attacker. Pure. */
#ifndef IPFS_MURMUR3_H
#define IPFS_MURMUR3_H

#include "conf/text.h"

#include <stdint.h>

uint64_t murmur3_64(struct slice bytes);

#endif
