// SPDX-License-Identifier: Apache-2.0
/* Operations of a Kubo upstream whose node is played by the test: who starts them, and what they
 * came to. */
#ifndef TESTS_UPSTREAM_OPERATION_STAGE_H
#define TESTS_UPSTREAM_OPERATION_STAGE_H

#include "kubo_stage.h"

#define CID_V0 "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"
#define CID_V1                                                                                     \
    "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354" /* of the same block             \
                                                                   */
#define CID_RAW "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
#define EMPTY   "Content-Length: 0\r\n\r\n"

struct operation_stage {
    void *base;
    struct kubo_stage *s;
    struct operation *operation;
    bool is_starting;
    unsigned int calls;
    struct operation_result result; /* of the newest that ended, without its path */
    struct error err;
    unsigned int heard;     /* calls of on_progress and on_pin */
    unsigned int cancel_at; /* that one of them; 0: never */
    uint64_t nodes, bytes;
    struct text pins; /* "CID mode name\n"..., unless forgets_pins; or what is damaged */
    bool forgets_pins;
    struct text content; /* of an export */
    bool pauses;         /* with each piece of it */
};

int operation_stage_setup(void **state);
int operation_stage_teardown(void **state);

/* Each starts one; false: it was refused. */
bool stage_look(struct operation_stage *o, const char *cid, const char *name);
bool stage_pin(struct operation_stage *o, const char *cid, enum pin_mode mode, bool offline);
bool stage_unpin(struct operation_stage *o, const char *cid, enum pin_mode mode);
bool stage_measure(struct operation_stage *o, const char *cid, enum pin_mode mode);
bool stage_list_pins(struct operation_stage *o);
bool stage_contains(struct operation_stage *o, const char *root, const char *wanted);
bool stage_gc(struct operation_stage *o);
bool stage_verify(struct operation_stage *o);
bool stage_capacity(struct operation_stage *o);
bool stage_export(struct operation_stage *o, const char *cid, uint64_t skip);
bool stage_import(struct operation_stage *o, const char *path);

/* The next request is this one. Its reply has a length and closes the connection. */
struct peer *stage_asked(struct operation_stage *o, const char *target);
void stage_reply(struct peer *node, const char *status, const char *body);
/* Both, with status 200. */
void stage_answer(struct operation_stage *o, const char *target, const char *body);
/* A reply of lines: its head, one chunk, its end with that trailer line ("" for none). */
void stage_begin_lines(struct peer *node);
void stage_line(struct peer *node, const char *line);
void stage_end_lines(struct peer *node, const char *trailer);

/* Turns until it has ended; with that error (ERROR_NONE: well), whose text has that word. */
void stage_await_end(struct operation_stage *o, enum error_code code, const char *word);

#define OPERATION_TEST(test)                                                                       \
    cmocka_unit_test_setup_teardown(test, operation_stage_setup, operation_stage_teardown)

#endif
