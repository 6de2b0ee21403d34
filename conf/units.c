// SPDX-License-Identifier: Apache-2.0
#include "conf/units.h"

#include <inttypes.h>
#include <stdio.h>

struct unit {
    const char *name;
    uint64_t factor;
};

#define KIB UINT64_C(1024)
#define KB  UINT64_C(1000)

/* From large to small, the printed spelling of a factor before its synonyms. */
static const struct unit sizes[] = {
    {"PiB", KIB *KIB *KIB *KIB *KIB},
    {"TiB", KIB *KIB *KIB *KIB},
    {"GiB", KIB *KIB *KIB},
    {"MiB", KIB *KIB},
    {"KiB", KIB},
    {"B", 1},
    {"PB", KB *KB *KB *KB *KB},
    {"TB", KB *KB *KB *KB},
    {"GB", KB *KB *KB},
    {"MB", KB *KB},
    {"kB", KB},
    {"KB", KB},
};

static const struct unit durations[] = {
    {"d", UINT64_C(24) * 3600 * 1000},
    {"h", UINT64_C(3600) * 1000},
    {"m", UINT64_C(60) * 1000},
    {"s", 1000},
    {"ms", 1},
};

static const char size_hint[] = "write a number and B, KiB, MiB, GiB, TiB, kB, MB, GB or TB";
static const char duration_hint[] = "write a whole number and ms, s, m, h or d";

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The digits at the start. Not empty, no leading zero, no overflow. */
static bool read_digits(struct slice text, uint64_t *value, size_t *used, struct error *err)
{
    size_t i = 0;

    *value = 0;
    for (; i < text.size && is_digit(text.data[i]); i++)
        if (__builtin_mul_overflow(*value, 10, value) ||
            __builtin_add_overflow(*value, (uint64_t)(text.data[i] - '0'), value))
            return error_set(err, ERROR_LIMIT, "'%.*s' is too large", SLICE_ARGS(text));
    if (i > 1 && text.data[0] == '0')
        return error_set(err, ERROR_SYNTAX,
                         "'%.*s' begins with 0: octal is not read, write decimal digits",
                         SLICE_ARGS(text));
    *used = i;
    return true;
}

/* Says what is wrong with a number that is none, for the spellings that other tools take. */
static bool no_integer(struct slice text, struct error *err)
{
    if (text.size == 0)
        return error_set(err, ERROR_SYNTAX, "a number is missing");
    if (text.data[0] == '-' || text.data[0] == '+')
        return error_set(err, ERROR_SYNTAX, "'%.*s' has a sign; write digits only",
                         SLICE_ARGS(text));
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '_' || text.data[i] == ',')
            return error_set(err, ERROR_SYNTAX,
                             "'%.*s' groups its digits; write them without separators",
                             SLICE_ARGS(text));
        if (text.data[i] == 'x' || text.data[i] == 'o')
            return error_set(err, ERROR_SYNTAX, "'%.*s' is not decimal; write decimal digits",
                             SLICE_ARGS(text));
    }
    return error_set(err, ERROR_SYNTAX, "'%.*s' is not a whole number", SLICE_ARGS(text));
}

bool units_parse_integer(struct slice text, uint64_t *value, struct error *err)
{
    size_t used = 0;

    if (text.size == 0 || !is_digit(text.data[0]))
        return no_integer(text, err);
    if (text.size > 1 && text.data[0] == '0' && !is_digit(text.data[1]))
        return no_integer(text, err);
    if (!read_digits(text, value, &used, err))
        return false;
    return used == text.size || no_integer(text, err);
}

static const struct unit *find_unit(const struct unit *units, size_t count, struct slice name,
                                    bool (*equal)(struct slice, struct slice))
{
    for (size_t i = 0; i < count; i++)
        if (equal(name, slice_of(units[i].name)))
            return &units[i];
    return NULL;
}

/* A number, perhaps one space, a unit. The unit is handed out, empty if there is none. */
static bool split(struct slice text, uint64_t *number, struct slice *unit, const char *hint,
                  struct error *err)
{
    size_t used = 0;

    if (text.size == 0 || !is_digit(text.data[0]))
        return error_set(err, ERROR_SYNTAX, "'%.*s' is not understood; %s", SLICE_ARGS(text), hint);
    if (!read_digits(text, number, &used, err))
        return false;
    if (used + 1 < text.size && text.data[used] == ' ')
        used++;
    *unit = (struct slice){text.data + used, text.size - used};
    return true;
}

static bool scale(struct slice text, uint64_t number, const struct unit *unit, uint64_t *value,
                  struct error *err)
{
    if (__builtin_mul_overflow(number, unit->factor, value))
        return error_set(err, ERROR_LIMIT, "'%.*s' is too large", SLICE_ARGS(text));
    return true;
}

bool units_parse_size(struct slice text, uint64_t *bytes, struct error *err)
{
    const struct unit *unit;
    struct slice name = {0};
    uint64_t number = 0;

    if (!split(text, &number, &name, size_hint, err))
        return false;
    if (name.size == 0) {
        *bytes = number;
        return true;
    }
    unit = find_unit(sizes, ARRAY_SIZE(sizes), name, slice_equal);
    if (unit != NULL)
        return scale(text, number, unit, bytes, err);
    unit = find_unit(sizes, ARRAY_SIZE(sizes), name, slice_equal_caseless);
    if (unit != NULL)
        return error_set(err, ERROR_SYNTAX, "'%.*s': did you mean %" PRIu64 " %s?",
                         SLICE_ARGS(text), number, unit->name);
    return error_set(err, ERROR_SYNTAX, "'%.*s' is not understood; %s", SLICE_ARGS(text),
                     size_hint);
}

bool units_parse_duration(struct slice text, uint64_t *milliseconds, struct error *err)
{
    const struct unit *unit;
    struct slice name = {0};
    uint64_t number = 0;

    if (!split(text, &number, &name, duration_hint, err))
        return false;
    if (name.size == 0 && number == 0) {
        *milliseconds = 0;
        return true;
    }
    if (name.size == 0)
        return error_set(err, ERROR_SYNTAX, "'%.*s' has no unit; %s", SLICE_ARGS(text),
                         duration_hint);
    unit = find_unit(durations, ARRAY_SIZE(durations), name, slice_equal);
    if (unit == NULL)
        return error_set(err, ERROR_SYNTAX, "'%.*s' is not understood; %s", SLICE_ARGS(text),
                         duration_hint);
    return scale(text, number, unit, milliseconds, err);
}

/* The first unit that divides the value; the last one of the table has the factor 1. */
static const struct unit *exact_unit(const struct unit *units, uint64_t value)
{
    while (value == 0 ? units->factor != 1 : value % units->factor != 0)
        units++;
    return units;
}

const char *units_print_size(char out[UNITS_TEXT_SIZE], uint64_t bytes)
{
    const struct unit *unit = exact_unit(sizes, bytes);

    snprintf(out, UNITS_TEXT_SIZE, "%" PRIu64 " %s", bytes / unit->factor, unit->name);
    return out;
}

const char *units_print_duration(char out[UNITS_TEXT_SIZE], uint64_t milliseconds)
{
    const struct unit *unit = exact_unit(durations, milliseconds);

    if (milliseconds == 0)
        snprintf(out, UNITS_TEXT_SIZE, "0");
    else
        snprintf(out, UNITS_TEXT_SIZE, "%" PRIu64 "%s", milliseconds / unit->factor, unit->name);
    return out;
}

/* Days since 1970-01-01 to a date. The year is counted from March, so that the leap day is its last
 * one, and in eras of 400 years, which all have 146097 days. */
static void date_of_days(uint64_t days, unsigned *year, unsigned *month, unsigned *day)
{
    uint64_t shifted = days + 719468; /* since 0000-03-01 */
    uint64_t era = shifted / 146097;
    unsigned in_era = (unsigned)(shifted % 146097);
    unsigned year_of_era = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    unsigned in_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned march_month = (5 * in_year + 2) / 153;

    *day = in_year - (153 * march_month + 2) / 5 + 1;
    *month = march_month < 10 ? march_month + 3 : march_month - 9;
    *year = (unsigned)(era * 400) + year_of_era + (*month <= 2);
}

static char *put_digits(char *out, unsigned value, unsigned digits)
{
    for (unsigned i = digits; i-- > 0; value /= 10)
        out[i] = (char)('0' + value % 10);
    return out + digits;
}

const char *units_print_timestamp(char out[UNITS_TIMESTAMP_SIZE], uint64_t unix_ms)
{
    uint64_t seconds = unix_ms / 1000;
    unsigned in_day = (unsigned)(seconds % 86400);
    unsigned year, month, day;
    char *at = out;

    date_of_days(seconds / 86400, &year, &month, &day);
    at = put_digits(at, year, 4);
    *at++ = '-';
    at = put_digits(at, month, 2);
    *at++ = '-';
    at = put_digits(at, day, 2);
    *at++ = 'T';
    at = put_digits(at, in_day / 3600, 2);
    *at++ = ':';
    at = put_digits(at, in_day / 60 % 60, 2);
    *at++ = ':';
    at = put_digits(at, in_day % 60, 2);
    *at++ = '.';
    at = put_digits(at, (unsigned)(unix_ms % 1000), 3);
    *at++ = 'Z';
    *at = '\0';
    return out;
}
