// SPDX-License-Identifier: Apache-2.0
/* Names of codecs and hashes. Source: github.com/multiformats/multicodec, table.csv: the entries
 * tagged ipld, serialization, multihash and hash. Pure. */
#ifndef IPFS_MULTICODEC_H
#define IPFS_MULTICODEC_H

#include "conf/text.h"

#include <stdbool.h>
#include <stdint.h>

#define MULTICODEC_NAME_SIZE 32

/* Writes the name of a codec such as "dag-pb", or of a hash such as "sha2-256". False, and nothing
 * written, for a code without a name. */
bool multicodec_codec_name(uint64_t code, char name[MULTICODEC_NAME_SIZE]);
bool multicodec_hash_name(uint64_t code, char name[MULTICODEC_NAME_SIZE]);

/* The other way. False for a name that the table does not have. */
bool multicodec_find_codec(struct slice name, uint64_t *code);
bool multicodec_find_hash(struct slice name, uint64_t *code);

#endif
