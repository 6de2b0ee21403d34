// SPDX-License-Identifier: Apache-2.0
/* Objects that no site is found for: in memory, in the order of their bytes, as they were seen
 * last. A start, and each new policy, looks at all objects and so finds them again. */
#include "conf/memory.h"
#include "federation/placer_private.h"

#include <stdlib.h>
#include <string.h>

enum { SHORTS_MAX = 10000, WORDS_MAX = 400 };

struct short_object {
    struct cid object;
    uint64_t seen_ms;
    size_t size;
    char words[];
};

static int compare(const struct short_object *item, struct slice object)
{
    size_t common = item->object.size < object.size ? item->object.size : object.size;
    int order = common > 0 ? memcmp(item->object.bytes, object.data, common) : 0;

    if (order != 0)
        return order;
    return (item->object.size > object.size) - (item->object.size < object.size);
}

static struct slice slice_of_cid(const struct cid *cid)
{
    return (struct slice){(const char *)cid->bytes, cid->size};
}

/* The place of the first that is not before it. */
static size_t find(const struct shorts *shorts, struct slice object, bool *is_there)
{
    size_t low = 0, high = shorts->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare(shorts->items[middle], object) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *is_there = low < shorts->count && compare(shorts->items[low], object) == 0;
    return low;
}

static struct short_object *make(const struct cid *object, struct slice words, uint64_t now_ms)
{
    size_t size = words.size < WORDS_MAX ? words.size : WORDS_MAX;
    struct short_object *item;

    while (size > 0 && size < words.size && ((unsigned char)words.data[size] & 0xc0) == 0x80)
        size--; /* not within a character */
    item = memory_alloc(sizeof(*item) + size);
    item->object = *object;
    item->seen_ms = now_ms;
    item->size = size;
    memcpy(item->words, words.data, size);
    return item;
}

static void insert(struct shorts *shorts, size_t at, struct short_object *item)
{
    if (shorts->count == shorts->capacity) {
        shorts->capacity = shorts->capacity == 0 ? 64 : 2 * shorts->capacity;
        shorts->items =
            memory_resize_array(shorts->items, shorts->capacity, sizeof(struct short_object *));
    }
    memmove(&shorts->items[at + 1], &shorts->items[at],
            (shorts->count - at) * sizeof(struct short_object *));
    shorts->items[at] = item;
    shorts->count++;
}

void shorts_note(struct shorts *shorts, const struct cid *object, struct slice words,
                 uint64_t now_ms)
{
    bool is_there;
    size_t at = find(shorts, slice_of_cid(object), &is_there);

    if (!is_there && shorts->count == SHORTS_MAX) {
        shorts->is_full = true;
        return;
    }
    if (!is_there) {
        insert(shorts, at, make(object, words, now_ms));
        return;
    }
    free(shorts->items[at]);
    shorts->items[at] = make(object, words, now_ms);
}

void shorts_forget(struct shorts *shorts, const struct cid *object)
{
    bool is_there;
    size_t at = find(shorts, slice_of_cid(object), &is_there);

    if (!is_there)
        return;
    free(shorts->items[at]);
    shorts->count--;
    memmove(&shorts->items[at], &shorts->items[at + 1],
            (shorts->count - at) * sizeof(struct short_object *));
}

void shorts_dispose(struct shorts *shorts)
{
    for (size_t i = 0; i < shorts->count; i++)
        free(shorts->items[i]);
    free(shorts->items);
    *shorts = (struct shorts){0};
}

/* ---- for people */

static json_t *describe(const struct short_object *item)
{
    struct text cid = {0};
    json_t *made, *words = json_stringn(item->words, item->size);

    cid_print(&item->object, CID_BASE_DEFAULT, &cid);
    made =
        json_pack("{s:s,s:o,s:I}", "cid", cid.data, "why", words != NULL ? words : json_string("?"),
                  "seen_ms", (json_int_t)item->seen_ms);
    text_dispose(&cid);
    return made;
}

json_t *placer_shorts(const struct placer *placer, struct slice after, size_t limit, bool *has_more)
{
    const struct shorts *shorts = &placer->shorts;
    json_t *rows = json_array();
    bool is_there;
    size_t at = find(shorts, after, &is_there);

    for (at += is_there; at < shorts->count && json_array_size(rows) < limit; at++)
        json_array_append_new(rows, describe(shorts->items[at]));
    *has_more = at < shorts->count;
    return rows;
}

bool placer_shorts_overflow(const struct placer *placer)
{
    return placer->shorts.is_full;
}
