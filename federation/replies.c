// SPDX-License-Identifier: Apache-2.0
#include "federation/replies.h"

#include "conf/memory.h"

#include <assert.h>
#include <stdlib.h>

/* Where the key is, or would be. */
static size_t place_of(const struct replies *replies, const char *key)
{
    size_t low = 0, high = replies->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(replies->kept[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct kept_reply *find(const struct replies *replies, const char *key)
{
    size_t place = place_of(replies, key);

    if (place == replies->count || strcmp(replies->kept[place].key, key) != 0)
        return NULL;
    return &replies->kept[place];
}

static struct kept_reply *add(struct replies *replies, const char *key,
                              const uint8_t digest[REPLIES_DIGEST_SIZE])
{
    size_t place = place_of(replies, key);
    struct kept_reply *kept;

    assert(strlen(key) == ULID_SIZE - 1);
    if (replies->kept == NULL)
        replies->kept = memory_alloc(REPLIES_MAX * sizeof(*replies->kept));
    assert(replies->count < REPLIES_MAX);
    kept = &replies->kept[place];
    memmove(kept + 1, kept, (replies->count - place) * sizeof(*kept));
    *kept = (struct kept_reply){0};
    memcpy(kept->key, key, ULID_SIZE);
    memcpy(kept->digest, digest, REPLIES_DIGEST_SIZE);
    replies->count++;
    return kept;
}

enum replies_verdict replies_begin(struct replies *replies, const char *key,
                                   const uint8_t digest[REPLIES_DIGEST_SIZE], struct slice *reply)
{
    struct kept_reply *kept = find(replies, key);

    if (kept != NULL) {
        if (memcmp(kept->digest, digest, REPLIES_DIGEST_SIZE) != 0)
            return REPLIES_DIFFERENT;
        if (!kept->is_answered)
            return REPLIES_UNDER_WAY;
        *reply = text_slice(&kept->body);
        return REPLIES_ANSWERED;
    }
    if (strcmp(key, replies->settled) <= 0)
        return REPLIES_SETTLED;
    if (replies->count == REPLIES_MAX)
        return REPLIES_FULL;
    add(replies, key, digest);
    return REPLIES_NEW;
}

void replies_answer(struct replies *replies, const char *key, struct slice body)
{
    struct kept_reply *kept = find(replies, key);

    assert(kept != NULL && !kept->is_answered && body.size <= REPLIES_BYTES_MAX);
    kept->is_answered = true;
    text_put_slice(&kept->body, body);
}

static void forget(struct replies *replies, size_t from, size_t count)
{
    for (size_t i = from; i < from + count; i++)
        text_dispose(&replies->kept[i].body);
    memmove(&replies->kept[from], &replies->kept[from + count],
            (replies->count - from - count) * sizeof(replies->kept[0]));
    replies->count -= count;
}

void replies_drop(struct replies *replies, const char *key)
{
    struct kept_reply *kept = find(replies, key);

    assert(kept != NULL && !kept->is_answered);
    forget(replies, (size_t)(kept - replies->kept), 1);
}

bool replies_settle(struct replies *replies, const char *settled)
{
    size_t count = 0;

    assert(strlen(settled) == ULID_SIZE - 1);
    if (strcmp(settled, replies->settled) < 0)
        return false;
    while (count < replies->count && strcmp(replies->kept[count].key, settled) <= 0)
        if (!replies->kept[count++].is_answered)
            return false;
    if (count > 0)
        forget(replies, 0, count);
    memcpy(replies->settled, settled, ULID_SIZE);
    return true;
}

void replies_load(struct replies *replies, const char *key,
                  const uint8_t digest[REPLIES_DIGEST_SIZE], struct slice body)
{
    assert(find(replies, key) == NULL);
    add(replies, key, digest);
    replies_answer(replies, key, body);
}

void replies_dispose(struct replies *replies)
{
    for (size_t i = 0; i < replies->count; i++)
        text_dispose(&replies->kept[i].body);
    free(replies->kept);
    *replies = (struct replies){0};
}
