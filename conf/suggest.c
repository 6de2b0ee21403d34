// SPDX-License-Identifier: Apache-2.0
#include "conf/suggest.h"

enum { WORD_MAX = 64 }; /* nobody mistypes a longer one by a letter */

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;

    return least < c ? least : c;
}

/* Edits (change, add, lose, swap two neighbours) from a to b: the optimal string alignment, three
 * rows at a time. Both at most WORD_MAX long. */
static size_t edit_distance(struct slice a, struct slice b)
{
    size_t rows[3][WORD_MAX + 1];

    for (size_t j = 0; j <= b.size; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a.size; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i + 2) % 3];
        const size_t *above2 = rows[(i + 1) % 3];

        row[0] = i;
        for (size_t j = 1; j <= b.size; j++) {
            size_t change = above[j - 1] + (a.data[i - 1] != b.data[j - 1]);

            row[j] = min3(change, above[j] + 1, row[j - 1] + 1);
            if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] && a.data[i - 2] == b.data[j - 1])
                row[j] = min3(row[j], above2[j - 2] + 1, row[j]);
        }
    }
    return rows[a.size % 3][b.size];
}

/* "stat" for "status". */
static bool is_beginning(struct slice word, struct slice known)
{
    return word.size >= 3 && word.size < known.size &&
           memcmp(word.data, known.data, word.size) == 0;
}

void suggestion_init(struct suggestion *suggestion, struct slice word)
{
    size_t third = word.size / 3;

    *suggestion = (struct suggestion){.word = word, .distance = (third > 0 ? third : 1) + 1};
}

void suggestion_offer(struct suggestion *suggestion, const char *known)
{
    suggestion_offer_slice(suggestion, slice_of(known));
}

void suggestion_offer_slice(struct suggestion *suggestion, struct slice known)
{
    size_t distance;

    /* One letter is one edit from every other: no hint in that. */
    if (suggestion->word.size < 2 || suggestion->word.size > WORD_MAX || known.size > WORD_MAX)
        return;
    distance = is_beginning(suggestion->word, known) ? 1 : edit_distance(suggestion->word, known);
    if (distance < suggestion->distance) {
        suggestion->distance = distance;
        suggestion->best = known;
    }
}
