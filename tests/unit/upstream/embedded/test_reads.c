// SPDX-License-Identifier: Apache-2.0
/* What reads.jsonl has (see record_reads.py): the same blocks, the same calls, Kubo's own answers.
 */
#include "ipfs/hash.h"
#include "task_bench.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include <cmocka.h>

static const char *text_of(json_t *line, const char *name)
{
    const char *text = json_string_value(json_object_get(line, name));

    return text != NULL ? text : "";
}

static struct text bytes_of(json_t *line, const char *name)
{
    const char *hex = text_of(line, name);
    struct text bytes = {0};

    for (; *hex != '\0'; hex += 2) {
        unsigned byte;

        assert_int_equal(sscanf(hex, "%2x", &byte), 1); // NOLINT(cert-err34-c): two hex digits
        text_put_char(&bytes, (char)byte);
    }
    return bytes;
}

static void put(struct task_bench *bench, json_t *line)
{
    struct text block = bytes_of(line, "hex");
    struct error err = {0};
    struct cid cid;

    assert_true(cid_parse(&cid, slice_of(text_of(line, "block")), &err));
    task_bench_put(bench, &cid, text_slice(&block));
    text_dispose(&block);
}

/* What is in a gzip file. */
static struct text unpacked(const struct text *packed)
{
    z_stream stream = {.next_in = (Bytef *)packed->data, .avail_in = (uInt)packed->size};
    struct text out = {0};
    int result = inflateInit2(&stream, 15 + 16);

    while (result == Z_OK) {
        stream.next_out = (Bytef *)text_reserve(&out, 4096);
        stream.avail_out = 4096;
        result = inflate(&stream, Z_NO_FLUSH);
        out.size += 4096 - stream.avail_out;
    }
    assert_int_equal(result, Z_STREAM_END);
    assert_int_equal(stream.avail_in, 0);
    inflateEnd(&stream);
    return out;
}

/* A long output is told by its SHA-256. */
static bool is_same(json_t *line, const struct text *had)
{
    bool is_hashed = json_object_get(line, "sha256") != NULL;
    struct text wanted = bytes_of(line, is_hashed ? "sha256" : "hex");
    uint8_t digest[HASH_DIGEST_MAX];
    struct slice bytes = text_slice(had);
    bool ok;

    if (is_hashed) {
        hash_block(HASH_SHA2_256, bytes, digest);
        bytes = (struct slice){(const char *)digest, hash_size(HASH_SHA2_256)};
    }
    ok = slice_equal(text_slice(&wanted), bytes);
    text_dispose(&wanted);
    return ok;
}

static bool is_output(json_t *line, const struct task_bench_reply *reply)
{
    struct text had = {0};
    bool ok;

    if (strcmp(text_of(line, "type"), "application/gzip") == 0 && reply->err.code == ERROR_NONE)
        had = unpacked(&reply->output);
    else
        text_put_slice(&had, text_slice(&reply->output));
    ok = json_is_true(json_object_get(line, "loose")) || is_same(line, &had);
    text_dispose(&had);
    return ok;
}

static const char *shown(const struct text *text)
{
    return text->size > 0 ? text->data : "";
}

/* What differs, or NULL. */
static const char *compare(json_t *line, const struct task_bench_reply *reply)
{
    bool is_done = json_integer_value(json_object_get(line, "status")) == 200;
    struct text output = bytes_of(line, "hex");
    const char *difference = NULL;

    if (strcmp(reply->err.text, text_of(line, "error")) != 0)
        difference = "error";
    else if (!is_done)
        difference = reply->output.size > 0 ? "output before an error" : NULL;
    else if (strcmp(shown(&reply->content_type), text_of(line, "type")) != 0)
        difference = "content type";
    else if (strcmp(shown(&reply->header_lines), text_of(line, "headers")) != 0)
        difference = "headers";
    else if (!is_output(line, reply))
        difference = "output";
    if (difference != NULL)
        print_error("%s\n  %s: wanted \"%s\" [%s%s] %s\n  had \"%s\" [%s%s] %s\n",
                    text_of(line, "target"), difference, shown(&output), text_of(line, "type"),
                    text_of(line, "headers"), text_of(line, "error"), shown(&reply->output),
                    shown(&reply->content_type), shown(&reply->header_lines), reply->err.text);
    text_dispose(&output);
    return difference;
}

static bool is_equal(struct task_bench *bench, json_t *line, bool is_always_due)
{
    struct task_bench_call call = {.target = text_of(line, "target"),
                                   .is_always_due = is_always_due};
    struct task_bench_reply reply = {0};
    bool ok;

    task_bench_run(bench, &call, &reply);
    ok = compare(line, &reply) == NULL;
    task_bench_reply_dispose(&reply);
    return ok;
}

static void test_reads_answer_as_kubo_does(void **state)
{
    FILE *file = fopen("reads.jsonl", "r");
    int differences = 0, calls = 0;
    json_t *line;

    assert_non_null(file);
    while ((line = json_loadf(file, JSON_DISABLE_EOF_CHECK, NULL)) != NULL) {
        if (json_object_get(line, "block") != NULL) {
            put(*state, line);
        } else {
            calls++;
            differences += !is_equal(*state, line, false);
            differences += !is_equal(*state, line, true);
        }
        json_decref(line);
    }
    assert_true(feof(file));
    fclose(file);
    assert_true(calls > 300);
    assert_int_equal(differences, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reads_answer_as_kubo_does, task_bench_setup,
                                        task_bench_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
