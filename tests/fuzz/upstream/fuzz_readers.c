// SPDX-License-Identifier: Apache-2.0
/* Files, directories and paths of any blocks. The input is blocks, each with two bytes of its size
 * in front (the lower first); the one at index N has the identity CID of the byte N, of any codec.
 * The first is read as a file, as a directory with all that lies in it, as a node with links, and
 * followed by a path. */
#include "ipfs/hash.h"
#include "upstream/embedded/directory_reader.h"
#include "upstream/embedded/file_reader.h"
#include "upstream/embedded/node_links.h"
#include "upstream/embedded/paths.h"
#include "upstream/embedded/task.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BLOCKS_MAX = 64, STEPS_MAX = 2000 };

static struct slice blocks[BLOCKS_MAX];
static size_t block_count;
static char *copy; /* of the last one, so that a reader that keeps it is seen */

/* In place of the engine's. */
bool task_get(struct task *task, const struct cid *cid, struct slice *block, struct error *err)
{
    size_t index =
        cid->hash == HASH_IDENTITY && cid->digest_size == 1 ? *cid_digest(cid) : SIZE_MAX;

    (void)task;
    if (index >= block_count)
        return error_set(err, ERROR_NOT_FOUND, "block was not found locally");
    free(copy);
    copy = malloc(blocks[index].size + 1);
    memcpy(copy, blocks[index].data, blocks[index].size);
    *block = (struct slice){copy, blocks[index].size};
    return true;
}

/* Always: what has no end ends with the steps here. */
bool task_is_due(const struct task *task)
{
    (void)task;
    return true;
}

static void split(struct slice input)
{
    for (block_count = 0; block_count < BLOCKS_MAX && input.size >= 2; block_count++) {
        const uint8_t *head = (const uint8_t *)input.data;
        size_t size = head[0] | (size_t)head[1] << 8;

        input = (struct slice){input.data + 2, input.size - 2};
        if (size > input.size)
            size = input.size;
        blocks[block_count] = (struct slice){input.data, size};
        input = (struct slice){input.data + size, input.size - size};
    }
}

static void read_file(const struct cid *root, uint64_t offset)
{
    struct file_reader *reader;
    struct slice piece;

    if (!file_reader_open(&reader, NULL, root, offset, UINT64_MAX, NULL))
        return;
    for (int i = 0; i < STEPS_MAX; i++) {
        enum read_step step = file_reader_next(reader, NULL, &piece, NULL);

        if (step == READ_GOT && piece.size == 0)
            abort();
        if (step == READ_END || step == READ_BAD)
            break;
    }
    file_reader_destroy(&reader);
}

/* What is found one after another is found by its name, too, in a well-formed directory; in others
 * looking it up must come to an end. */
static void read_directory(const struct cid *root)
{
    struct directory_reader *reader;
    struct directory_entry entry, found;
    bool is_there, goes_on;

    goes_on = directory_reader_open(&reader, NULL, root, NULL);
    if (!goes_on)
        return;
    for (int i = 0; goes_on && i < STEPS_MAX; i++) {
        enum read_step step = directory_reader_next(reader, NULL, &entry, NULL);

        if (step == READ_GOT) {
            struct text name = {0};

            text_put_slice(&name, entry.name);
            (void)!directory_find(NULL, root, text_slice(&name), &found, &is_there, NULL);
            (void)!directory_reader_enter(reader, NULL, &entry.cid, NULL);
            text_dispose(&name);
        }
        goes_on = step == READ_GOT || step == READ_DUE ||
                  (step == READ_END && directory_reader_leave(reader));
    }
    directory_reader_destroy(&reader);
}

static void read_links(const struct cid *root)
{
    struct link_stack *stack = link_stack_create(node_links_list);
    struct stacked_link link;
    struct slice block = {NULL, 0};
    bool found = true;

    if (task_get(NULL, root, &block, NULL) && link_stack_push(stack, root, block, 0, NULL))
        while (link_stack_peek(stack, NULL, &link, &found, NULL) && found)
            link_stack_advance(stack);
    if (found && link_stack_depth(stack) > 0)
        abort(); /* a list can be read to its end */
    link_stack_destroy(&stack);
}

static void follow(const struct cid *root, enum call_path_kind kind)
{
    struct call_path path = {.kind = kind, .cid = *root, .subpath = SLICE("/a/0/Links/1/Hash/b/c")};
    struct path_end end;

    if (path_resolve(NULL, &path, &end, NULL) && end.rest.size > path.subpath.size)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t codecs[] = {CODEC_DAG_PB, CODEC_RAW, CODEC_DAG_CBOR, CODEC_DAG_JSON};

    split((struct slice){(const char *)data, size});
    for (size_t i = 0; i < ARRAY_SIZE(codecs); i++) {
        struct cid root;

        cid_make(&root, 1, codecs[i], HASH_IDENTITY, "", 1);
        read_file(&root, 0);
        read_file(&root, 3);
        read_directory(&root);
        read_links(&root);
        follow(&root, CALL_PATH_IPFS);
        follow(&root, CALL_PATH_IPLD);
    }
    free(copy);
    copy = NULL;
    return 0;
}
