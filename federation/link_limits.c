// SPDX-License-Identifier: Apache-2.0
#include "federation/link_limits.h"

#include "conf/units.h"

#include <string.h>

#define HOUR_MS UINT64_C(3600000)

enum { HOURS = 24 };

/* ---- hours */

static bool parse_hour(struct slice text, unsigned max, unsigned *hour, struct error *err)
{
    uint64_t value;

    if (text.size == 0 || text.size > 2 || !units_parse_integer(text, &value, err) || value > max) {
        *err = (struct error){0};
        return error_set(err, ERROR_SYNTAX,
                         "hours: '%.*s' is no hour of the day; write 20-6, or 22-23,1-5, or always",
                         (int)(text.size < 16 ? text.size : 16), text.data);
    }
    *hour = (unsigned)value;
    return true;
}

/* "20-6" */
static bool parse_span(struct slice text, uint32_t *hours, struct error *err)
{
    const char *dash = memchr(text.data, '-', text.size);
    unsigned from = 0, to = 0;

    if (dash == NULL)
        return error_set(err, ERROR_SYNTAX,
                         "hours: '%.*s' has no end; write 20-6 for the time from 20:00 to 6:00 UTC",
                         (int)(text.size < 16 ? text.size : 16), text.data);
    if (!parse_hour((struct slice){text.data, (size_t)(dash - text.data)}, HOURS - 1, &from, err) ||
        !parse_hour((struct slice){dash + 1, text.size - (size_t)(dash - text.data) - 1}, HOURS,
                    &to, err))
        return false;
    if (from == to % HOURS && to != HOURS)
        return error_set(err, ERROR_SYNTAX,
                         "hours: %u-%u is no time at all; for all day write always, to let nothing "
                         "new be placed use causeway link suspend",
                         from, to);
    do {
        *hours |= UINT32_C(1) << from;
        from = (from + 1) % HOURS;
    } while (from != to % HOURS);
    return true;
}

bool link_limits_parse_hours(struct slice text, uint32_t *hours, struct error *err)
{
    *hours = 0;
    if (slice_is(text, "always"))
        return true;
    if (text.size == 0)
        return error_set(err, ERROR_SYNTAX, "hours: write 20-6, or 22-23,1-5, or always");
    while (text.size > 0) {
        const char *comma = memchr(text.data, ',', text.size);
        size_t size = comma != NULL ? (size_t)(comma - text.data) : text.size;

        if (!parse_span((struct slice){text.data, size}, hours, err))
            return false;
        if (comma != NULL && size + 1 == text.size)
            return error_set(err, ERROR_SYNTAX, "hours: nothing stands behind the last comma");
        size += comma != NULL;
        text = (struct slice){text.data + size, text.size - size};
    }
    if (*hours == LINK_HOURS_ALL)
        *hours = 0;
    return true;
}

static bool has_hour(uint32_t hours, unsigned hour)
{
    return (hours >> (hour % HOURS) & 1) != 0;
}

void link_limits_put_hours(uint32_t hours, struct text *out)
{
    const char *separator = "";

    if (hours == 0 || hours == LINK_HOURS_ALL) {
        text_put_text(out, "always");
        return;
    }
    for (unsigned from = 0; from < HOURS; from++) {
        unsigned end = from + 1;

        if (!has_hour(hours, from) || has_hour(hours, from + HOURS - 1))
            continue;
        while (has_hour(hours, end))
            end++;
        text_put_format(out, "%s%u-%u", separator, from, end > HOURS ? end - HOURS : end);
        separator = ",";
    }
}

bool link_limits_may_move(const struct link_limits *limits, uint64_t wall_ms, uint64_t *wait_ms)
{
    unsigned hour = (unsigned)(wall_ms / HOUR_MS % HOURS), ahead = 1;

    *wait_ms = 0;
    if (limits->hours == 0 || has_hour(limits->hours, hour))
        return true;
    while (!has_hour(limits->hours, hour + ahead))
        ahead++;
    *wait_ms = ahead * HOUR_MS - wall_ms % HOUR_MS;
    return false;
}

/* ---- bandwidth */

bool link_limits_parse_bandwidth(struct slice text, uint64_t *bandwidth, struct error *err)
{
    *bandwidth = 0;
    if (slice_is(text, "none"))
        return true;
    if (text.size > 2 && text.data[text.size - 2] == '/' && text.data[text.size - 1] == 's')
        text.size -= 2;
    if (!units_parse_size(text, bandwidth, err))
        return error_prefix(err, "bandwidth");
    if (*bandwidth < LINK_BANDWIDTH_MIN || *bandwidth > LINK_BANDWIDTH_MAX)
        return error_set(err, ERROR_LIMIT,
                         "bandwidth: %.*s a second is not from 16 KiB to 1 TiB; write 10MiB, or "
                         "none for no limit",
                         (int)(text.size < 32 ? text.size : 32), text.data);
    return true;
}
