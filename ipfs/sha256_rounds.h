// SPDX-License-Identifier: Apache-2.0
/* The rounds of FIPS 180-4, 6.2.2, over vectors. Included by each kernel, which defines before it:
 *   VECTOR                                the type
 *   ADD(x, y)                             sum of 32-bit words
 *   CHOOSE(e, f, g), MAJORITY(a, b, c)
 *   SUM0(a), SUM1(e)                      the upper-case sigmas
 *   SIGMA0(w), SIGMA1(w)                  the lower-case ones
 *   CONSTANT(i)                           sha256_constants[i] in every lane
 * Sixteen rounds are unrolled, so that the schedule stays in registers: k is the round's number in
 * its sixteen and written out, i what the sixteen begin with. */
#ifndef IPFS_SHA256_ROUNDS_H
#define IPFS_SHA256_ROUNDS_H

/* Optimized in every build: a debug build would hash at a tenth of the speed. GCC's reassociation
 * of sums makes it spill registers, and the loops of four want to be peeled: 1.3 times slower
 * without. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O2,no-tree-reassoc,live-range-shrinkage,peel-loops")
#endif

#define ROUND(a, b, c, d, e, f, g, h, i, k)                                                        \
    do {                                                                                           \
        VECTOR sum_ = ADD(ADD(h, w[k]), CONSTANT((i) + (k)));                                      \
                                                                                                   \
        sum_ = ADD(ADD(sum_, CHOOSE(e, f, g)), SUM1(e));                                           \
        (d) = ADD(d, sum_);                                                                        \
        (h) = ADD(ADD(sum_, MAJORITY(a, b, c)), SUM0(a));                                          \
    } while (0)

/* First the schedule's next word, in the place of the one that is sixteen rounds older. */
#define EXTENDED_ROUND(a, b, c, d, e, f, g, h, i, k)                                               \
    do {                                                                                           \
        w[k] = ADD(ADD(w[k], SIGMA0(w[((k) + 1) % 16])),                                           \
                   ADD(w[((k) + 9) % 16], SIGMA1(w[((k) + 14) % 16])));                            \
        ROUND(a, b, c, d, e, f, g, h, i, k);                                                       \
    } while (0)

#define EIGHT_ROUNDS(round, i, k)                                                                  \
    do {                                                                                           \
        round(a, b, c, d, e, f, g, h, i, (k) + 0);                                                 \
        round(h, a, b, c, d, e, f, g, i, (k) + 1);                                                 \
        round(g, h, a, b, c, d, e, f, i, (k) + 2);                                                 \
        round(f, g, h, a, b, c, d, e, i, (k) + 3);                                                 \
        round(e, f, g, h, a, b, c, d, i, (k) + 4);                                                 \
        round(d, e, f, g, h, a, b, c, i, (k) + 5);                                                 \
        round(c, d, e, f, g, h, a, b, i, (k) + 6);                                                 \
        round(b, c, d, e, f, g, h, a, i, (k) + 7);                                                 \
    } while (0)

/* Expects VECTOR w[16] with the chunk's words, and VECTOR state[8], which it advances. */
#define ALL_ROUNDS(state, w)                                                                       \
    do {                                                                                           \
        VECTOR a = (state)[0], b = (state)[1], c = (state)[2], d = (state)[3];                     \
        VECTOR e = (state)[4], f = (state)[5], g = (state)[6], h = (state)[7];                     \
                                                                                                   \
        EIGHT_ROUNDS(ROUND, 0, 0);                                                                 \
        EIGHT_ROUNDS(ROUND, 0, 8);                                                                 \
        for (int i = 16; i < 64; i += 16) {                                                        \
            EIGHT_ROUNDS(EXTENDED_ROUND, i, 0);                                                    \
            EIGHT_ROUNDS(EXTENDED_ROUND, i, 8);                                                    \
        }                                                                                          \
        (state)[0] = ADD((state)[0], a);                                                           \
        (state)[1] = ADD((state)[1], b);                                                           \
        (state)[2] = ADD((state)[2], c);                                                           \
        (state)[3] = ADD((state)[3], d);                                                           \
        (state)[4] = ADD((state)[4], e);                                                           \
        (state)[5] = ADD((state)[5], f);                                                           \
        (state)[6] = ADD((state)[6], g);                                                           \
        (state)[7] = ADD((state)[7], h);                                                           \
    } while (0)

#endif
