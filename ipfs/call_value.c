// SPDX-License-Identifier: Apache-2.0
#include "ipfs/call_value.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool call_value_bool(struct slice text, int64_t *value)
{
    static const struct {
        struct slice text;
        bool value;
    } table[] = {
        {{"", 0}, true},   {{"1", 1}, true},  {{"t", 1}, true},      {{"true", 4}, true},
        {{"0", 1}, false}, {{"f", 1}, false}, {{"false", 5}, false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        if (slice_equal_caseless(text, table[i].text)) {
            *value = table[i].value;
            return true;
        }
    return false;
}

/* Takes the base prefix off. A leading 0 stays: it is a digit, and an underscore may follow it. */
static unsigned take_base(struct slice *s)
{
    char letter = s->size >= 3 && s->data[0] == '0' ? lower(s->data[1]) : '\0';
    unsigned base = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;

    if (base == 0)
        return s->size > 1 && s->data[0] == '0' ? 8 : 10;
    s->data += 2;
    s->size -= 2;
    return base;
}

static unsigned digit_of(char c)
{
    c = lower(c);
    return c >= '0' && c <= '9'   ? (unsigned)(c - '0')
           : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                                  : 16;
}

/* Digits with single underscores between them; the base prefix counts as a digit. */
static bool read_magnitude(struct slice s, uint64_t *value)
{
    size_t whole = s.size;
    unsigned base = take_base(&s);
    bool digit = s.size < whole; /* was the last one? */
    bool any = false;

    *value = 0;
    for (size_t i = 0; i < s.size; i++) {
        unsigned d = digit_of(s.data[i]);

        if (s.data[i] == '_') {
            if (!digit)
                return false;
            digit = false;
            continue;
        }
        if (d >= base || __builtin_mul_overflow(*value, (uint64_t)base, value) ||
            __builtin_add_overflow(*value, (uint64_t)d, value))
            return false;
        digit = any = true;
    }
    return digit && any;
}

static bool is_in_range(enum command_option_type type, uint64_t magnitude, bool negative)
{
    switch (type) {
    case OPT_TYPE_INT32:
        return magnitude <= (uint64_t)INT32_MAX + negative;
    case OPT_TYPE_INT64:
        return magnitude <= (uint64_t)INT64_MAX + negative;
    case OPT_TYPE_UINT32:
        return magnitude <= UINT32_MAX;
    default:
        assert(type == OPT_TYPE_UINT64);
        return true;
    }
}

bool call_value_integer(enum command_option_type type, struct slice text, int64_t *value,
                        char canonical[CALL_NUMBER_TEXT_MAX])
{
    bool is_signed = type == OPT_TYPE_INT32 || type == OPT_TYPE_INT64;
    bool negative = false;
    uint64_t magnitude;

    if (is_signed && text.size > 0 && (text.data[0] == '-' || text.data[0] == '+')) {
        negative = text.data[0] == '-';
        text.data++;
        text.size--;
    }
    if (!read_magnitude(text, &magnitude) || !is_in_range(type, magnitude, negative))
        return false;
    negative = negative && magnitude > 0;
    snprintf(canonical, CALL_NUMBER_TEXT_MAX, "%s%" PRIu64, negative ? "-" : "", magnitude);
    if (negative)
        *value = -(int64_t)(magnitude - 1) - 1; /* so that the least int64 does not overflow */
    else
        *value = magnitude > INT64_MAX ? INT64_MAX : (int64_t)magnitude;
    return true;
}

/* Takes the unit at the start; 0: there is none. "µs" is written with either of two letters. */
static uint64_t take_unit(struct slice *s)
{
    static const struct {
        struct slice name;
        uint64_t nanoseconds;
    } units[] = {
        {{"ns", 2}, 1},           {{"us", 2}, 1000},         {{"\xc2\xb5s", 3}, 1000},
        {{"\xce\xbcs", 3}, 1000}, {{"ms", 2}, 1000000},      {{"s", 1}, 1000000000},
        {{"m", 1}, 60000000000},  {{"h", 1}, 3600000000000},
    };
    struct slice name = {s->data, 0};

    while (name.size < s->size && s->data[name.size] != '.' &&
           (s->data[name.size] < '0' || s->data[name.size] > '9'))
        name.size++;
    s->data += name.size;
    s->size -= name.size;
    for (size_t i = 0; i < ARRAY_SIZE(units); i++)
        if (slice_equal(name, units[i].name))
            return units[i].nanoseconds;
    return 0;
}

static bool is_digit(struct slice s)
{
    return s.size > 0 && s.data[0] >= '0' && s.data[0] <= '9';
}

/* One number with its unit, as "1.5h". Digits below a nanosecond are read and worth nothing. */
static bool take_term(struct slice *s, uint64_t *nanoseconds)
{
    uint64_t whole = 0, place;
    struct slice fraction = {NULL, 0};
    bool any = false;

    for (; is_digit(*s); s->data++, s->size--) {
        if (__builtin_mul_overflow(whole, 10U, &whole) ||
            __builtin_add_overflow(whole, (uint64_t)(s->data[0] - '0'), &whole))
            return false;
        any = true;
    }
    if (s->size > 0 && s->data[0] == '.') {
        fraction.data = s->data + 1;
        for (s->data++, s->size--; is_digit(*s); s->data++, s->size--)
            fraction.size++;
    }
    place = take_unit(s);
    if ((!any && fraction.size == 0) || place == 0 ||
        __builtin_mul_overflow(whole, place, nanoseconds))
        return false;
    for (size_t i = 0; i < fraction.size; i++) {
        place /= 10;
        if (__builtin_add_overflow(*nanoseconds, place * (uint64_t)(fraction.data[i] - '0'),
                                   nanoseconds))
            return false;
    }
    return true;
}

bool call_value_duration(struct slice text, int64_t *nanoseconds)
{
    bool negative = text.size > 0 && text.data[0] == '-';
    uint64_t sum = 0, term;

    if (negative || (text.size > 0 && text.data[0] == '+')) {
        text.data++;
        text.size--;
    }
    if (slice_is(text, "0")) { /* the one duration without a unit */
        *nanoseconds = 0;
        return true;
    }
    if (text.size == 0)
        return false;
    while (text.size > 0)
        if (!take_term(&text, &term) || __builtin_add_overflow(sum, term, &sum) || sum > INT64_MAX)
            return false;
    *nanoseconds = negative ? -(int64_t)sum : (int64_t)sum;
    return true;
}
