// SPDX-License-Identifier: Apache-2.0
/* Comparing paths and patterns. */
#include "policy/expression_private.h"

/* The next segment that counts; size 0: there is none. */
static struct slice take_segment(struct slice *rest)
{
    while (rest->size > 0) {
        const char *slash = memchr(rest->data, '/', rest->size);
        size_t size = slash == NULL ? rest->size : (size_t)(slash - rest->data);
        size_t used = slash == NULL ? size : size + 1;
        struct slice segment = {rest->data, size};

        *rest = (struct slice){rest->data + used, rest->size - used};
        if (size > 0 && !slice_is(segment, "."))
            return segment;
    }
    return (struct slice){NULL, 0};
}

static bool is_sound(struct slice path)
{
    struct slice segment;

    if (path.size == 0 || path.data[0] != '/')
        return false;
    while ((segment = take_segment(&path)).size > 0)
        if (slice_is(segment, ".."))
            return false;
    return true;
}

/* Whether path begins with the segments of base; *rest is what follows. */
static bool begins_with(struct slice path, struct slice base, struct slice *rest)
{
    struct slice segment;

    while ((segment = take_segment(&base)).size > 0)
        if (!slice_equal(segment, take_segment(&path)))
            return false;
    *rest = path;
    return true;
}

enum truth path_is_under(struct slice path, struct slice base)
{
    struct slice rest;

    if (!is_sound(path) || !is_sound(base))
        return TRUTH_UNKNOWN;
    return begins_with(path, base, &rest) ? TRUTH_TRUE : TRUTH_FALSE;
}

enum truth path_is_equal(struct slice a, struct slice b)
{
    struct slice rest;

    if (!is_sound(a) || !is_sound(b))
        return TRUTH_UNKNOWN;
    return begins_with(a, b, &rest) && take_segment(&rest).size == 0 ? TRUTH_TRUE : TRUTH_FALSE;
}

/* What stands before the next star; takes it and the star. */
static struct slice take_piece(struct slice *glob)
{
    const char *star = memchr(glob->data, '*', glob->size);
    size_t size = star == NULL ? glob->size : (size_t)(star - glob->data);
    struct slice piece = {glob->data, size};

    size += star != NULL;
    *glob = (struct slice){glob->data + size, glob->size - size};
    return piece;
}

/* The first piece must begin the text and the last one end it; each in between is found as early as
 * it can be, which leaves the most to those behind it. */
bool text_is_like(struct slice text, struct slice glob)
{
    struct slice piece;

    if (text.data == NULL)
        text = SLICE("");
    if (memchr(glob.data, '*', glob.size) == NULL)
        return slice_equal(text, glob);
    piece = take_piece(&glob);
    if (text.size < piece.size || memcmp(text.data, piece.data, piece.size) != 0)
        return false;
    text = (struct slice){text.data + piece.size, text.size - piece.size};
    while (memchr(glob.data, '*', glob.size) != NULL) {
        const char *found;

        piece = take_piece(&glob);
        if (piece.size == 0)
            continue;
        found =
            text.size < piece.size ? NULL : memmem(text.data, text.size, piece.data, piece.size);
        if (found == NULL)
            return false;
        found += piece.size;
        text = (struct slice){found, text.size - (size_t)(found - text.data)};
    }
    return text.size >= glob.size &&
           memcmp(text.data + text.size - glob.size, glob.data, glob.size) == 0;
}
