// SPDX-License-Identifier: Apache-2.0
/* SHA-256 kernels that advance several blocks side by side, one in each 32-bit lane of a vector.
 * Source: FIPS 180-4. Which one runs, and when, is decided in sha256.c. Pure; any thread. */
#ifndef IPFS_SHA256_LANES_H
#define IPFS_SHA256_LANES_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_LANES_MAX  16
#define SHA256_CHUNK_SIZE 64

/* The hash values of all lanes: word by word, as the vectors hold them. */
struct sha256_states {
    _Alignas(64) uint32_t words[8][SHA256_LANES_MAX];
};

/* Takes `chunks` chunks of 64 bytes from data[lane], for each lane. A lane that has nothing to do
 * may be given the data of another. The processor must have what the name says. */
typedef void (*sha256_lanes_fn)(struct sha256_states *states, const uint8_t *const *data,
                                size_t chunks);

#if defined(__x86_64__)
void sha256_lanes_avx2(struct sha256_states *states, const uint8_t *const *data, size_t chunks);
void sha256_lanes_avx512(struct sha256_states *states, const uint8_t *const *data, size_t chunks);
#endif

extern const uint32_t sha256_constants[64]; /* FIPS 180-4, 4.2.2 */

#endif
