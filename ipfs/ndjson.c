// SPDX-License-Identifier: Apache-2.0
#include "ipfs/ndjson.h"

#include <jansson.h>

void ndjson_dispose(struct ndjson *ndjson)
{
    text_dispose(&ndjson->line);
    ndjson->is_long = false;
}

static bool is_blank(struct slice line)
{
    for (size_t i = 0; i < line.size; i++)
        if (line.data[i] != ' ' && line.data[i] != '\t' && line.data[i] != '\r')
            return false;
    return true;
}

/* Keeps the start of a line, or, if it grows too long, only that it was there. */
static void keep(struct ndjson *ndjson, struct slice part)
{
    if (ndjson->is_long)
        return;
    if (ndjson->line.size + part.size <= NDJSON_LINE_MAX) {
        text_put_slice(&ndjson->line, part);
        return;
    }
    ndjson->is_long = true;
    text_clear(&ndjson->line);
}

/* The whole line is in ndjson->line, or in `whole` if nothing of it was kept before. */
static enum ndjson_step tell(struct ndjson *ndjson, struct slice whole, struct slice *line)
{
    if (ndjson->is_long || whole.size > NDJSON_LINE_MAX) {
        ndjson->is_long = false;
        return NDJSON_LONG;
    }
    *line = whole;
    if (line->size > 0 && line->data[line->size - 1] == '\r')
        line->size--;
    return is_blank(*line) ? NDJSON_MORE : NDJSON_LINE;
}

enum ndjson_step ndjson_next(struct ndjson *ndjson, struct slice *input, struct slice *line)
{
    enum ndjson_step told = NDJSON_MORE;

    *line = (struct slice){NULL, 0};
    while (told == NDJSON_MORE && input->size > 0) {
        const char *end = memchr(input->data, '\n', input->size);
        struct slice part = {input->data, end == NULL ? input->size : (size_t)(end - input->data)};
        size_t used = part.size + (end != NULL);
        bool is_split = ndjson->line.size > 0 || ndjson->is_long;

        *input = (struct slice){input->data + used, input->size - used};
        if (end == NULL || is_split)
            keep(ndjson, part);
        if (end == NULL)
            return NDJSON_MORE;
        told = tell(ndjson, is_split ? text_slice(&ndjson->line) : part, line);
        ndjson->line.size = 0; /* the bytes stay for as long as the line is borrowed */
    }
    return told;
}

enum ndjson_step ndjson_finish(struct ndjson *ndjson, struct slice *line)
{
    enum ndjson_step told;

    *line = (struct slice){NULL, 0};
    if (ndjson->line.size == 0 && !ndjson->is_long)
        return NDJSON_MORE;
    told = tell(ndjson, text_slice(&ndjson->line), line);
    ndjson->line.size = 0;
    return told;
}

struct json_t *ndjson_object(struct slice line, struct error *err)
{
    json_error_t why;
    json_t *value = json_loadb(line.data, line.size, JSON_REJECT_DUPLICATES, &why);

    if (value != NULL && json_is_object(value))
        return value;
    if (value == NULL)
        error_set(err, ERROR_SYNTAX, "a line of the reply is no JSON: %s", why.text);
    else
        error_set(err, ERROR_SYNTAX, "a line of the reply is no JSON object");
    json_decref(value);
    return NULL;
}
