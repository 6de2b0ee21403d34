// SPDX-License-Identifier: Apache-2.0
#include "policy/moment.h"

#include "ipfs/call_show.h"

/* Digits where the shape has 0, the shape's own bytes elsewhere. */
static bool has_shape(struct slice text, const char *shape)
{
    for (size_t i = 0; shape[i] != '\0'; i++) {
        if (i >= text.size)
            return false;
        if (shape[i] == '0' ? text.data[i] < '0' || text.data[i] > '9' : text.data[i] != shape[i])
            return false;
    }
    return true;
}

static unsigned number_at(struct slice text, size_t place, size_t digits)
{
    unsigned value = 0;

    for (size_t i = place; i < place + digits; i++)
        value = 10 * value + (unsigned)(text.data[i] - '0');
    return value;
}

static bool is_leap(unsigned year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static unsigned days_in(unsigned year, unsigned month)
{
    static const unsigned days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && is_leap(year));
}

static uint64_t days_before(unsigned year, unsigned month, unsigned day)
{
    uint64_t days = day - 1;

    for (unsigned m = 1; m < month; m++)
        days += days_in(year, m);
    for (unsigned y = 1970; y < year; y++)
        days += is_leap(y) ? 366 : 365;
    return days;
}

static bool read_date(struct slice text, uint64_t *ms)
{
    unsigned year = number_at(text, 0, 4), month = number_at(text, 5, 2);
    unsigned day = number_at(text, 8, 2);

    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_in(year, month))
        return false;
    *ms = days_before(year, month, day) * 24 * 3600 * 1000;
    return true;
}

/* "12:00:00Z" or "12:00:00.123Z", behind the T. */
static bool read_time(struct slice text, uint64_t *ms)
{
    unsigned hour, minute, second, scale = 100;
    size_t i = 8;

    if (!has_shape(text, "00:00:00"))
        return false;
    hour = number_at(text, 0, 2);
    minute = number_at(text, 3, 2);
    second = number_at(text, 6, 2);
    *ms += ((hour * UINT64_C(60) + minute) * 60 + second) * 1000;
    if (i < text.size && text.data[i] == '.')
        for (i++; i < text.size && text.data[i] >= '0' && text.data[i] <= '9'; i++, scale /= 10)
            *ms += scale * (uint64_t)(text.data[i] - '0');
    return hour < 24 && minute < 60 && second < 60 && i + 1 == text.size && text.data[i] == 'Z';
}

bool moment_parse(struct slice text, uint64_t *ms, struct error *err)
{
    bool is_date = has_shape(text, "0000-00-00") && read_date(text, ms);

    if (is_date &&
        (text.size == 10 ||
         (text.data[10] == 'T' && read_time((struct slice){text.data + 11, text.size - 11}, ms))))
        return true;
    return error_set(err, ERROR_SYNTAX,
                     "'%s' is no point in time; write 2027-01-31 or 2027-01-31T12:00:00Z (UTC)",
                     call_show(text).text);
}
