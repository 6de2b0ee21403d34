// SPDX-License-Identifier: Apache-2.0
/* A byte that says how the input is sliced, then a stream of lines. Whatever the slicing, the same
 * lines must be told. */
#include "ipfs/ndjson.h"

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void tell(enum ndjson_step step, struct slice line, struct text *out)
{
    if (step == NDJSON_LONG) {
        text_put_text(out, "long\n");
        return;
    }
    require(step == NDJSON_LINE && line.size > 0 && line.size <= NDJSON_LINE_MAX);
    require(memchr(line.data, '\n', line.size) == NULL);
    text_put_slice(out, line);
    text_put_char(out, '\n');
    json_decref(ndjson_object(line, NULL));
}

static void read_stream(struct slice stream, size_t piece, struct text *out)
{
    struct ndjson view = {{0}, false};
    struct slice line;
    enum ndjson_step step;

    for (size_t at = 0; at < stream.size; at += piece) {
        struct slice input = {stream.data + at,
                              stream.size - at < piece ? stream.size - at : piece};

        while ((step = ndjson_next(&view, &input, &line)) != NDJSON_MORE)
            tell(step, line, out);
        require(input.size == 0);
    }
    step = ndjson_finish(&view, &line);
    if (step != NDJSON_MORE)
        tell(step, line, out);
    ndjson_dispose(&view);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice stream = {(const char *)data + 1, size - 1};
    struct text whole = {0};
    struct text sliced = {0};

    if (size == 0)
        return 0;
    read_stream(stream, stream.size + 1, &whole);
    read_stream(stream, data[0] % 40U + 1, &sliced);
    require(slice_equal(text_slice(&whole), text_slice(&sliced)));
    text_dispose(&whole);
    text_dispose(&sliced);
    return 0;
}
