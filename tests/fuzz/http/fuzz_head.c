// SPDX-License-Identifier: Apache-2.0
/* A head is one head however it comes: cut anywhere, and with anything behind it. The first byte
 * says what it is: a request, a reply, a reply to HEAD. What was accepted has nothing in it that a
 * second reader could read otherwise. */
#include "http/head.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum head_result parse(struct head *head, int kind, const char *text, size_t size,
                              size_t seen, struct head_fault *fault)
{
    return kind == 0 ? head_parse_request(head, text, size, seen, fault)
                     : head_parse_reply(head, text, size, seen, kind == 2, fault);
}

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_slice(struct slice s, const char *text, size_t size)
{
    check(s.size == 0 || (s.data >= text && s.data + s.size <= text + size));
    for (size_t i = 0; i < s.size; i++)
        check(s.data[i] != '\0' && s.data[i] != '\r' && s.data[i] != '\n');
}

static void check_accepted(const struct head *head, int kind, const char *text)
{
    size_t lengths = 0, encodings = 0, hosts = 0;

    check(head->size >= 4 && memcmp(text + head->size - 4, "\r\n\r\n", 4) == 0);
    check(head->minor == 0 || head->minor == 1);
    for (size_t i = 0; i + 1 < head->size; i++)
        check(text[i] != '\n' || (i > 0 && text[i - 1] == '\r'));
    for (size_t i = 0; i < head->header_count; i++) {
        struct slice name = head->headers[i].name;

        check(head_is_token(name));
        check_slice(name, text, head->size);
        check_slice(head->headers[i].value, text, head->size);
        lengths += slice_equal_caseless(name, SLICE("content-length"));
        encodings += slice_equal_caseless(name, SLICE("transfer-encoding"));
        hosts += slice_equal_caseless(name, SLICE("host"));
    }
    check(lengths + encodings <= 1);
    if (kind == 0) {
        check(hosts == 1 || (hosts == 0 && head->minor == 0));
        check(head_is_token(head->method) && head->target.size > 0 && head->target.data[0] == '/');
        check_slice(head->target, text, head->size);
        check(head->body == (encodings > 0              ? FRAMING_CHUNKED
                             : head->content_length > 0 ? FRAMING_LENGTH
                                                        : FRAMING_NONE));
    } else {
        check(head->status >= 100 && head->status <= 599);
    }
}

/* As a connection does it: looks again each time that more has come. */
static enum head_result parse_in_steps(struct head *head, int kind, const char *text, size_t size,
                                       size_t step, struct head_fault *fault)
{
    size_t seen = 0;

    for (size_t end = step; end < size; end += step) {
        enum head_result result = parse(head, kind, text, end, seen, fault);

        if (result != HEAD_MORE)
            return result;
        seen = end;
    }
    return parse(head, kind, text, size, seen, fault);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct head_fault fault = {0}, stepped_fault;
    struct head head, stepped;
    enum head_result result;
    const char *text = (const char *)data + 1;
    int kind;

    if (size < 3)
        return 0;
    kind = data[0] % 3;
    size--;
    result = parse(&head, kind, text, size, 0, &fault);
    if (result == HEAD_BAD)
        check(fault.status >= 400 && fault.text != NULL);
    if (result == HEAD_DONE) {
        check_accepted(&head, kind, text);
        check(parse(&stepped, kind, text, head.size, 0, &stepped_fault) == HEAD_DONE);
        check(stepped.size == head.size && stepped.body == head.body &&
              stepped.content_length == head.content_length &&
              stepped.keeps_alive == head.keeps_alive);
        check(parse(&stepped, kind, text, head.size - 1, 0, &stepped_fault) != HEAD_DONE);
    }
    for (size_t step = 1; step < 8; step += 3) {
        enum head_result stepwise =
            parse_in_steps(&stepped, kind, text, size, step, &stepped_fault);

        /* in steps, what is bad may be seen earlier, or later: when it ends */
        check((stepwise == HEAD_DONE) == (result == HEAD_DONE));
        check(result != HEAD_DONE || stepped.size == head.size);
    }
    return 0;
}
