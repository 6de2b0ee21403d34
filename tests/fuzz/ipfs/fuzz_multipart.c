// SPDX-License-Identifier: Apache-2.0
/* A byte that says how the input is sliced, then a body with the boundary "B". Whatever the
 * slicing, the same must be told, and the data given must be the bytes of the body. */
#include "ipfs/multipart.h"

#include <stdint.h>
#include <stdlib.h>

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void tell(const struct multipart *view, enum multipart_step step, struct slice data,
                 struct text *out)
{
    if (step == MULTIPART_PART) {
        require(view->part.filename.size > 0 && view->part.filename.data[0] == '/');
        text_put_format(out, "[%d %d ", view->part.kind, view->part.has_abspath);
        text_put_slice(out, view->part.name);
        text_put_slice(out, view->part.filename);
        text_put_slice(out, view->part.type);
    } else if (step == MULTIPART_DATA) {
        require(data.size > 0);
        text_put_slice(out, data);
    } else {
        text_put_char(out, step == MULTIPART_PART_END ? ']' : '.');
    }
}

/* Returns whether the body was accepted. */
static bool read_body(struct slice body, size_t piece, struct text *out)
{
    struct multipart view;
    struct slice data;
    struct error err = {0};
    enum multipart_step step = MULTIPART_MORE;
    bool accepted;

    multipart_init(&view, SLICE("B"), 100);
    for (size_t at = 0; at < body.size && step != MULTIPART_BAD; at += piece) {
        struct slice input = {body.data + at, body.size - at < piece ? body.size - at : piece};

        while ((step = multipart_next(&view, &input, &data, &err)) != MULTIPART_MORE &&
               step != MULTIPART_BAD)
            tell(&view, step, data, out);
        require(step == MULTIPART_BAD || input.size == 0);
    }
    require(step != MULTIPART_BAD || err.code != ERROR_NONE);
    accepted = multipart_finish(&view, &err);
    require(accepted == (err.code == ERROR_NONE));
    multipart_dispose(&view);
    return accepted;
}

static void read_header(struct slice value)
{
    struct text boundary = {0};

    if (multipart_boundary(value, &boundary, NULL))
        require(multipart_is(value) && boundary.size > 0 &&
                boundary.size <= MULTIPART_BOUNDARY_MAX);
    text_dispose(&boundary);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice body = {(const char *)data + 1, size - 1};
    struct text whole = {0};
    struct text sliced = {0};

    if (size == 0)
        return 0;
    require(read_body(body, body.size + 1, &whole) == read_body(body, data[0] % 40U + 1, &sliced));
    require(slice_equal(text_slice(&whole), text_slice(&sliced)));
    read_header(body);
    text_dispose(&whole);
    text_dispose(&sliced);
    return 0;
}
