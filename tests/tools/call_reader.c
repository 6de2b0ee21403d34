// SPDX-License-Identifier: Apache-2.0
/* call_reader catalogue: the table of commands, one JSON object a line.
 * call_reader calls SEED COUNT: generated calls and how they were read, one JSON object a line.
 * call_reader multipart SEED COUNT: the same of multipart bodies.
 * Bytes are written in hex. For comparisons with Kubo. */
#include "ipfs/call.h"
#include "ipfs/multipart.h"
#include "tests/tools/generator.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const type_names[] = {"bool",   "int",    "int64", "uint",
                                         "uint64", "string", "array", "string"};
static const char *const body_names[] = {"none", "file", "arguments"};
static const char *const kind_names[] = {"text",      "path",      "cid",         "name",
                                         "name-path", "mfs",       "mfs-or-path", "key",
                                         "peer",      "multiaddr", "topic"};
static const char *const path_names[] = {"none", "ipfs", "ipld", "ipns", "mfs"};

static void put_hex(struct text *out, struct slice bytes)
{
    text_put_char(out, '"');
    for (size_t i = 0; i < bytes.size; i++)
        text_put_format(out, "%02x", (unsigned char)bytes.data[i]);
    text_put_char(out, '"');
}

/* --- The table --- */

static void put_command(const struct command *command, struct text *out)
{
    text_put_format(out,
                    "{\"command\":\"%s\",\"class\":\"%s\",\"danger\":%d,\"body\":\"%s\","
                    "\"since\":%u,\"removed\":%s,\"arguments\":[",
                    command->path, command_class_name(command->class), command->danger,
                    body_names[command->body], command->since,
                    command->flags & COMMAND_REMOVED ? "true" : "false");
    for (size_t i = 0; i < command->argument_count; i++)
        text_put_format(out, "%s{\"name\":\"%s\",\"required\":%s,\"many\":%s}", i > 0 ? "," : "",
                        command->arguments[i].name,
                        command->arguments[i].required ? "true" : "false",
                        command->arguments[i].many ? "true" : "false");
    text_put_text(out, "],\"options\":[");
    for (size_t i = 0; i < command->option_count; i++) {
        const struct catalogue_option *option = &command->options[i];

        text_put_format(out, "%s{\"name\":\"%s\",\"alias\":\"%s\",\"type\":\"%s\"}",
                        i > 0 ? "," : "", catalogue_option_name(option->id),
                        option->alias == NULL ? "" : option->alias, type_names[option->type]);
    }
    text_put_text(out, "]}");
}

static void print_catalogue(void)
{
    static const char *const known[] = {
#define GROUP(path)    "{\"group\":\"" path "\"}",
#define LOCAL(path)    "{\"local\":\"" path "\"}",
#define STRIPPED(name) "{\"stripped\":\"" name "\"}",
#include "ipfs/catalogue.def"
    };
    struct text line = {0};

    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        text_clear(&line);
        put_command(catalogue_command((enum command_id)i), &line);
        puts(line.data);
    }
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        puts(known[i]);
    text_dispose(&line);
}

/* --- Calls --- */

static void put_argument(const struct call_argument *argument, struct text *out)
{
    const struct call_path *path = &argument->path;
    bool has_cid = path->kind == CALL_PATH_IPFS || path->kind == CALL_PATH_IPLD;

    text_put_text(out, "{\"text\":");
    put_hex(out, argument->text);
    text_put_format(out, ",\"kind\":\"%s\",\"path\":\"%s\",\"root\":", kind_names[argument->kind],
                    path_names[path->kind]);
    put_hex(out,
            has_cid ? (struct slice){(const char *)path->cid.bytes, path->cid.size} : path->name);
    text_put_text(out, ",\"subpath\":");
    put_hex(out, path->subpath);
    text_put_char(out, '}');
}

static void put_call(const struct call *call, struct text *out)
{
    struct text printed = {0};

    text_put_format(out, ",\"command\":\"%s\",\"arguments\":[", call->command->path);
    for (size_t i = 0; i < call->argument_count; i++) {
        text_put_text(out, i > 0 ? "," : "");
        put_argument(&call->arguments[i], out);
    }
    text_put_text(out, "],\"options\":[");
    for (size_t i = 0; i < call->option_count; i++) {
        text_put_format(out, "%s{\"name\":\"%s\",\"text\":", i > 0 ? "," : "",
                        catalogue_option_name(call->options[i].fact->id));
        put_hex(out, call->options[i].text);
        text_put_char(out, '}');
    }
    text_put_text(out, "],\"target\":");
    call_print_target(call, &printed);
    put_hex(out, text_slice(&printed));
    text_clear(&printed);
    text_put_text(out, ",\"body\":");
    if (call_has_body_arguments(call))
        call_print_body_arguments(call, &printed);
    put_hex(out, text_slice(&printed));
    text_put_format(out, ",\"needs_file\":%s", call->command->body == BODY_FILE ? "true" : "false");
    text_dispose(&printed);
}

static bool wants_file(struct slice target)
{
    struct call *call;
    struct error err = {0};
    bool parsed = call_parse(&call, target, false, &err);

    call_destroy(&call);
    return !parsed && strstr(err.text, "a file is required") != NULL;
}

static void print_calls(uint64_t seed, unsigned long count)
{
    struct generator generator;
    struct text target = {0};
    struct text body = {0};
    struct text line = {0};

    generator_init(&generator, seed);
    for (unsigned long i = 0; i < count; i++) {
        bool has_body = generate_call(&generator, &target, &body);
        struct error err = {0};
        struct call *call;

        text_clear(&line);
        text_put_text(&line, "{\"raw\":");
        put_hex(&line, text_slice(&target));
        text_put_text(&line, ",\"raw_body\":");
        put_hex(&line, text_slice(&body));
        if (call_parse(&call, text_slice(&target), has_body || wants_file(text_slice(&target)),
                       &err) &&
            (!call->wants_body ||
             call_body_arguments(call, text_slice(&body), SLICE("multipart/form-data; boundary=B"),
                                 &err)))
            put_call(call, &line);
        call_destroy(&call);
        text_put_text(&line, ",\"error\":\"");
        text_put_json(&line, slice_of(err.text));
        text_put_text(&line, "\"}");
        puts(line.data);
    }
    text_dispose(&target);
    text_dispose(&body);
    text_dispose(&line);
}

/* --- Bodies --- */

static void put_part(const struct multipart_part *part, struct text *out)
{
    static const char *const kinds[] = {"file", "directory", "symlink"};

    text_put_text(out, "{\"name\":");
    put_hex(out, part->name);
    text_put_text(out, ",\"filename\":");
    put_hex(out, part->filename);
    text_put_format(
        out,
        ",\"kind\":\"%s\",\"abspath\":%s,\"mode\":%" PRIu32 ",\"mtime\":%" PRId64 ",\"data\":\"",
        kinds[part->kind], part->has_abspath ? "true" : "false", part->mode, part->mtime_seconds);
}

/* False: refused. */
static bool put_parts(struct slice body, size_t piece, struct text *out)
{
    struct multipart view;
    struct slice data;
    enum multipart_step step = MULTIPART_MORE;
    bool accepted;

    multipart_init(&view, SLICE("B"), 0);
    for (size_t at = 0; at < body.size && step != MULTIPART_BAD; at += piece) {
        struct slice input = {body.data + at, body.size - at < piece ? body.size - at : piece};

        while ((step = multipart_next(&view, &input, &data, NULL)) != MULTIPART_MORE &&
               step != MULTIPART_BAD) {
            if (step == MULTIPART_PART) {
                text_put_text(out, view.part.index > 0 ? "," : "");
                put_part(&view.part, out);
            }
            for (size_t i = 0; i < data.size; i++)
                text_put_format(out, "%02x", (unsigned char)data.data[i]);
            if (step == MULTIPART_PART_END)
                text_put_text(out, "\"}");
        }
    }
    accepted = multipart_finish(&view, NULL);
    multipart_dispose(&view);
    return accepted;
}

static void print_bodies(uint64_t seed, unsigned long count)
{
    struct generator generator;
    struct text body = {0};
    struct text line = {0};
    struct text parts = {0};

    generator_init(&generator, seed);
    for (unsigned long i = 0; i < count; i++) {
        bool accepted;

        generate_multipart(&generator, &body);
        text_clear(&line);
        text_clear(&parts);
        text_put_text(&parts, "");
        accepted = put_parts(text_slice(&body), 1 + generator_number(&generator, 50), &parts);
        text_put_text(&line, "{\"body\":");
        put_hex(&line, text_slice(&body));
        text_put_format(&line, ",\"accepted\":%s,\"parts\":[%s]}", accepted ? "true" : "false",
                        accepted ? parts.data : "");
        puts(line.data);
    }
    text_dispose(&body);
    text_dispose(&line);
    text_dispose(&parts);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "catalogue") == 0) {
        print_catalogue();
        return 0;
    }
    if (argc == 4 && strcmp(argv[1], "calls") == 0) {
        print_calls(strtoull(argv[2], NULL, 10), strtoul(argv[3], NULL, 10));
        return 0;
    }
    if (argc == 4 && strcmp(argv[1], "multipart") == 0) {
        print_bodies(strtoull(argv[2], NULL, 10), strtoul(argv[3], NULL, 10));
        return 0;
    }
    fprintf(stderr, "usage: call_reader catalogue | calls SEED COUNT | multipart SEED COUNT\n");
    return 2;
}
