// SPDX-License-Identifier: Apache-2.0
#include "proxy/upload_options.h"

#include "store/record.h"

/* ---- chunkers, as Kubo 0.39 and 0.43.1 take them */

/* Up to 7 digits: more than any size that Kubo takes. */
static bool read_size(struct slice text, uint64_t *size)
{
    *size = 0;
    if (text.size == 0 || text.size > 7)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        *size = *size * 10 + (uint64_t)(text.data[i] - '0');
    }
    return true;
}

/* "min:4096" or "4096". */
static bool read_labelled(struct slice text, const char *label, uint64_t *size)
{
    size_t length = strlen(label);

    if (slice_starts(text, label) && text.size > length && text.data[length] == ':') {
        text.data += length + 1;
        text.size -= length + 1;
    }
    return read_size(text, size);
}

/* Cuts at dashes; how many parts, at most max + 1. */
static size_t split(struct slice text, struct slice *parts, size_t max)
{
    size_t count = 0;

    for (;;) {
        const char *dash = memchr(text.data, '-', text.size);
        size_t size = dash == NULL ? text.size : (size_t)(dash - text.data);

        if (count == max)
            return max + 1;
        parts[count++] = (struct slice){text.data, size};
        if (dash == NULL)
            return count;
        text.data += size + 1;
        text.size -= size + 1;
    }
}

/* "rabin", "rabin-AVG", "rabin-MIN-AVG-MAX": an average of AVG has a minimum of a third. */
static bool read_rabin(struct slice chunker, uint64_t *min)
{
    struct slice parts[4];
    uint64_t average, max;

    switch (split(chunker, parts, ARRAY_SIZE(parts))) {
    case 1:
        *min = UINT64_MAX;
        return true;
    case 2:
        if (!read_size(parts[1], &average))
            return false;
        *min = average / 3;
        return true;
    case 4:
        return read_labelled(parts[1], "min", min) && read_labelled(parts[2], "avg", &average) &&
               read_labelled(parts[3], "max", &max);
    default:
        return false;
    }
}

bool upload_chunker_min(struct slice chunker, uint64_t *min, struct error *err)
{
    static const char fixed[] = "size-";
    bool is_read = true;

    *min = UINT64_MAX;
    if (slice_starts(chunker, fixed))
        is_read = read_size(
            (struct slice){chunker.data + sizeof(fixed) - 1, chunker.size - (sizeof(fixed) - 1)},
            min);
    else if (slice_starts(chunker, "rabin"))
        is_read = read_rabin(chunker, min);
    return is_read || error_set(err, ERROR_UNSUPPORTED,
                                "chunker '%.*s' cannot be read: it is size-BYTES, rabin, "
                                "rabin-AVERAGE, rabin-MIN-AVERAGE-MAX or buzhash",
                                SLICE_ARGS(chunker));
}

static bool check_chunker(const struct call *call, struct error *err)
{
    struct slice chunker = call_option_text(call, OPT_CHUNKER);
    uint64_t min;

    if (!upload_chunker_min(chunker, &min, err))
        return false;
    return min >= UPLOAD_CHUNK_MIN ||
           error_set(
               err, ERROR_REFUSED,
               "chunker '%.*s' makes pieces below %d bytes, which this gateway does not take: "
               "use size-%d or larger (a rabin average of %d or larger)",
               SLICE_ARGS(chunker), UPLOAD_CHUNK_MIN, UPLOAD_CHUNK_MIN, 3 * UPLOAD_CHUNK_MIN);
}

/* ---- one command's options */

static void take_add(struct upload_wish *wish, struct call *call)
{
    bool keeps_nothing = call_option_bool(call, OPT_ONLY_HASH, false);

    wish->pins = !keeps_nothing && call_option_bool(call, OPT_PIN, true);
    wish->is_silent = call_option_bool(call, OPT_SILENT, false);
    wish->wraps = call_option_bool(call, OPT_WRAP_WITH_DIRECTORY, false);
    wish->needs_shared = call_has_option(call, OPT_TO_FILES);
    wish->name = call_option_text(call, OPT_PIN_NAME);
    if (!wish->pins && !keeps_nothing)
        return; /* pin=false beside a pin-name: Kubo says what is wrong */
    call_set_option_bool(call, OPT_PIN, false);
    call_drop_option(call, OPT_PIN_NAME);
    if (wish->pins && wish->is_silent)
        call_set_option_bool(call, OPT_SILENT, false);
}

static void take_pin_option(struct upload_wish *wish, struct call *call,
                            enum command_option_id option, bool otherwise)
{
    wish->pins = call_option_bool(call, option, otherwise);
    call_set_option_bool(call, option, false);
}

static void take_command(struct upload_wish *wish, struct call *call)
{
    switch (call->command->id) {
    case COMMAND_ADD:
        take_add(wish, call);
        return;
    case COMMAND_DAG_IMPORT:
        take_pin_option(wish, call, OPT_PIN_ROOTS, true);
        if (call_has_option(call, OPT_SILENT))
            call_set_option_bool(call, OPT_SILENT, false);
        return;
    default: /* dag/put, block/put */
        take_pin_option(wish, call, OPT_PIN, false);
        return;
    }
}

/* What cannot be seen cannot be pinned. */
static bool check_pinned(const struct upload_wish *wish, const struct call *call, struct error *err)
{
    struct slice encoding = call_option_text(call, OPT_ENCODING);

    if (!wish->pins)
        return true;
    if (encoding.size > 0 && !slice_is(encoding, "json"))
        return error_set(err, ERROR_SYNTAX,
                         "%s: what is pinned is read from the reply, which must be JSON: leave "
                         "'encoding' out, or upload without pinning",
                         call->command->path);
    return wish->name.size <= PIN_NAME_MAX ||
           error_set(err, ERROR_UNSUPPORTED, "pin name is %zu bytes (max %d bytes)",
                     wish->name.size, PIN_NAME_MAX);
}

bool upload_options_take(struct upload_wish *wish, struct call *call, struct error *err)
{
    *wish = (struct upload_wish){0};
    if (!check_chunker(call, err))
        return false;
    take_command(wish, call);
    return check_pinned(wish, call, err);
}
