// SPDX-License-Identifier: Apache-2.0
#include "ipfs/hash.h"
#include "ipfs/multicodec.h"
#include "upstream/embedded/import_body.h"
#include "upstream/embedded/import_commands.h"
#include "upstream/embedded/import_limits.h"
#include "upstream/embedded/import_wait.h"
#include "upstream/embedded/node.h"
#include "upstream/embedded/pins.h"
#include "upstream/embedded/reply.h"

#include <stdlib.h>

struct block_put {
    struct import_body body;
    struct reply_form form;
    bool has_begun, pins;
    bool is_put; /* the block, but its pin and its line are owed */
    int version;
    uint64_t codec, hash;
    size_t digest_size;
    size_t size_max;
    struct import_wait wait; /* the block */
    size_t size;             /* of the one that is put */
    struct cid cid;
};

/* ---- options */

/* A name, or a number as C and Go write them. */
static bool find_codec(struct slice name, uint64_t *codec, struct error *err)
{
    char number[24] = "", known[MULTICODEC_NAME_SIZE];
    char *end = number;

    if (multicodec_find_codec(name, codec))
        return true;
    if (name.size < sizeof(number)) {
        memcpy(number, name.data, name.size);
        *codec = strtoull(number, &end, 0);
    }
    if (end > number && *end == '\0' && multicodec_codec_name(*codec, known))
        return true;
    return error_set(err, ERROR_UNSUPPORTED, "unknown multicodec: \"%.*s\"", SLICE_ARGS(name));
}

static bool read_codec(const struct call *call, struct block_put *put, struct error *err)
{
    struct slice codec = call_option_text(call, OPT_CID_CODEC);
    struct slice format =
        call_option_text(call, OPT_FORMAT); /* of old: what suppresses cid-codec */

    put->version = !slice_is(format, "v0");
    if (format.size > 0 && codec.size > 0 && !slice_is(codec, "raw"))
        return error_set(err, ERROR_UNSUPPORTED,
                         "unable to use \"format\" (deprecated) and a custom \"cid-codec\" at the "
                         "same time");
    if (slice_is(format, "v0") || slice_is(format, "protobuf"))
        format = SLICE("dag-pb");
    else if (slice_is(format, "cbor"))
        format = SLICE("dag-cbor");
    if (format.size > 0)
        codec = format;
    else if (codec.size == 0)
        codec = SLICE("raw");
    return find_codec(codec, &put->codec, err);
}

static bool read_hash(const struct call *call, struct block_put *put, struct error *err)
{
    struct slice name = call_option_text(call, OPT_MHTYPE);
    int64_t size = call_option_number(call, OPT_MHLEN, -1);

    put->hash = HASH_SHA2_256;
    if (name.size > 0 && !hash_find(name, &put->hash))
        return error_set(err, ERROR_UNSUPPORTED, "unrecognized multihash function: %.*s",
                         SLICE_ARGS(name));
    if (put->version == 0 &&
        (put->hash != HASH_SHA2_256 || (size != -1 && size != (int64_t)hash_size(put->hash))))
        return error_set(err, ERROR_UNSUPPORTED, "only sha2-255-32 is allowed with CIDv0");
    put->digest_size = size < 0 ? hash_size(put->hash) : (size_t)size;
    return put->hash == HASH_IDENTITY || import_check_digest(put->hash, put->digest_size, err);
}

static bool begin(struct task *task, struct block_put *put, struct error *err)
{
    put->has_begun = true;
    put->pins = call_option_bool(task->call, OPT_PIN, false);
    put->size_max = import_block_max(task->call);
    return reply_form_of(task->call, &put->form, err) && read_codec(task->call, put, err) &&
           read_hash(task->call, put, err);
}

/* ---- blocks */

static bool take_data(struct block_put *put, struct slice data, struct error *err)
{
    import_wait_put(&put->wait, data);
    return import_check_block_size(import_wait_size(&put->wait), put->size_max, err);
}

static bool make_cid(struct block_put *put, struct slice block, struct error *err)
{
    uint8_t digest[HASH_DIGEST_MAX];

    if (put->hash != HASH_IDENTITY) {
        hash_block(put->hash, block, digest);
        cid_make(&put->cid, put->version, put->codec, put->hash, digest, put->digest_size);
        return true;
    }
    if (!import_check_digest(put->hash, block.size, err))
        return false;
    hash_make_cid(&put->cid, put->version, put->codec, put->hash, block);
    return true;
}

static bool end_block(struct task *task, struct block_put *put, struct error *err)
{
    struct slice block;

    put->is_put = import_wait_whole(&put->wait, &block, err) && make_cid(put, block, err) &&
                  task_put(task, &put->cid, block, err);
    put->size = import_wait_size(&put->wait);
    import_wait_clear(&put->wait);
    return put->is_put;
}

static bool tell_block(struct task *task, struct block_put *put, struct error *err)
{
    if (put->pins && !pins_add(task->node->pins, &put->cid, PIN_RECURSIVE, SLICE(""), err))
        return false;
    text_put_text(&task->out, "{\"Key\":");
    reply_put_cid_string(&task->out, &put->form, &put->cid);
    text_put_format(&task->out, ",\"Size\":%zu}\n", put->size);
    put->is_put = false;
    return true;
}

static enum task_step advance(struct task *task, struct block_put *put, struct error *err)
{
    struct slice data;
    bool ok = true;

    if (put->is_put)
        return tell_block(task, put, err) ? TASK_GO_ON : TASK_FAILED;
    switch (import_body_next_file(&put->body, task, "expected a file", &data, err)) {
    case IMPORT_MORE:
        return TASK_WANTS_INPUT;
    case IMPORT_PART:
        break;
    case IMPORT_DATA:
        ok = take_data(put, data, err);
        break;
    case IMPORT_PART_END:
        if (!end_block(task, put, err))
            return TASK_FAILED;
        return put->pins ? TASK_WANTS_STORED : TASK_GO_ON;
    case IMPORT_END:
        return TASK_DONE;
    case IMPORT_BAD:
        return TASK_FAILED;
    }
    return ok ? TASK_GO_ON : TASK_FAILED;
}

static enum task_step run(struct task *task, struct error *err)
{
    struct block_put *put = task->state;
    enum task_step step;

    if (!put->has_begun && !begin(task, put, err))
        return TASK_FAILED;
    do
        step = advance(task, put, err);
    while (step == TASK_GO_ON && !task_is_due(task));
    if (!import_wait_settle(&put->wait, task->node->scratch, task_is_short_of_memory(task), err))
        return TASK_FAILED;
    task_hold(task, put->wait.memory.capacity);
    return step;
}

static void dispose(struct task *task)
{
    struct block_put *put = task->state;

    import_body_dispose(&put->body);
    import_wait_dispose(&put->wait);
}

const struct task_command command_block_put = {
    .id = COMMAND_BLOCK_PUT,
    .state_size = sizeof(struct block_put),
    .run = run,
    .dispose = dispose,
    .writes = true,
    .is_lines = true,
};
