// SPDX-License-Identifier: Apache-2.0
#include "proxy/echo.h"

#include "conf/memory.h"

#include <stdlib.h>

/* What stands around an argument where Kubo repeats it, and nowhere else: links have a "Hash"
 * without a slash, and a quote inside a JSON string is escaped. */
static const char before[] = "\"Hash\":\"", behind[] = "\"";

/* As Go writes the inside of a JSON string, byte for byte. */
static void put_as_go(struct text *out, struct slice s)
{
    static const char plain[] = "\"\"\\\\\bb\ff\nn\rr\tt";

    for (size_t i = 0; i < s.size; i++) {
        unsigned char c = (unsigned char)s.data[i];
        const char *found = NULL;

        for (const char *p = plain; *p != '\0' && found == NULL; p += 2)
            if ((unsigned char)*p == c)
                found = p + 1;
        if (found != NULL)
            text_put_format(out, "\\%c", *found);
        else if (c < ' ' || c == '<' || c == '>' || c == '&')
            text_put_format(out, "\\u%04x", c);
        else if (s.size - i >= 3 && memcmp(s.data + i, "\xe2\x80", 2) == 0 &&
                 ((unsigned char)s.data[i + 2] & 0xfe) == 0xa8) { /* line separators */
            text_put_format(out, "\\u202%x", (unsigned char)s.data[i + 2] & 0xf);
            i += 2;
        } else
            text_put_char(out, (char)c);
    }
}

static struct text surrounded(struct slice s)
{
    struct text result = {0};

    text_put_text(&result, before);
    put_as_go(&result, s);
    text_put_text(&result, behind);
    return result;
}

void echo_add(struct echo *echo, enum command_id command, struct slice sent, struct slice typed)
{
    if (command != COMMAND_LS)
        return;
    echo->pairs = memory_resize_array(echo->pairs, echo->count + 1, sizeof(*echo->pairs));
    echo->pairs[echo->count++] = (struct echo_pair){
        .sent = surrounded(sent),
        .typed = surrounded(typed),
    };
}

/* ---- the reply */

enum match { MATCH_NONE, MATCH_WHOLE, MATCH_BEGUN };

static enum match match_at(struct slice rest, struct slice wanted)
{
    size_t size = rest.size < wanted.size ? rest.size : wanted.size;

    if (memcmp(rest.data, wanted.data, size) != 0)
        return MATCH_NONE;
    return size == wanted.size ? MATCH_WHOLE : MATCH_BEGUN;
}

/* The pair whose sent stands at the front of rest; NULL: none. *is_begun: one may come to stand
 * there. */
static const struct echo_pair *find_pair(const struct echo *echo, struct slice rest, bool *is_begun)
{
    *is_begun = false;
    for (size_t i = 0; i < echo->count; i++) {
        enum match match = match_at(rest, text_slice(&echo->pairs[i].sent));

        if (match == MATCH_WHOLE)
            return &echo->pairs[i];
        *is_begun |= match == MATCH_BEGUN;
    }
    return NULL;
}

/* All pairs begin with the same byte. */
static size_t until_candidate(const struct echo *echo, struct slice rest)
{
    const char *candidate = memchr(rest.data, echo->pairs[0].sent.data[0], rest.size);

    return candidate == NULL ? rest.size : (size_t)(candidate - rest.data);
}

/* Returns how much of rest was dealt with. */
static size_t rewrite(const struct echo *echo, struct slice rest, bool is_last, struct text *out)
{
    size_t whole = rest.size;

    while (rest.size > 0) {
        size_t used = until_candidate(echo, rest);
        const struct echo_pair *pair;
        bool is_begun;

        if (used > 0) {
            text_put(out, rest.data, used);
        } else if ((pair = find_pair(echo, rest, &is_begun)) != NULL) {
            text_put_slice(out, text_slice(&pair->typed));
            used = pair->sent.size;
        } else if (is_begun && !is_last) {
            break;
        } else {
            text_put_char(out, rest.data[0]);
            used = 1;
        }
        rest = (struct slice){rest.data + used, rest.size - used};
    }
    return whole - rest.size;
}

void echo_rewrite(void *echo_, struct slice content, bool is_last, struct text *out)
{
    struct echo *echo = echo_;
    size_t used;

    text_put_slice(&echo->held, content);
    used = rewrite(echo, text_slice(&echo->held), is_last, out);
    if (used == 0)
        return;
    memmove(echo->held.data, echo->held.data + used, echo->held.size - used);
    echo->held.size -= used;
}

void echo_dispose(struct echo *echo)
{
    for (size_t i = 0; i < echo->count; i++) {
        text_dispose(&echo->pairs[i].sent);
        text_dispose(&echo->pairs[i].typed);
    }
    free(echo->pairs);
    text_dispose(&echo->held);
    *echo = (struct echo){0};
}
