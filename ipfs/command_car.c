// SPDX-License-Identifier: Apache-2.0
/* `causeway car ls` and `causeway car verify`. */
#include "conf/memory.h"
#include "conf/text.h"
#include "ipfs/car.h"
#include "ipfs/car_verify.h"
#include "ipfs/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define READ_SIZE   ((size_t)8 << 20)
#define HEADER_MAX  ((size_t)32 << 20) /* Kubo's limit: what it wrote should be read */
#define MEMORY_MAX  ((size_t)2 << 30)  /* about 170,000,000 blocks */
#define PROGRESS_NS 500000000LL
#define CLEAR_LINE  "\r\033[K"
#define MIB(bytes)  ((double)(bytes) / (1 << 20))

/* A file that is read from its beginning to its end, telling a person how far it is. */
struct input {
    const struct cli *cli;
    const char *name;
    int fd;
    char *buffer;
    uint64_t size; /* 0: not known */
    uint64_t taken;
    int64_t start_ns, shown_ns; /* shown_ns 0: nothing is on the line */
    bool shows;
};

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static bool open_input(struct input *input, const struct cli *cli, struct error *err)
{
    struct stat status;

    *input = (struct input){.cli = cli, .name = cli->arguments[0], .fd = STDIN_FILENO};
    if (strcmp(input->name, "-") != 0)
        input->fd = open(input->name, O_RDONLY | O_CLOEXEC);
    else
        input->name = "standard input";
    if (input->fd < 0 || fstat(input->fd, &status) != 0)
        return error_set_errno(err, "cannot be opened");
    if (S_ISREG(status.st_mode))
        input->size = (uint64_t)status.st_size;
    input->buffer = memory_alloc(READ_SIZE);
    input->start_ns = input->shown_ns = now_ns();
    input->shows = fileno(cli->err) >= 0 && isatty(fileno(cli->err)) != 0;
    return true;
}

static void close_input(struct input *input)
{
    if (input->fd > STDIN_FILENO)
        close(input->fd);
    free(input->buffer);
}

static void show_progress(struct input *input)
{
    int64_t now = input->shows ? now_ns() : 0;
    double seconds;

    if (now - input->shown_ns < PROGRESS_NS)
        return;
    input->shown_ns = now;
    seconds = (double)(now - input->start_ns) / 1e9;
    fprintf(input->cli->err, CLEAR_LINE "%.0f MiB", MIB(input->taken));
    if (input->size > 0)
        fprintf(input->cli->err, " of %.0f", MIB(input->size));
    fprintf(input->cli->err, ", %.0f MiB/s", MIB(input->taken) / seconds);
    fflush(input->cli->err);
}

/* So that what is said next stands on a line of its own. */
static void end_progress(const struct input *input)
{
    if (input->shows)
        fputs(CLEAR_LINE, input->cli->err);
}

/* The next bytes; none at the end. */
static bool read_input(struct input *input, struct slice *bytes, struct error *err)
{
    ssize_t size;

    show_progress(input);
    do
        size = read(input->fd, input->buffer, READ_SIZE);
    while (size < 0 && errno == EINTR);
    if (size < 0)
        return error_set_errno(err, "cannot be read");
    input->taken += (uint64_t)size;
    *bytes = (struct slice){input->buffer, (size_t)size};
    return true;
}

static void put_cid(struct text *out, const struct cid *cid)
{
    cid_print(cid, CID_BASE_DEFAULT, out);
}

/* Says what was wrong. offset: the byte that it names, if there is one. */
static int fail(const struct input *input, const struct error *err, const uint64_t *offset)
{
    const struct cli *cli = input->cli;
    struct text text = {0};

    end_progress(input);
    if (!cli->json)
        return cli_fail(cli, "%s: %s", input->name, err->text);
    text_put_text(&text, "{\"ok\":false,\"error\":\"");
    text_put_json(&text, slice_of(err->text));
    text_put_char(&text, '"');
    if (offset != NULL)
        text_put_format(&text, ",\"offset\":%llu", (unsigned long long)*offset);
    fprintf(cli->out, "%s}\n", text.data);
    text_dispose(&text);
    return CLI_FAILED;
}

static void put_roots(const struct car_reader *reader, bool json, struct text *out)
{
    for (uint32_t i = 0; i < car_reader_root_count(reader); i++) {
        struct cid root = car_reader_root(reader, i);

        text_put_text(out, json ? (i == 0 ? "\"" : ",\"") : (i == 0 ? "" : " "));
        put_cid(out, &root);
        if (json)
            text_put_char(out, '"');
    }
}

static void list_header(const struct cli *cli, const struct car_reader *reader)
{
    struct text line = {0};

    text_put_format(&line, cli->json ? "{\"version\":%d,\"roots\":[" : "CARv%d, roots: ",
                    car_reader_version(reader));
    put_roots(reader, cli->json, &line);
    fprintf(cli->out, cli->json ? "%s]}\n" : "%s\n      offset       size  cid\n", line.data);
    text_dispose(&line);
}

static void list_block(const struct cli *cli, const struct car_block *block, struct text *line)
{
    text_clear(line);
    text_put_format(line, cli->json ? "{\"offset\":%llu,\"size\":%zu,\"cid\":\"" : "%12llu %10zu  ",
                    (unsigned long long)block->offset, block->data.size);
    put_cid(line, &block->cid);
    text_put_text(line, cli->json ? "\"}\n" : "\n");
    fwrite(line->data, 1, line->size, cli->out);
}

static enum car_event list_input(const struct cli *cli, struct car_reader *reader,
                                 struct slice bytes, struct error *err)
{
    enum car_event event = CAR_MORE;
    struct text line = {0};

    if (bytes.size == 0)
        return car_reader_finish(reader, err);
    while ((event = car_reader_next(reader, &bytes, err)) == CAR_HEADER || event == CAR_BLOCK)
        if (event == CAR_HEADER)
            list_header(cli, reader);
        else
            list_block(cli, car_reader_block(reader), &line);
    text_dispose(&line);
    return event;
}

int command_car_ls(struct cli *cli)
{
    struct car_reader *reader = car_reader_create(&(struct car_limits){.header_max = HEADER_MAX});
    enum car_event event = CAR_MORE;
    struct error err = {0};
    struct slice bytes;
    struct input input;
    int code = CLI_DONE;

    if (!open_input(&input, cli, &err))
        code = fail(&input, &err, NULL);
    else if (input.shows) /* unless the list itself shows */
        input.shows = isatty(fileno(cli->out)) == 0;
    while (code == CLI_DONE && event == CAR_MORE) {
        if (!read_input(&input, &bytes, &err))
            code = fail(&input, &err, NULL);
        else if ((event = list_input(cli, reader, bytes, &err)) == CAR_BAD)
            code = fail(&input, &err, &(uint64_t){car_reader_offset(reader)});
    }
    if (code == CLI_DONE)
        end_progress(&input);
    close_input(&input);
    car_reader_destroy(&reader);
    return code;
}

/* The whole answer: what was verified. */
static int tell_verified(const struct input *input, const struct car_verify *verify,
                         const struct cid *root)
{
    const struct walk_stats *stats = car_verify_stats(verify);
    const struct cli *cli = input->cli;
    struct text roots = {0};

    if (root == NULL) {
        put_roots(car_verify_reader(verify), cli->json, &roots);
    } else {
        text_put_text(&roots, cli->json ? "\"" : "");
        put_cid(&roots, root);
        text_put_text(&roots, cli->json ? "\"" : "");
    }
    end_progress(input);
    fprintf(cli->out,
            cli->json ? "{\"ok\":true,\"version\":%d,\"roots\":[%s],\"blocks\":%llu,\"bytes\":%llu,"
                        "\"depth\":%u}\n"
                      : "CARv%d, roots: %s\ncomplete: %llu blocks of %llu bytes, %u links deep\n",
            car_reader_version(car_verify_reader(verify)), roots.data,
            (unsigned long long)stats->blocks, (unsigned long long)stats->bytes, stats->depth);
    text_dispose(&roots);
    return CLI_DONE;
}

static enum car_verify_event verify_input(struct car_verify *verify, struct slice bytes,
                                          struct error *err)
{
    enum car_verify_event event;
    bool at_end = bytes.size == 0;

    do
        event = at_end ? car_verify_finish(verify, err) : car_verify_next(verify, &bytes, err);
    while (event == CAR_VERIFY_HEADER || event == CAR_VERIFY_BLOCK);
    return event;
}

static int verify_all(struct input *input, struct car_verify *verify, const struct cid *root)
{
    for (;;) {
        struct error err = {0};
        struct slice bytes = {NULL, 0};

        if (!read_input(input, &bytes, &err))
            return fail(input, &err, NULL);
        switch (verify_input(verify, bytes, &err)) {
        case CAR_VERIFY_END:
            return tell_verified(input, verify, root);
        case CAR_VERIFY_BAD:
            return fail(input, &err, &(uint64_t){car_verify_offset(verify)});
        default:
            break;
        }
    }
}

static struct cid_set_key random_key(void)
{
    struct cid_set_key key = {{0, 0}};

    /* Never short for so few bytes. Without it the key is guessed: only who made this very file
     * could gain by that. */
    if (getrandom(&key, sizeof(key), 0) != (ssize_t)sizeof(key))
        key.words[0] = (uint64_t)now_ns();
    return key;
}

int command_car_verify(struct cli *cli)
{
    const char *root_text = cli_value(cli, "root");
    struct cid_set_key key = random_key();
    struct car_verify_options options = {
        .car = {.header_max = HEADER_MAX},
        .allow_repeats = cli_value(cli, "repeats") != NULL,
    };
    struct walk_memory *memory;
    struct car_verify *verify;
    struct error err = {0};
    struct input input;
    struct cid root;
    int code;

    if (root_text != NULL && !cid_parse(&root, slice_of(root_text), &err)) {
        cli_fail(cli, "--root: '%s': %s", root_text, err.text);
        return CLI_USAGE;
    }
    if (root_text != NULL) {
        options.roots = &root;
        options.root_count = 1;
    }
    memory = walk_memory_create(&key, MEMORY_MAX);
    verify = car_verify_create(&options, memory);
    if (open_input(&input, cli, &err))
        code = verify_all(&input, verify, options.roots);
    else
        code = fail(&input, &err, NULL);
    close_input(&input);
    car_verify_destroy(&verify);
    walk_memory_destroy(&memory);
    return code;
}
