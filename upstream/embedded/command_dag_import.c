// SPDX-License-Identifier: Apache-2.0
/* Each file of the body is a CAR. Blocks are verified and put in lots, so that hashing has its
 * lanes; a lot does not outlive its slice, so that most blocks need not be copied out of the input.
 * Roots are pinned when all files have come: what is damaged or cut off pins nothing. A CAR that
 * ends right behind a section's length is cut off too; Kubo 0.43 takes it for whole. */
#include "conf/memory.h"
#include "ipfs/car.h"
#include "ipfs/cid_set.h"
#include "ipfs/hash.h"
#include "ipfs/links.h"
#include "upstream/embedded/dag_walk.h"
#include "upstream/embedded/import_body.h"
#include "upstream/embedded/import_commands.h"
#include "upstream/embedded/import_limits.h"
#include "upstream/embedded/node.h"
#include "upstream/embedded/pins.h"
#include "upstream/embedded/reply.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#define LOT_COUNT ((size_t)64)
#define LOT_BYTES ((size_t)8 << 20)
#define ROOTS_MAX 10000 /* of all CARs together: as many as the gateway claims */

enum stage { STAGE_BLOCKS, STAGE_PINS, STAGE_STATS };

struct dag_import {
    struct import_body body;
    enum stage stage;
    bool has_begun, pins, has_stats;
    size_t size_max;
    struct car_reader *car; /* of the file that is read; NULL: none */
    bool has_header;        /* of it */
    bool has_last;
    struct cid last; /* the block before the next */
    uint64_t count, bytes;
    struct cid *roots;
    size_t root_count, root_room, root_next;
    struct cid_set known;  /* the roots */
    struct dag_walk *walk; /* below the root that is to be pinned; NULL: not begun */
};

/* Blocks of one slice. */
struct lot {
    struct slice input; /* of the slice */
    size_t count, bytes;
    struct cid cids[LOT_COUNT];
    struct hash_claim claims[LOT_COUNT];
    struct text copies[LOT_COUNT]; /* of those that do not lie in the input */
};

/* ---- blocks */

static void put_name(struct text *out, const struct cid *cid)
{
    cid_print(cid, CID_BASE_DEFAULT, out);
}

/* "import failed after block X: ": where in the CAR it was, as Kubo says it. at: the block itself,
 * or NULL. */
static bool fail_at(const struct dag_import *import, const struct cid *at, struct error *err)
{
    struct text name = {0};

    if (at != NULL || import->has_last) {
        put_name(&name, at != NULL ? at : &import->last);
        error_prefix(err, "import failed %s block \"%s\"", at != NULL ? "at" : "after", name.data);
    } else {
        error_prefix(err, "import failed");
    }
    text_dispose(&name);
    return false;
}

static bool refuse_other(const struct dag_import *import, const struct hash_claim *claim,
                         const uint8_t *digest, struct error *err)
{
    const struct cid *cid = claim->cid;
    struct text expected = {0}, got = {0};
    struct cid actual;

    cid_make(&actual, cid->version, cid->codec, cid->hash, digest, cid->digest_size);
    put_name(&expected, cid);
    put_name(&got, &actual);
    error_set(err, ERROR_MISMATCH, "mismatch in content integrity, expected: %s, got: %s",
              expected.data, got.data);
    text_dispose(&expected);
    text_dispose(&got);
    return fail_at(import, NULL, err);
}

/* The claim does not hold. The reader of a CAR says so with the place; that a digest holds and
 * proves too little is found behind it, where no place is known. */
static bool refuse_claim(const struct dag_import *import, const struct hash_claim *claim,
                         struct error *err)
{
    const struct cid *cid = claim->cid;
    uint8_t digest[HASH_DIGEST_MAX];

    if (cid->hash == HASH_IDENTITY || !hash_is_supported(cid->hash) ||
        cid->digest_size > hash_size(cid->hash)) {
        if (import_check_digest(cid->hash, cid->digest_size, err))
            error_set(err, ERROR_MISMATCH, "mismatch in content integrity");
        return fail_at(import, NULL, err);
    }
    hash_block(cid->hash, claim->block, digest);
    if ((cid->digest_size == 0 || memcmp(digest, cid_digest(cid), cid->digest_size) == 0) &&
        !import_check_digest(cid->hash, cid->digest_size, err))
        return false;
    return refuse_other(import, claim, digest, err);
}

static bool pass_over(void *arg, const struct cid *cid, struct error *err)
{
    (void)arg, (void)cid, (void)err;
    return true;
}

/* Kubo decodes each block, and so takes none that it cannot read. */
static bool check_content(const struct hash_claim *claim, struct error *err)
{
    uint64_t codec = claim->cid->codec;

    if (!links_check(codec, NULL))
        return error_set(err, ERROR_UNSUPPORTED,
                         "could not choose a decoder: no decoder registered for multicodec code "
                         "%llu (0x%llx)",
                         (unsigned long long)codec, (unsigned long long)codec);
    return links_each(codec, claim->block, pass_over, NULL, err);
}

static bool put_block(struct task *task, struct dag_import *import, const struct hash_claim *claim,
                      struct error *err)
{
    if (!claim->holds)
        return refuse_claim(import, claim, err);
    if (!import_check_block_size(claim->block.size, import->size_max, err) ||
        !check_content(claim, err) || !task_put(task, claim->cid, claim->block, err))
        return fail_at(import, claim->cid, err);
    import->count++;
    import->bytes += claim->block.size;
    import->last = *claim->cid;
    import->has_last = true;
    return true;
}

static void drop_lot(struct lot *lot)
{
    for (size_t i = 0; i < lot->count; i++)
        text_dispose(&lot->copies[i]);
    lot->count = lot->bytes = 0;
}

static bool empty_lot(struct task *task, struct dag_import *import, struct lot *lot,
                      struct error *err)
{
    bool ok = true;

    (void)!hash_verify_many(lot->claims, lot->count, NULL); /* each claim says so itself */
    for (size_t i = 0; ok && i < lot->count; i++)
        ok = put_block(task, import, &lot->claims[i], err);
    drop_lot(lot);
    return ok;
}

static bool is_in(struct slice whole, struct slice part)
{
    return part.data >= whole.data && part.data + part.size <= whole.data + whole.size;
}

static bool take_block(struct task *task, struct dag_import *import, struct lot *lot,
                       struct error *err)
{
    const struct car_block *block = car_reader_block(import->car);
    struct hash_claim *claim;

    if (lot->count == LOT_COUNT && !empty_lot(task, import, lot, err))
        return false;
    claim = &lot->claims[lot->count];
    lot->cids[lot->count] = block->cid;
    *claim = (struct hash_claim){.cid = &lot->cids[lot->count], .block = block->data};
    lot->copies[lot->count] = (struct text){0};
    if (!is_in(lot->input, block->data)) {
        text_put_slice(&lot->copies[lot->count], block->data);
        claim->block = text_slice(&lot->copies[lot->count]);
    }
    lot->count++;
    lot->bytes += block->data.size;
    return lot->bytes < LOT_BYTES || empty_lot(task, import, lot, err);
}

/* ---- CARs */

static bool take_root(struct dag_import *import, const struct cid *root, struct error *err)
{
    if (!cid_set_add(&import->known, root))
        return true;
    if (import->root_count == ROOTS_MAX)
        return error_set(err, ERROR_LIMIT, "more than %d roots in one import", ROOTS_MAX);
    if (import->root_count == import->root_room) {
        import->root_room = import->root_room == 0 ? 4 : import->root_room * 2;
        import->roots =
            memory_resize_array(import->roots, import->root_room, sizeof(*import->roots));
    }
    import->roots[import->root_count++] = *root;
    return true;
}

static bool take_roots(struct dag_import *import, struct error *err)
{
    import->has_header = true;
    for (uint32_t i = 0; import->pins && i < car_reader_root_count(import->car); i++) {
        struct cid root = car_reader_root(import->car, i);

        if (!take_root(import, &root, err))
            return false;
    }
    return true;
}

/* The section that was refused is none that Kubo refuses by its length: it would say so of the
 * block, when it has read it. */
static bool is_large_block(const struct dag_import *import)
{
    uint64_t length = car_reader_refused_length(import->car);

    return length > import->size_max && length <= CAR_SECTION_MAX;
}

/* why: what the reader says, with the byte. What Kubo has words for is said in those. */
static bool refuse_car(struct task *task, struct dag_import *import, struct lot *lot,
                       const struct error *why, bool is_cut_off, struct error *err)
{
    if (!empty_lot(task, import, lot, err)) /* what is wrong there came first */
        return false;
    if (is_cut_off)
        error_set(err, ERROR_UNSUPPORTED, "unexpected EOF");
    else if (why->code == ERROR_LIMIT && import->has_header && is_large_block(import))
        (void)!import_check_block_size(import->size_max + 1, import->size_max, err);
    else if (why->code == ERROR_LIMIT && import->has_header)
        error_set(err, ERROR_UNSUPPORTED,
                  "invalid section data, length of read beyond allowable maximum");
    else
        error_set(err, ERROR_UNSUPPORTED, "%s", why->text);
    return import->has_header ? fail_at(import, NULL, err) : false;
}

static bool take_data(struct task *task, struct dag_import *import, struct lot *lot,
                      struct slice data, struct error *err)
{
    struct error why = {0};
    bool ok = true;

    while (ok) {
        switch (car_reader_next(import->car, &data, &why)) {
        case CAR_MORE:
            return true;
        case CAR_HEADER:
            ok = take_roots(import, err);
            break;
        case CAR_BLOCK:
            ok = take_block(task, import, lot, err);
            break;
        case CAR_END:
        case CAR_BAD:
            ok = refuse_car(task, import, lot, &why, false, err);
            break;
        }
    }
    return false;
}

/* The reader holds a section until it is whole: none that is refused afterwards. */
static void begin_car(struct dag_import *import)
{
    const struct car_limits limits = {.section_max = import->size_max + CID_BYTES_MAX,
                                      .is_rootless = true};

    import->car = car_reader_create(&limits);
    import->has_header = import->has_last = false;
}

/* *is_empty: there was no byte. */
static bool end_car(struct task *task, struct dag_import *import, struct lot *lot, bool *is_empty,
                    struct error *err)
{
    struct error why = {0};

    *is_empty = car_reader_offset(import->car) == 0;
    if (!*is_empty && car_reader_finish(import->car, &why) == CAR_BAD)
        return refuse_car(task, import, lot, &why, true, err);
    car_reader_destroy(&import->car);
    return empty_lot(task, import, lot, err);
}

static enum task_step read_body(struct task *task, struct dag_import *import, struct lot *lot,
                                struct error *err)
{
    struct slice data;
    bool ok = true, is_empty = false;

    switch (import_body_next_file(&import->body, task, "expected a file handle", &data, err)) {
    case IMPORT_MORE:
        return TASK_WANTS_INPUT;
    case IMPORT_PART:
        begin_car(import);
        break;
    case IMPORT_DATA:
        ok = take_data(task, import, lot, data, err);
        break;
    case IMPORT_PART_END:
        ok = end_car(task, import, lot, &is_empty, err);
        if (ok && is_empty) /* to Kubo the import ends here, and well */
            return TASK_DONE;
        break;
    case IMPORT_END:
        import->stage = STAGE_PINS;
        return import->root_count > 0 ? TASK_WANTS_STORED : TASK_GO_ON;
    case IMPORT_BAD:
        return TASK_FAILED;
    }
    return ok ? TASK_GO_ON : TASK_FAILED;
}

/* ---- pins */

/* The root itself is looked for in the store, what lies below it offline. */
static bool begin_pin(struct task *task, struct dag_import *import, struct error *failure)
{
    const struct cid *root = &import->roots[import->root_next];
    struct text name = {0};
    struct error why = {0};
    uint32_t size;

    if (!task_size(task, root, &size, &why)) {
        put_name(&name, root);
        if (why.code == ERROR_NOT_FOUND)
            error_set(failure, why.code, "ipld: could not find %s", name.data);
        else
            error_copy(failure, &why);
        text_dispose(&name);
        return false;
    }
    import->walk = dag_walk_create(task->node, NULL, failure);
    if (import->walk == NULL)
        return false;
    dag_walk_skip_leaves(import->walk);
    return dag_walk_add_roots(import->walk, root, 1, failure);
}

/* *is_due: it is not pinned yet, and has not failed. */
static bool pin(struct task *task, struct dag_import *import, bool *is_due, struct error *failure)
{
    *is_due = false;
    if (import->walk == NULL && !begin_pin(task, import, failure))
        return false;
    switch (dag_walk_run(import->walk, task, NULL, NULL, failure)) {
    case DAG_WALK_MORE:
        *is_due = true;
        return true;
    case DAG_WALK_DONE:
        return pins_add(task->node->pins, &import->roots[import->root_next], PIN_RECURSIVE,
                        SLICE(""), failure);
    case DAG_WALK_BAD:
        break;
    }
    return false;
}

static enum task_step pin_roots(struct task *task, struct dag_import *import)
{
    struct error failure = {0};
    bool is_due;

    if (import->root_next == import->root_count) {
        import->stage = STAGE_STATS;
        return TASK_GO_ON;
    }
    (void)!pin(task, import, &is_due, &failure);
    if (is_due)
        return TASK_GO_ON;
    dag_walk_destroy(&import->walk);
    text_put_text(&task->out, "{\"Root\":{\"Cid\":{\"/\":\"");
    put_name(&task->out, &import->roots[import->root_next++]);
    text_put_text(&task->out, "\"},\"PinErrorMsg\":");
    reply_put_string(&task->out, slice_of(failure.text));
    text_put_text(&task->out, "}}\n");
    return TASK_GO_ON;
}

static enum task_step put_stats(struct task *task, const struct dag_import *import)
{
    if (import->has_stats)
        text_put_format(&task->out, "{\"Stats\":{\"BlockCount\":%llu,\"BlockBytesCount\":%llu}}\n",
                        (unsigned long long)import->count, (unsigned long long)import->bytes);
    return TASK_DONE;
}

/* ---- */

static bool begin(struct task *task, struct dag_import *import, struct error *err)
{
    struct cid_set_key key;

    import->has_begun = true;
    import->size_max = import_block_max(task->call);
    import->has_stats = call_option_bool(task->call, OPT_STATS, false);
    import->pins = call_option_bool(task->call, OPT_PIN_ROOTS, true);
    if (call_option_bool(task->call, OPT_LOCAL_ONLY, false)) {
        if (call_has_option(task->call, OPT_PIN_ROOTS) && import->pins)
            return error_set(err, ERROR_UNSUPPORTED,
                             "--local-only implies --pin-roots=false and cannot be combined with "
                             "--pin-roots=true; please drop one of them");
        import->pins = false;
    }
    if (RAND_bytes((unsigned char *)&key, sizeof(key)) != 1)
        return error_set(err, ERROR_IO, "no random numbers");
    cid_set_init(&import->known, &key);
    return true;
}

static enum task_step advance(struct task *task, struct dag_import *import, struct lot *lot,
                              struct error *err)
{
    switch (import->stage) {
    case STAGE_BLOCKS:
        return read_body(task, import, lot, err);
    case STAGE_PINS:
        return pin_roots(task, import);
    case STAGE_STATS:
        return put_stats(task, import);
    }
    return TASK_FAILED;
}

static enum task_step run(struct task *task, struct error *err)
{
    struct dag_import *import = task->state;
    struct lot lot = {.input = task->input};
    enum task_step step;

    if (!import->has_begun && !begin(task, import, err))
        return TASK_FAILED;
    do
        step = advance(task, import, &lot, err);
    while (step == TASK_GO_ON && !task_is_due(task));
    if (step == TASK_FAILED)
        drop_lot(&lot);
    else if (!empty_lot(task, import, &lot, err))
        return TASK_FAILED;
    task_hold(task, (import->car != NULL ? car_reader_memory(import->car) : 0) +
                        import->root_room * sizeof(*import->roots));
    return step;
}

static void dispose(struct task *task)
{
    struct dag_import *import = task->state;

    import_body_dispose(&import->body);
    car_reader_destroy(&import->car);
    dag_walk_destroy(&import->walk);
    cid_set_dispose(&import->known);
    free(import->roots);
}

const struct task_command command_dag_import = {
    .id = COMMAND_DAG_IMPORT,
    .state_size = sizeof(struct dag_import),
    .run = run,
    .dispose = dispose,
    .writes = true,
    .is_lines = true,
};
