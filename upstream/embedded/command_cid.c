// SPDX-License-Identifier: Apache-2.0
/* cid/...: CIDs and the tables that they draw on. Nothing is stored or read. */
#include "conf/memory.h"
#include "ipfs/cid_format.h"
#include "ipfs/hash.h"
#include "ipfs/multibase.h"
#include "ipfs/multicodec.h"
#include "upstream/embedded/node_commands.h"
#include "upstream/embedded/reply.h"

#include <stdlib.h>

/* ---- reading, in Kubo's words */

/* Kubo's libraries say no more of a text in no base. */
static bool parse(struct cid *cid, struct slice text, struct error *err)
{
    struct error cause = {0};

    if (cid_parse(cid, text, &cause))
        return true;
    if (text.size < 2)
        return error_set(err, ERROR_UNSUPPORTED, "invalid cid: cid too short");
    if (multibase_name(text.data[0]) == NULL)
        return error_set(err, ERROR_UNSUPPORTED, "invalid cid: selected encoding not supported");
    return error_set(err, ERROR_UNSUPPORTED, "invalid cid: %s", cause.text);
}

/* ---- format */

struct wish {
    char *format;
    char base;      /* '\0': as it is typed */
    int version;    /* -1: as it is */
    bool has_codec; /* another than it has */
    uint64_t codec;
};

static bool read_version(struct slice text, int *version, struct error *err)
{
    *version = slice_is(text, "0") ? 0 : slice_is(text, "1") ? 1 : -1;
    return text.size == 0 || *version >= 0 ||
           error_set(err, ERROR_UNSUPPORTED, "invalid cid version: \"%.*s\"", SLICE_ARGS(text));
}

static bool check_format(const char *format, struct error *err)
{
    const char *last = NULL;

    for (const char *p = strchr(format, '%'); p != NULL; p = strchr(p + 2, '%')) {
        last = p;
        if (p[1] == '\0')
            return error_set(err, ERROR_UNSUPPORTED, "premature end of format string");
        if (strchr("%bBvVcChHLmMdDsSP", p[1]) == NULL)
            return error_set(err, ERROR_UNSUPPORTED,
                             "unrecognized specifier in format string: %%%c", p[1]);
    }
    return last != NULL ||
           error_set(err, ERROR_UNSUPPORTED, "invalid format string: \"%s\"", format);
}

/* Frees nothing when it fails: format is freed by the caller. */
static bool read_wish(const struct call *call, struct wish *wish, struct error *err)
{
    struct slice format = call_option_text(call, OPT_F), base = call_option_text(call, OPT_B),
                 codec = call_option_text(call, OPT_MC);

    *wish = (struct wish){.has_codec = codec.size > 0};
    wish->format = format.size > 0 ? memory_copy(format.data, format.size) : memory_copy("%s", 2);
    if (!check_format(wish->format, err) ||
        !read_version(call_option_text(call, OPT_V), &wish->version, err))
        return false;
    if (wish->has_codec && !multicodec_find_codec(codec, &wish->codec))
        return error_set(err, ERROR_UNSUPPORTED, "unknown multicodec: \"%.*s\"", SLICE_ARGS(codec));
    return base.size == 0 || reply_find_base(base, &wish->base, err);
}

/* *base: what it is written in. */
static bool convert(struct cid *cid, const struct wish *wish, struct slice typed, char *base,
                    struct error *err)
{
    struct cid old = *cid;
    int version = wish->version;

    if (wish->has_codec)
        cid_make(cid, wish->codec == CODEC_DAG_PB && old.version == 0 ? 0 : 1, wish->codec,
                 old.hash, cid_digest(&old), old.digest_size);
    old = *cid;
    if (version < 0 && wish->base != '\0' && wish->base != CID_BASE_58BTC)
        version = 1; /* a v0 has no other base */
    if (version == 1)
        *cid = cid_to_v1(&old);
    else if (version == 0 && old.version != 0 && !cid_has_v0(&old))
        return error_set(err, ERROR_UNSUPPORTED, "can't convert non-dag-pb nodes to cidv0");
    else if (version == 0 && old.version != 0)
        cid_make(cid, 0, old.codec, old.hash, cid_digest(&old), old.digest_size);
    *base = wish->base != '\0'          ? wish->base
            : slice_starts(typed, "Qm") ? CID_BASE_58BTC
            : cid->version == 0         ? CID_BASE_58BTC
                                        : typed.data[0];
    return true;
}

static void put_line(struct text *out, struct slice typed, struct slice formatted,
                     const struct error *err)
{
    text_put_text(out, "{\"CidStr\":");
    reply_put_string(out, typed);
    text_put_text(out, ",\"Formatted\":");
    reply_put_string(out, formatted);
    text_put_text(out, ",\"ErrorMsg\":");
    reply_put_string(out, slice_of(err->text));
    text_put_text(out, "}\n");
}

static void put_formatted(struct text *out, const struct wish *wish, struct slice typed)
{
    struct text formatted = {0};
    struct error fault = {0};
    struct cid cid;
    char base = CID_BASE_32;

    if (parse(&cid, typed, &fault) && convert(&cid, wish, typed, &base, &fault))
        cid_format(&cid, base, wish->format, &formatted);
    put_line(out, typed, text_slice(&formatted), &fault);
    text_dispose(&formatted);
}

static void put_all(struct task *task, const struct wish *wish)
{
    for (size_t i = 0; i < task->call->argument_count; i++)
        put_formatted(&task->out, wish, task->call->arguments[i].text);
}

static enum task_step run_format(struct task *task, struct error *err)
{
    struct wish wish;
    bool is_fine = read_wish(task->call, &wish, err);

    if (is_fine)
        put_all(task, &wish);
    free(wish.format);
    return is_fine ? TASK_DONE : TASK_FAILED;
}

const struct task_command command_cid_format = {
    .id = COMMAND_CID_FORMAT, .run = run_format, .is_lines = true};

static enum task_step run_base32(struct task *task, struct error *err)
{
    char format[] = "%s";
    struct wish wish = {.format = format, .base = CID_BASE_32, .version = 1};

    put_all(task, &wish);
    return TASK_DONE;
}

const struct task_command command_cid_base32 = {
    .id = COMMAND_CID_BASE32, .run = run_base32, .is_lines = true};

/* ---- inspect */

static void put_named(struct text *out, const char *field, uint64_t code, const char *name)
{
    text_put_format(out, ",\"%s\":{\"code\":%llu,\"name\":", field, (unsigned long long)code);
    reply_put_string(out, slice_of(name));
}

static void put_inspected(struct text *out, const struct cid *cid, char base)
{
    char codec[MULTICODEC_NAME_SIZE] = "unknown", hash[MULTICODEC_NAME_SIZE] = "unknown";
    struct cid v1 = cid_to_v1(cid), v0;

    (void)multicodec_codec_name(cid->codec, codec);
    (void)multicodec_hash_name(cid->hash, hash);
    text_put_format(out, ",\"version\":%d,\"multibase\":{\"prefix\":\"%c\",\"name\":\"%s\"}",
                    cid->version, base, multibase_name(base));
    put_named(out, "multicodec", cid->codec, codec);
    text_put_char(out, '}');
    put_named(out, "multihash", cid->hash, hash);
    text_put_format(out, ",\"length\":%u,\"digest\":\"", cid->digest_size);
    multibase_encode_bare(CID_BASE_16, cid_digest(cid), cid->digest_size, out);
    text_put_text(out, "\"}");
    if (cid_has_v0(cid)) {
        v0 = cid_to_v0(cid);
        text_put_text(out, ",\"cidV0\":\"");
        cid_print(&v0, CID_BASE_DEFAULT, out);
        text_put_char(out, '"');
    }
    text_put_text(out, ",\"cidV1\":\"");
    cid_print(&v1, CID_BASE_DEFAULT, out);
    text_put_char(out, '"');
}

static enum task_step run_inspect(struct task *task, struct error *err)
{
    struct slice typed = task->call->arguments[0].text;
    struct text *out = &task->out, message = {0};
    struct error fault = {0};
    struct cid cid;

    text_put_text(out, "{\"cid\":");
    reply_put_string(out, typed);
    if (parse(&cid, typed, &fault)) {
        put_inspected(out, &cid, cid.version == 0 ? CID_BASE_58BTC : typed.data[0]);
    } else {
        text_put_format(&message, "invalid CID: %s", fault.text);
        text_put_text(out, ",\"version\":0,\"multibase\":{\"prefix\":\"\",\"name\":\"\"},"
                           "\"multicodec\":{\"code\":0,\"name\":\"\"},\"multihash\":{\"code\":0,"
                           "\"name\":\"\",\"length\":0,\"digest\":\"\"},\"cidV1\":\"\","
                           "\"errorMsg\":");
        reply_put_string(out, text_slice(&message));
        text_dispose(&message);
    }
    text_put_text(out, "}\n");
    return TASK_DONE;
}

const struct task_command command_cid_inspect = {.id = COMMAND_CID_INSPECT, .run = run_inspect};

/* ---- the tables. Kubo's have no order either */

enum { CODES_MAX = 1 << 21 }; /* the table has none beyond that could be read from a CID in use */

static void put_row(struct text *out, uint64_t code, const char *name)
{
    text_put_format(out, "%s{\"Code\":%llu,\"Name\":\"%s\"}", out->size > 1 ? "," : "",
                    (unsigned long long)code, name);
}

static bool is_decoded_by_kubo(uint64_t code)
{
    static const uint64_t codecs[] = {CODEC_CBOR,     CODEC_RAW,        CODEC_DAG_PB,
                                      CODEC_DAG_CBOR, CODEC_LIBP2P_KEY, CODEC_GIT_RAW,
                                      CODEC_DAG_JOSE, CODEC_DAG_JSON,   CODEC_JSON};

    for (size_t i = 0; i < ARRAY_SIZE(codecs); i++)
        if (codecs[i] == code)
            return true;
    return false;
}

static enum task_step run_codecs(struct task *task, struct error *err)
{
    bool only_supported = call_option_bool(task->call, OPT_SUPPORTED, false);
    char name[MULTICODEC_NAME_SIZE];

    text_put_char(&task->out, '[');
    for (uint64_t code = 0; code < CODES_MAX; code++)
        if ((!only_supported || is_decoded_by_kubo(code)) && multicodec_codec_name(code, name))
            put_row(&task->out, code, name);
    text_put_text(&task->out, "]\n");
    return TASK_DONE;
}

const struct task_command command_cid_codecs = {.id = COMMAND_CID_CODECS, .run = run_codecs};

static enum task_step run_hashes(struct task *task, struct error *err)
{
    bool only_supported = call_option_bool(task->call, OPT_SUPPORTED, false);
    char name[MULTICODEC_NAME_SIZE];

    text_put_char(&task->out, '[');
    for (uint64_t code = 0; code < CODES_MAX; code++)
        if ((!only_supported || hash_is_supported(code)) && multicodec_hash_name(code, name))
            put_row(&task->out, code, name);
    text_put_text(&task->out, "]\n");
    return TASK_DONE;
}

const struct task_command command_cid_hashes = {.id = COMMAND_CID_HASHES, .run = run_hashes};

static enum task_step run_bases(struct task *task, struct error *err)
{
    text_put_char(&task->out, '[');
    for (int prefix = 1; prefix < 128; prefix++)
        if (multibase_name((char)prefix) != NULL)
            put_row(&task->out, (uint64_t)prefix, multibase_name((char)prefix));
    text_put_text(&task->out, "]\n");
    return TASK_DONE;
}

const struct task_command command_cid_bases = {.id = COMMAND_CID_BASES, .run = run_bases};
const struct task_command command_multibase_list = {.id = COMMAND_MULTIBASE_LIST, .run = run_bases};
