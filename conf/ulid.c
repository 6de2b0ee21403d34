// SPDX-License-Identifier: Apache-2.0
#include "conf/ulid.h"

#include <assert.h>

enum {
    CHARACTERS = ULID_SIZE - 1,
    TIME_CHARACTERS = 10, /* of 5 bits; the first has 3 */
    TIME_SIZE = 6,
};

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

/* False: it was the greatest there is, and is zero now. */
static bool increment(uint8_t random[ULID_RANDOM_SIZE])
{
    for (size_t i = ULID_RANDOM_SIZE; i > 0; i--)
        if (++random[i - 1] != 0)
            return true;
    return false;
}

static void encode(const struct ulid_source *source, char ulid[ULID_SIZE])
{
    uint8_t bytes[TIME_SIZE + ULID_RANDOM_SIZE];
    unsigned bits = 0, held = 2; /* 130 bits are printed: two zeros stand in front */
    size_t next = 0;

    for (size_t i = 0; i < TIME_SIZE; i++)
        bytes[i] = (uint8_t)(source->time_ms >> (8 * (TIME_SIZE - 1 - i)));
    memcpy(bytes + TIME_SIZE, source->random, ULID_RANDOM_SIZE);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bits = (bits << 8) | bytes[i];
        for (held += 8; held >= 5; held -= 5)
            ulid[next++] = alphabet[(bits >> (held - 5)) & 31];
        bits &= 31;
    }
    assert(next == CHARACTERS && held == 0);
    ulid[next] = '\0';
}

void ulid_draw(struct ulid_source *source, uint64_t now_ms, const uint8_t random[ULID_RANDOM_SIZE],
               char ulid[ULID_SIZE])
{
    assert(now_ms >> 48 == 0);
    if (now_ms > source->time_ms) {
        source->time_ms = now_ms;
        memcpy(source->random, random, ULID_RANDOM_SIZE);
    } else if (!increment(source->random)) {
        source->time_ms++; /* 2^80 in one millisecond: on to the next */
    }
    encode(source, ulid);
}

static const char *find(char c)
{
    return c == '\0' ? NULL : strchr(alphabet, c);
}

bool ulid_is_valid(struct slice text)
{
    if (text.size != CHARACTERS || text.data[0] > '7')
        return false;
    for (size_t i = 0; i < text.size; i++)
        if (find(text.data[i]) == NULL)
            return false;
    return true;
}

void ulid_before(const char ulid[ULID_SIZE], char before[ULID_SIZE])
{
    size_t at = CHARACTERS;

    memcpy(before, ulid, ULID_SIZE);
    while (at > 0 && before[at - 1] == alphabet[0])
        before[--at] = alphabet[31];
    assert(at > 0);
    before[at - 1] = alphabet[find(before[at - 1]) - alphabet - 1];
}

uint64_t ulid_time_ms(const char ulid[ULID_SIZE])
{
    uint64_t time_ms = 0;

    for (size_t i = 0; i < TIME_CHARACTERS; i++) {
        const char *letter = find(ulid[i]);

        assert(letter != NULL);
        time_ms = time_ms << 5 | (uint64_t)(letter - alphabet);
    }
    return time_ms;
}
