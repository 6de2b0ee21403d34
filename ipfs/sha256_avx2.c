// SPDX-License-Identifier: Apache-2.0
/* Eight lanes: AVX2. */
#include "ipfs/sha256_lanes.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define TARGET __attribute__((target("avx2")))

#define VECTOR            __m256i
#define ADD(x, y)         _mm256_add_epi32(x, y)
#define XOR(x, y)         _mm256_xor_si256(x, y)
#define AND(x, y)         _mm256_and_si256(x, y)
#define OR(x, y)          _mm256_or_si256(x, y)
#define CHOOSE(e, f, g)   XOR(g, AND(e, XOR(f, g)))
/* Where a and b differ, c decides. */
#define MAJORITY(a, b, c) XOR(b, AND(XOR(a, b), XOR(b, c)))
#define SHIFT(x, n)       _mm256_srli_epi32(x, n)
/* The two shifts of a rotation have no bit in common: XOR joins them, and so nothing else is
 * needed. */
#define ROTATE(x, n)      XOR(SHIFT(x, n), _mm256_slli_epi32(x, 32 - (n)))
#define SUM0(x)           XOR(XOR(ROTATE(x, 2), ROTATE(x, 13)), ROTATE(x, 22))
#define SUM1(x)           XOR(XOR(ROTATE(x, 6), ROTATE(x, 11)), ROTATE(x, 25))
#define SIGMA0(x)         XOR(XOR(ROTATE(x, 7), ROTATE(x, 18)), SHIFT(x, 3))
#define SIGMA1(x)         XOR(XOR(ROTATE(x, 17), ROTATE(x, 19)), SHIFT(x, 10))
#define CONSTANT(i)       _mm256_set1_epi32((int)sha256_constants[i])

#include "ipfs/sha256_rounds.h"

/* Reads 32 bytes of a lane as eight words, most significant byte first. */
TARGET static inline __m256i load_lane(const uint8_t *data)
{
    const __m256i swap = _mm256_broadcastsi128_si256(
        _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3));

    return _mm256_shuffle_epi8(_mm256_loadu_si256((const void *)data), swap);
}

/* Transposes four rows of words inside each 128-bit half. */
TARGET static inline void transpose_words(const __m256i row[4], __m256i out[4])
{
    __m256i low01 = _mm256_unpacklo_epi32(row[0], row[1]);
    __m256i high01 = _mm256_unpackhi_epi32(row[0], row[1]);
    __m256i low23 = _mm256_unpacklo_epi32(row[2], row[3]);
    __m256i high23 = _mm256_unpackhi_epi32(row[2], row[3]);

    out[0] = _mm256_unpacklo_epi64(low01, low23);
    out[1] = _mm256_unpackhi_epi64(low01, low23);
    out[2] = _mm256_unpacklo_epi64(high01, high23);
    out[3] = _mm256_unpackhi_epi64(high01, high23);
}

/* w[i] becomes word i of every lane, for the eight words of 32 bytes. */
TARGET static inline void load_words(const uint8_t *const *data, size_t at, __m256i w[8])
{
    __m256i first[4], last[4], row[4];

    for (int i = 0; i < 4; i++)
        row[i] = load_lane(data[i] + at);
    transpose_words(row, first);
    for (int i = 0; i < 4; i++)
        row[i] = load_lane(data[4 + i] + at);
    transpose_words(row, last);
    for (int i = 0; i < 4; i++) {
        w[i] = _mm256_permute2x128_si256(first[i], last[i], 0x20);
        w[4 + i] = _mm256_permute2x128_si256(first[i], last[i], 0x31);
    }
}

TARGET void sha256_lanes_avx2(struct sha256_states *states, const uint8_t *const *data,
                              size_t chunks)
{
    __m256i state[8], w[16];

    for (int i = 0; i < 8; i++)
        state[i] = _mm256_load_si256((const void *)states->words[i]);
    for (size_t at = 0; at < chunks * SHA256_CHUNK_SIZE; at += SHA256_CHUNK_SIZE) {
        load_words(data, at, w);
        load_words(data, at + SHA256_CHUNK_SIZE / 2, w + 8);
        ALL_ROUNDS(state, w);
    }
    for (int i = 0; i < 8; i++)
        _mm256_store_si256((void *)states->words[i], state[i]);
}

#endif
