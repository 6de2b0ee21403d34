// SPDX-License-Identifier: Apache-2.0
/* `causeway cid`: shows and converts CIDs. */
#include "ipfs/cid.h"
#include "ipfs/cid_format.h"
#include "ipfs/commands.h"
#include "ipfs/hash.h"
#include "ipfs/multibase.h"
#include "ipfs/multicodec.h"

#include <inttypes.h>
#include <stdlib.h>

/* What the options ask for. */
struct request {
    const char *format; /* NULL: inspect */
    char base;          /* '\0': as it is typed */
    int version;        /* -1: as it is */
};

static int usage(const struct cli *cli, const char *text)
{
    cli_fail(cli, "%s", text);
    return CLI_USAGE;
}

static int read_options(const struct cli *cli, struct request *request)
{
    const char *base = cli_value(cli, "base");
    bool v0 = cli_value(cli, "v0") != NULL, v1 = cli_value(cli, "v1") != NULL;
    struct error err = {0};

    *request = (struct request){.format = cli_value(cli, "format"), .version = v0 ? 0 : -1};
    if (base != NULL && !multibase_find(slice_of(base), &request->base, &err))
        return usage(cli, err.text);
    if (request->format != NULL && !cid_format_check(request->format, &err))
        return usage(cli, err.text);
    if (v0 && v1)
        return usage(cli, "--v0 and --v1 exclude each other");
    if (v0 && base != NULL && request->base != CID_BASE_58BTC)
        return usage(cli, "a CIDv0 is written in base58btc only: leave --base or --v0 out");
    if (v1 || (base != NULL && !v0))
        request->version = 1;
    if (request->format == NULL && request->version != -1)
        request->format = "%s";
    return CLI_DONE;
}

static bool convert(struct cid *cid, int version, struct error *err)
{
    struct cid old = *cid;

    if (version == 1)
        *cid = cid_to_v1(&old);
    if (version != 0 || cid->version == 0)
        return true;
    if (!cid_has_v0(cid))
        return error_set(err, ERROR_UNSUPPORTED,
                         "has no CIDv0: only dag-pb with a whole sha2-256 digest has");
    *cid = cid_to_v0(&old);
    return true;
}

/* The base to print cid in if none was asked for: the typed one, unless a change of version leaves
 * none. */
static char base_for(const struct cid *cid, struct slice typed)
{
    if (cid->version == 0)
        return CID_BASE_58BTC;
    return slice_starts(typed, "Qm") ? CID_BASE_32 : typed.data[0];
}

static void print_formatted(const struct cli *cli, const struct request *request,
                            const struct cid *cid, struct slice typed, char base)
{
    struct text text = {0};

    if (cli->json) {
        struct text formatted = {0};

        cid_format(cid, base, request->format, &formatted);
        text_put_text(&text, "{\"cid\":\"");
        text_put_json(&text, typed);
        text_put_text(&text, "\",\"formatted\":\"");
        text_put_json(&text, text_slice(&formatted));
        text_put_text(&text, "\"}");
        text_dispose(&formatted);
    } else {
        cid_format(cid, base, request->format, &text);
    }
    text_put_char(&text, '\n');
    fwrite(text.data, 1, text.size, cli->out);
    text_dispose(&text);
}

/* One field of the inspection, in either form. */
static void put_field(const struct cli *cli, struct text *out, const char *name, const char *value)
{
    text_put_format(out, cli->json ? ",\"%s\":\"%s\"" : "  %-8s %s", name, value);
    if (!cli->json)
        text_put_char(out, '\n');
}

static void put_coded(const struct cli *cli, struct text *out, const char *name, const char *value,
                      uint64_t code, const char *rest)
{
    if (cli->json)
        text_put_format(out, ",\"%s\":\"%s\",\"%s_code\":%" PRIu64, name, value, name, code);
    else
        text_put_format(out, "  %-8s %s (0x%02" PRIx64 ")%s\n", name, value, code, rest);
}

static void put_spelling(const struct cli *cli, struct text *out, const char *name,
                         const struct cid *cid, enum cid_base base)
{
    struct text spelling = {0};

    cid_print(cid, base, &spelling);
    put_field(cli, out, name, spelling.data);
    text_dispose(&spelling);
}

static void put_spellings(const struct cli *cli, struct text *out, const struct cid *cid)
{
    struct cid v0 = *cid, v1 = cid_to_v1(cid);

    if (cid_has_v0(cid) && convert(&v0, 0, NULL))
        put_spelling(cli, out, "v0", &v0, CID_BASE_DEFAULT);
    /* A key's name fits a DNS label in base36 only: so it is spelled everywhere. */
    put_spelling(cli, out, "v1", &v1, cid->codec == CODEC_LIBP2P_KEY ? CID_BASE_36 : CID_BASE_32);
}

static void print_inspected(const struct cli *cli, const struct cid *cid, struct slice typed)
{
    char codec[MULTICODEC_NAME_SIZE] = "unknown", hash[MULTICODEC_NAME_SIZE] = "unknown";
    struct text out = {0}, digest = {0};
    char size[32];

    (void)multicodec_codec_name(cid->codec, codec);
    (void)multicodec_hash_name(cid->hash, hash);
    multibase_encode_bare(CID_BASE_16, cid_digest(cid), cid->digest_size, &digest);
    snprintf(size, sizeof(size), ", %d bytes", cid->digest_size);
    if (cli->json)
        text_put_text(&out, "{\"cid\":\"");
    text_put_json(&out, typed);
    text_put_format(&out, cli->json ? "\",\"version\":%d" : "\n  version  %d\n", cid->version);
    put_field(cli, &out, "base", multibase_name(base_for(cid, typed)));
    put_coded(cli, &out, "codec", codec, cid->codec, "");
    put_coded(cli, &out, "hash", hash, cid->hash, size);
    if (cli->json)
        text_put_format(&out, ",\"digest_size\":%d", cid->digest_size);
    put_field(cli, &out, "digest", digest.size > 0 ? digest.data : "");
    put_spellings(cli, &out, cid);
    if (cli->json)
        text_put_text(&out, "}\n");
    fwrite(out.data, 1, out.size, cli->out);
    text_dispose(&out);
    text_dispose(&digest);
}

static int fail(const struct cli *cli, struct slice typed, const struct error *err)
{
    struct text shown = {0};

    text_put_json(&shown, typed); /* nothing of it may steer the terminal */
    if (cli->json) {
        struct text why = {0};

        text_put_json(&why, slice_of(err->text));
        fprintf(cli->out, "{\"cid\":\"%s\",\"error\":\"%s\"}\n", shown.size > 0 ? shown.data : "",
                why.data);
        text_dispose(&why);
    } else {
        cli_fail(cli, "'%s': %s", shown.size > 0 ? shown.data : "", err->text);
    }
    text_dispose(&shown);
    return CLI_FAILED;
}

static int run_one(const struct cli *cli, const struct request *request, struct slice typed)
{
    struct error err = {0};
    struct cid cid;

    if (!cid_parse(&cid, typed, &err) || !convert(&cid, request->version, &err))
        return fail(cli, typed, &err);
    if (request->format == NULL)
        print_inspected(cli, &cid, typed);
    else
        print_formatted(cli, request, &cid, typed,
                        request->base != '\0' ? request->base : base_for(&cid, typed));
    return CLI_DONE;
}

static struct slice trim(char *line, size_t size)
{
    static const char spaces[] = " \t\r\n";

    while (size > 0 && memchr(spaces, line[size - 1], sizeof(spaces) - 1) != NULL)
        size--;
    while (size > 0 && memchr(spaces, *line, sizeof(spaces) - 1) != NULL) {
        line++;
        size--;
    }
    return (struct slice){line, size};
}

static int run_stdin(const struct cli *cli, const struct request *request)
{
    int code = CLI_DONE;
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;

    while ((size = getline(&line, &capacity, stdin)) >= 0) {
        struct slice typed = trim(line, (size_t)size);

        if (typed.size > 0 && run_one(cli, request, typed) != CLI_DONE)
            code = CLI_FAILED;
    }
    free(line);
    return code;
}

int command_cid(struct cli *cli)
{
    struct request request;
    int code = read_options(cli, &request);

    if (code != CLI_DONE)
        return code;
    if (cli->argument_count == 0)
        return run_stdin(cli, &request);
    for (int i = 0; i < cli->argument_count; i++)
        if (run_one(cli, &request, slice_of(cli->arguments[i])) != CLI_DONE)
            code = CLI_FAILED;
    return code;
}
