// SPDX-License-Identifier: Apache-2.0
/* Bodies of several parts, and commands that take them, run in pieces of every sort. */
#ifndef TESTS_UNIT_UPSTREAM_EMBEDDED_IMPORT_KIT_H
#define TESTS_UNIT_UPSTREAM_EMBEDDED_IMPORT_KIT_H

#include "tests/unit/upstream/embedded/task_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define IMPORT_BOUNDARY "import-kit-5d1f"
#define IMPORT_TYPE     "multipart/form-data; boundary=" IMPORT_BOUNDARY

/* {"f", "d/a", "content"}: a file; "d": a directory; "l": a symlink. field: of the form, with what
 * stands behind its `?`. A part without a kind is the end. */
struct import_part {
    const char *kind, *name, *content, *field;
};

static inline void import_put_part(struct text *body, const struct import_part *part,
                                   struct slice content)
{
    static const char *const types[] = {
        ['d'] = "x-directory", ['f'] = "octet-stream", ['l'] = "symlink"};

    text_put_format(body,
                    "--" IMPORT_BOUNDARY "\r\nContent-Disposition: form-data; name=\"file%s\"; "
                    "filename=\"%s\"\r\nContent-Type: application/%s\r\n\r\n",
                    part->field != NULL ? part->field : "", part->name,
                    types[(uint8_t)part->kind[0]]);
    text_put_slice(body, content);
    text_put_text(body, "\r\n");
}

static inline void import_end_body(struct text *body)
{
    text_put_text(body, "--" IMPORT_BOUNDARY "--\r\n");
}

/* The body comes whole, in odd pieces, and byte by byte with a slice for every step: each time the
 * output must be this, and the failure (NULL: none). */
static inline void import_assert(struct task_bench *bench, const char *target, struct slice body,
                                 const char *output, const char *failure)
{
    static const size_t pieces[] = {0, 1000, 1};

    for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
        struct task_bench_call call = {.target = target,
                                       .body = body,
                                       .content_type = IMPORT_TYPE,
                                       .piece_max = pieces[i],
                                       .is_always_due = pieces[i] == 1};
        struct task_bench_reply reply;

        task_bench_run(bench, &call, &reply);
        text_put_char(&reply.output, '\0');
        assert_string_equal(reply.err.text, failure != NULL ? failure : "");
        assert_string_equal(reply.output.data, output);
        task_bench_reply_dispose(&reply);
    }
}

static inline void import_assert_parts(struct task_bench *bench, const char *target,
                                       const struct import_part *parts, const char *output,
                                       const char *failure)
{
    struct text body = {0};

    for (; parts->kind != NULL; parts++)
        import_put_part(&body, parts, slice_of(parts->content != NULL ? parts->content : ""));
    import_end_body(&body);
    import_assert(bench, target, text_slice(&body), output, failure);
    text_dispose(&body);
}

#endif
