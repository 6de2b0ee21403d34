// SPDX-License-Identifier: Apache-2.0
/* Any bytes as each of the messages, and as the signed header. What is refused has a reason; what
 * is taken prints, is taken again with nothing left out, and prints the same; a header has one
 * spelling. */
#include "federation/wire.h"
#include "federation/wire_signed.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

union message {
    struct wire_hello hello;
    struct wire_join join;
    struct wire_joined joined;
    struct wire_heartbeat heartbeat;
    struct wire_roots roots;
    struct wire_batch batch;
    struct wire_results results;
    struct wire_statement statement;
    struct wire_end end;
    struct wire_error error;
};

static void check_taken(enum wire_message kind, const union message *message)
{
    static union message again;
    struct text first = {0}, second = {0};
    unsigned unknown;

    wire_print(kind, message, &first);
    if (first.size <= wire_body_max(kind)) { /* what is escaped may be longer than it was */
        assert(wire_parse(kind, text_slice(&first), &again, &unknown, NULL));
        assert(unknown == 0);
        wire_print(kind, &again, &second);
        assert(slice_equal(text_slice(&first), text_slice(&second)));
        wire_free(kind, &again);
    }
    text_dispose(&first);
    text_dispose(&second);
}

static void check_message(enum wire_message kind, struct slice body)
{
    static union message message;
    struct error err = {0};
    unsigned unknown;

    if (wire_parse(kind, body, &message, &unknown, &err))
        check_taken(kind, &message);
    else
        assert(err.code != ERROR_NONE && err.text[0] != '\0');
    wire_free(kind, &message);
}

static void check_header(struct slice value)
{
    struct wire_signed is;
    struct text printed = {0};
    struct error err = {0};

    if (wire_signed_parse(&is, value, &err)) {
        wire_signed_print(&is, &printed);
        assert(slice_equal(text_slice(&printed), value));
    } else {
        assert(err.code != ERROR_NONE && err.text[0] != '\0');
    }
    text_dispose(&printed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice bytes = {(const char *)data, size};

    for (enum wire_message kind = 0; kind < WIRE_MESSAGES; kind++)
        check_message(kind, bytes);
    check_header(bytes);
    return 0;
}
