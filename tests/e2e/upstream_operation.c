// SPDX-License-Identifier: Apache-2.0
/* upstream_operation ADDRESS [--cut-ms N] [--silence-ms N] OPERATION...: carries out one operation
 * of upstream.h on a Kubo node, and prints what it hears as JSON lines; the last one is how it
 * ended.
 *
 *   look CID NAME | pin CID MODE NAME [offline] | unpin CID MODE | measure CID MODE
 *   export CID SKIP FILE | import FILE | list | resolve PATH | gc | capacity */
#include "http/block.h"
#include "http/loop.h"
#include "http/splice.h"
#include "upstream/kubo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run {
    struct loop *loop;
    struct upstream *upstream;
    struct operation *operation;
    struct timer cut;
    bool is_over;
    FILE *file; /* of an export */
};

static void print(const struct text *line)
{
    printf("%s\n", line->data);
    fflush(stdout);
}

static void put_string(struct text *line, const char *name, struct slice value)
{
    text_put_format(line, "\"%s\":\"", name);
    text_put_json(line, value);
    text_put_char(line, '"');
}

static void on_done(void *run_, const struct operation_result *result, const struct error *err)
{
    struct run *run = run_;
    struct text line = {0};

    run->operation = NULL;
    run->is_over = true;
    if (err != NULL) {
        text_put_format(&line, "{\"error\":%d,", (int)err->code);
        put_string(&line, "text", slice_of(err->text));
        text_put_char(&line, '}');
    } else {
        text_put_format(
            &line,
            "{\"ours\":\"%s\",\"foreign\":\"%s\",\"foreign_v0\":\"%s\",\"has_bytes\":%s,"
            "\"bytes\":%llu,\"blocks\":%llu,\"used\":%llu,\"total\":%llu,\"count\":%llu,",
            pin_mode_name(result->ours), pin_mode_name(result->foreign),
            pin_mode_name(result->foreign_v0), result->has_bytes ? "true" : "false",
            (unsigned long long)result->bytes, (unsigned long long)result->blocks,
            (unsigned long long)result->used, (unsigned long long)result->total,
            (unsigned long long)result->count);
        put_string(&line, "path", result->path);
        text_put_char(&line, '}');
    }
    print(&line);
    text_dispose(&line);
}

static void on_progress(void *run, uint64_t nodes, uint64_t bytes)
{
    struct text line = {0};

    text_put_format(&line, "{\"nodes\":%llu,\"bytes\":%llu}", (unsigned long long)nodes,
                    (unsigned long long)bytes);
    print(&line);
    text_dispose(&line);
}

static void on_pin(void *run, const struct cid *cid, enum pin_mode mode, struct slice name)
{
    struct text line = {0};

    text_put_text(&line, "{\"cid\":\"");
    cid_print(cid, CID_BASE_DEFAULT, &line);
    text_put_format(&line, "\",\"mode\":\"%s\",", pin_mode_name(mode));
    put_string(&line, "name", name);
    text_put_char(&line, '}');
    print(&line);
    text_dispose(&line);
}

static void on_content(void *run_, struct slice content)
{
    struct run *run = run_;

    if (fwrite(content.data, 1, content.size, run->file) != content.size)
        perror("the file of the export");
}

static void on_cut(struct timer *timer)
{
    struct run *run = CONTAINER_OF(timer, struct run, cut);

    if (run->operation == NULL)
        return;
    upstream_cancel(&run->operation);
    run->is_over = true;
    printf("{\"cut\":true}\n");
}

static struct cid cid_of(const char *text)
{
    struct error err = {0};
    struct cid cid;

    if (!cid_parse(&cid, slice_of(text), &err)) {
        fprintf(stderr, "%s: %s\n", text, err.text);
        exit(2);
    }
    return cid;
}

static enum pin_mode mode_of(const char *text)
{
    enum pin_mode mode = PIN_NONE;

    if (!pin_mode_parse(&mode, slice_of(text)) || mode == PIN_NONE) {
        fprintf(stderr, "no such mode: %s\n", text);
        exit(2);
    }
    return mode;
}

/* words: at least the operation's own. */
static bool start_with_cid(struct run *run, int count, char **words, struct error *err)
{
    struct upstream *upstream = run->upstream;
    struct cid cid = cid_of(words[1]);

    if (strcmp(words[0], "look") == 0 && count == 3)
        return upstream_look(upstream, &run->operation, &cid, slice_of(words[2]), on_done, run,
                             err);
    if (strcmp(words[0], "pin") == 0 && count >= 4)
        return upstream_pin(upstream, &run->operation, &cid, mode_of(words[2]), slice_of(words[3]),
                            count == 5, on_progress, on_done, run, err);
    if (strcmp(words[0], "unpin") == 0 && count == 3)
        return upstream_unpin(upstream, &run->operation, &cid, mode_of(words[2]), on_done, run,
                              err);
    if (strcmp(words[0], "export") == 0 && count == 4 &&
        (run->file = fopen(words[3], "wb")) != NULL)
        return upstream_export(upstream, &run->operation, &cid, strtoull(words[2], NULL, 10),
                               on_content, on_done, run, err);
    if (strcmp(words[0], "measure") == 0 && count == 3)
        return upstream_measure(upstream, &run->operation, &cid, mode_of(words[2]), on_done, run,
                                err);
    return error_set(err, ERROR_SYNTAX, "no such operation: %s", words[0]);
}

static bool start(struct run *run, int count, char **words, struct error *err)
{
    struct upstream *upstream = run->upstream;

    if (count == 0)
        return error_set(err, ERROR_SYNTAX, "which operation?");
    if (strcmp(words[0], "list") == 0)
        return upstream_list_pins(upstream, &run->operation, on_pin, on_done, run, err);
    if (strcmp(words[0], "gc") == 0)
        return upstream_gc(upstream, &run->operation, on_done, run, err);
    if (strcmp(words[0], "capacity") == 0)
        return upstream_capacity(upstream, &run->operation, on_done, run, err);
    if (strcmp(words[0], "resolve") == 0 && count == 2)
        return upstream_resolve(upstream, &run->operation, slice_of(words[1]), 5000, true, on_done,
                                run, err);
    if (strcmp(words[0], "import") == 0 && count == 2)
        return upstream_import(upstream, &run->operation, words[1], on_done, run, err);
    return count < 2 ? error_set(err, ERROR_SYNTAX, "which CID?")
                     : start_with_cid(run, count, words, err);
}

static uint64_t take_number(int *count, char ***words, const char *option)
{
    uint64_t number = 0;

    if (*count >= 2 && strcmp((*words)[0], option) == 0) {
        number = strtoull((*words)[1], NULL, 10);
        *count -= 2;
        *words += 2;
    }
    return number;
}

static int carry_out(struct run *run, int count, char **words, uint64_t cut_ms)
{
    struct error err = {0};

    if (cut_ms > 0)
        timer_arm(run->loop, &run->cut, cut_ms);
    if (!start(run, count, words, &err)) {
        fprintf(stderr, "refused: %s\n", err.text);
        timer_disarm(&run->cut);
        return 1;
    }
    while (!run->is_over)
        loop_turn(run->loop, 1000);
    timer_disarm(&run->cut);
    return 0;
}

int main(int argc, char **argv)
{
    struct kubo_settings settings = {.max_idle = 1, .connect_timeout_ms = 5000};
    struct run run = {.cut = {.fire = on_cut}};
    struct block_store *blocks = block_store_create(1 << 20);
    struct pipe_store *pipes = pipe_store_create();
    struct error err = {0};
    int count = argc - 2, status;
    char **words = argv + 2;
    uint64_t cut_ms, silence_ms;

    if (argc < 3 || !address_parse(&settings.address, slice_of(argv[1]), &err)) {
        fprintf(stderr, "upstream_operation ADDRESS OPERATION...: %s\n", err.text);
        return 2;
    }
    cut_ms = take_number(&count, &words, "--cut-ms");
    silence_ms = take_number(&count, &words, "--silence-ms");
    settings.head_timeout_ms = settings.idle_timeout_ms = settings.walk_idle_ms = silence_ms;
    run.loop = loop_create(&run);
    settings.jobs = jobs_create(1, 4);
    run.upstream = kubo_create(run.loop, blocks, pipes, &settings);
    status = carry_out(&run, count, words, cut_ms);
    upstream_destroy(&run.upstream);
    jobs_destroy(&settings.jobs);
    if (run.file != NULL)
        fclose(run.file);
    loop_turn(run.loop, 0);
    loop_destroy(&run.loop);
    pipe_store_destroy(&pipes);
    block_store_destroy(&blocks);
    return status;
}
