// SPDX-License-Identifier: Apache-2.0
#include "kit.h"
#include "proxy/rpc_gate.h"

#define HEAD(version, more) "POST / HTTP/1." version "\r\nHost: x\r\n" more "\r\n"
#define EMPTY               HEAD("1", "")
#define BODY                HEAD("1", "Content-Length: 5\r\n")
#define CHUNKS              HEAD("1", "Transfer-Encoding: chunked\r\n")

static void test_rpc_gate_says_what_every_call_must_be(void **state)
{
    static const struct {
        const char *target, *head, *said; /* said NULL: it passes */
        enum error_code code;
        bool has_multipart;
    } cases[] = {
        {"cat?arg=" CID, EMPTY, NULL, ERROR_NONE, false},
        {"cat?arg=" CID, HEAD("1", "Content-Length: 0\r\n"), NULL, ERROR_NONE, false},
        {"cat?arg=" CID, HEAD("0", ""), NULL, ERROR_NONE, false},
        {"add", CHUNKS, NULL, ERROR_NONE, true},
        {"add", BODY, NULL, ERROR_NONE, true},
        {"pin/add", CHUNKS, NULL, ERROR_NONE, true},
        {"pin/add?arg=" CID, BODY, NULL, ERROR_NONE, true},
        /* a body that nobody would look at */
        {"pin/ls", BODY, "pin/ls takes no body", ERROR_SYNTAX, false},
        {"pin/ls", CHUNKS, "pin/ls takes no body", ERROR_SYNTAX, true},
        {"version", BODY, "version takes no body", ERROR_SYNTAX, true},
        {"cat?arg=" CID, BODY, "cat takes a body only as multipart/form-data", ERROR_SYNTAX, false},
        {"pin/add?arg=" CID, CHUNKS, "only as multipart/form-data", ERROR_SYNTAX, false},
        /* HTTP/1.0 cannot tell a whole body from a cut one */
        {"pin/add?arg=" CID, HEAD("0", ""), "use HTTP/1.1", ERROR_SYNTAX, false},
        {"add", HEAD("0", "Content-Length: 5\r\n"), "add changes something", ERROR_SYNTAX, true},
        {"files/rm?arg=/x", HEAD("0", ""), "not taken over HTTP/1.0", ERROR_SYNTAX, false},
        /* a body that could name files of the server */
        {"add?nocopy=true", CHUNKS, "option 'nocopy' is not available", ERROR_REFUSED, true},
        {"add?nocopy", CHUNKS, "files of the server", ERROR_REFUSED, true},
        {"add?fscache=1", CHUNKS, "option 'fscache' is not available", ERROR_REFUSED, true},
        {"add?nocopy=false&fscache=false", CHUNKS, NULL, ERROR_NONE, true},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct call *call = kit_call(cases[i].target, cases[i].has_multipart);
        struct head head = kit_head(cases[i].head);
        struct error err = {0};
        bool passes = rpc_gate(&head, call, &err);

        if (passes != (cases[i].said == NULL))
            fail_msg("%s with %s: %s", cases[i].target, cases[i].head,
                     passes ? "passed" : err.text);
        assert_int_equal(err.code, cases[i].code);
        if (cases[i].said != NULL && strstr(err.text, cases[i].said) == NULL)
            fail_msg("%s: '%s' is not in '%s'", cases[i].target, cases[i].said, err.text);
        call_destroy(&call);
    }
}

static void test_rpc_gate_resolves_names_that_may_stand_for_something_else(void **state)
{
    static const struct {
        const char *target;
        size_t index;
        bool needs;
    } cases[] = {
        {"cat?arg=/ipns/a.example/x", 0, true},
        {"cat?arg=ipns://a.example/x", 0, true},
        {"cat?arg=/ipfs/" CID "/ipns/x", 0, false},
        {"cat?arg=" CID, 0, false},
        {"ls?arg=" CID "&arg=/ipns/a.example", 0, false},
        {"ls?arg=" CID "&arg=/ipns/a.example", 1, true},
        {"pin/add?arg=/ipns/a.example", 0, true},
        {"files/cp?arg=/ipns/a.example&arg=/x", 0, true},
        {"files/cp?arg=/ipns&arg=/x", 0, false}, /* a file that happens to have this name */
        /* where the name itself is what the command is about */
        {"resolve?arg=/ipns/a.example", 0, false},
        {"name/resolve?arg=/ipns/a.example", 0, false},
        {"name/publish?arg=/ipns/a.example", 0, false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct call *call = kit_call(cases[i].target, false);

        if (rpc_gate_needs_resolving(call, cases[i].index) != cases[i].needs)
            fail_msg("%s, argument %zu", cases[i].target, cases[i].index);
        call_destroy(&call);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rpc_gate_says_what_every_call_must_be),
        cmocka_unit_test(test_rpc_gate_resolves_names_that_may_stand_for_something_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
