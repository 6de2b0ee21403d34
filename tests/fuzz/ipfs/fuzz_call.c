// SPDX-License-Identifier: Apache-2.0
/* A request target, then a line feed, then a body with the boundary "B". A call that is accepted
 * must print as a target that reads back as the same call. */
#include "ipfs/call.h"
#include "ipfs/multipart.h"

#include <stdint.h>
#include <stdlib.h>

static void require(bool holds)
{
    if (!holds)
        abort();
}

static bool parse(struct call **call, struct slice target, struct slice body, const char *type,
                  bool multipart)
{
    struct error err = {0};
    bool parsed = call_parse(call, target, multipart, &err);

    if (parsed && (*call)->wants_body && !call_body_arguments(*call, body, slice_of(type), &err)) {
        call_destroy(call);
        parsed = false;
    }
    require(parsed == (err.code == ERROR_NONE) && parsed == (*call != NULL));
    return parsed;
}

static void check(const struct call *call, bool multipart)
{
    struct text target = {0};
    struct text again = {0};
    struct text body = {0};
    struct call *second;

    call_print_target(call, &target);
    call_print_body_arguments(call, &body);
    multipart = call_has_body_arguments(call) || (multipart && call->command->body == BODY_FILE);
    require(parse(&second, text_slice(&target), text_slice(&body),
                  "multipart/form-data; boundary=" CALL_BOUNDARY, multipart));
    call_print_target(second, &again);
    require(slice_equal(text_slice(&target), text_slice(&again)));
    require(second->argument_count == call->argument_count && second->dropped_options == 0);
    for (size_t i = 0; i < call->argument_count; i++)
        require(slice_equal(call->arguments[i].text, second->arguments[i].text) &&
                call->arguments[i].path.kind == second->arguments[i].path.kind);
    call_destroy(&second);
    text_clear(&again);
    call_print_log(call, &again);
    text_dispose(&target);
    text_dispose(&again);
    text_dispose(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    const char *end = size == 0 ? NULL : memchr(text, '\n', size);
    struct slice target = {text, end == NULL ? size : (size_t)(end - text)};
    struct slice body = {text + target.size, 0};
    struct call *call;

    if (end != NULL)
        body = (struct slice){end + 1, size - target.size - 1};
    for (int multipart = 0; multipart < 2; multipart++)
        if (parse(&call, target, body, "multipart/form-data; boundary=B", multipart != 0)) {
            check(call, multipart != 0);
            call_destroy(&call);
        }
    multipart_is(target);
    return 0;
}
