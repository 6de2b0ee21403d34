// SPDX-License-Identifier: Apache-2.0
/* Sixteen lanes: AVX-512 F and BW. */
#include "ipfs/sha256_lanes.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw")))

#define VECTOR            __m512i
#define ADD(x, y)         _mm512_add_epi32(x, y)
#define XOR3(x, y, z)     _mm512_ternarylogic_epi32(x, y, z, 0x96)
#define CHOOSE(e, f, g)   _mm512_ternarylogic_epi32(e, f, g, 0xca)
#define MAJORITY(a, b, c) _mm512_ternarylogic_epi32(a, b, c, 0xe8)
#define ROTATE(x, n)      _mm512_ror_epi32(x, n)
#define SHIFT(x, n)       _mm512_srli_epi32(x, n)
#define SUM0(x)           XOR3(ROTATE(x, 2), ROTATE(x, 13), ROTATE(x, 22))
#define SUM1(x)           XOR3(ROTATE(x, 6), ROTATE(x, 11), ROTATE(x, 25))
#define SIGMA0(x)         XOR3(ROTATE(x, 7), ROTATE(x, 18), SHIFT(x, 3))
#define SIGMA1(x)         XOR3(ROTATE(x, 17), ROTATE(x, 19), SHIFT(x, 10))
#define CONSTANT(i)       _mm512_set1_epi32((int)sha256_constants[i])

#include "ipfs/sha256_rounds.h"

/* Reads 64 bytes of a lane as sixteen words, most significant byte first. */
TARGET static inline __m512i load_lane(const uint8_t *data)
{
    const __m512i swap =
        _mm512_broadcast_i32x4(_mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3));

    return _mm512_shuffle_epi8(_mm512_loadu_si512(data), swap);
}

/* Turns four rows of four 128-bit groups each into columns: out[n] holds group n of every row. */
TARGET static inline void transpose_groups(const __m512i row[4], __m512i *out, size_t stride)
{
    __m512i low01 = _mm512_shuffle_i32x4(row[0], row[1], 0x44);
    __m512i high01 = _mm512_shuffle_i32x4(row[0], row[1], 0xee);
    __m512i low23 = _mm512_shuffle_i32x4(row[2], row[3], 0x44);
    __m512i high23 = _mm512_shuffle_i32x4(row[2], row[3], 0xee);

    out[0 * stride] = _mm512_shuffle_i32x4(low01, low23, 0x88);
    out[1 * stride] = _mm512_shuffle_i32x4(low01, low23, 0xdd);
    out[2 * stride] = _mm512_shuffle_i32x4(high01, high23, 0x88);
    out[3 * stride] = _mm512_shuffle_i32x4(high01, high23, 0xdd);
}

/* Transposes four rows of words inside each 128-bit group. */
TARGET static inline void transpose_words(const __m512i row[4], __m512i out[4])
{
    __m512i low01 = _mm512_unpacklo_epi32(row[0], row[1]);
    __m512i high01 = _mm512_unpackhi_epi32(row[0], row[1]);
    __m512i low23 = _mm512_unpacklo_epi32(row[2], row[3]);
    __m512i high23 = _mm512_unpackhi_epi32(row[2], row[3]);

    out[0] = _mm512_unpacklo_epi64(low01, low23);
    out[1] = _mm512_unpackhi_epi64(low01, low23);
    out[2] = _mm512_unpacklo_epi64(high01, high23);
    out[3] = _mm512_unpackhi_epi64(high01, high23);
}

/* w[i] becomes word i of every lane. Four lanes are transposed at a time; then word k of each
 * 128-bit group of the four quarters is gathered. */
TARGET static inline void load_words(const uint8_t *const *data, size_t at, __m512i w[16])
{
    __m512i part[4][4]; /* [word of a group][quarter of the lanes] */

    for (int quarter = 0; quarter < 4; quarter++) {
        __m512i row[4], words[4];

        for (int i = 0; i < 4; i++)
            row[i] = load_lane(data[4 * quarter + i] + at);
        transpose_words(row, words);
        for (int i = 0; i < 4; i++)
            part[i][quarter] = words[i];
    }
    for (int i = 0; i < 4; i++)
        transpose_groups(part[i], w + i, 4);
}

TARGET void sha256_lanes_avx512(struct sha256_states *states, const uint8_t *const *data,
                                size_t chunks)
{
    __m512i state[8], w[16];

    for (int i = 0; i < 8; i++)
        state[i] = _mm512_load_si512(states->words[i]);
    for (size_t at = 0; at < chunks * SHA256_CHUNK_SIZE; at += SHA256_CHUNK_SIZE) {
        load_words(data, at, w);
        ALL_ROUNDS(state, w);
    }
    for (int i = 0; i < 8; i++)
        _mm512_store_si512(states->words[i], state[i]);
}

#endif
