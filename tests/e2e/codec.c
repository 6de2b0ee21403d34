// SPDX-License-Identifier: Apache-2.0
/* The IPFS formats as a program, for comparing them with a real Kubo:
 *
 *     ipfs_codec convert FROM TO       dag-json or dag-cbor each; hex lines in, hex lines or "!
 * why" out ipfs_codec read CODEC            the same: each line's block is read, and "ok" or "!
 * why" said ipfs_codec add OPTION... PATH    the CID of a file, or of a tree as `ipfs add -r` sees
 * it; several paths: one line each ipfs_codec export FILE           a CAR read whole, walked from
 * its root and written anew ipfs_codec stat FILE             "bytes blocks missing" of the DAG in a
 * CAR
 *
 * Options of add: profile=v0|v1|v1-2025 chunk=N links=N directory-links=N fanout=N raw-leaves=0|1
 * inline=N hash=NAME mode=1 mtime=1 car=FILE (the blocks, for one path) */
#include "conf/memory.h"
#include "conf/units.h"
#include "ipfs/car.h"
#include "ipfs/dag_cbor.h"
#include "ipfs/dag_json.h"
#include "ipfs/dag_pb.h"
#include "ipfs/hash.h"
#include "ipfs/links.h"
#include "ipfs/multibase.h"
#include "ipfs/multicodec.h"
#include "ipfs/unixfs_build.h"
#include "ipfs/walk.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct tool {
    struct unixfs_profile profile;
    bool keeps_mode, keeps_mtime;
    FILE *car; /* where blocks go; NULL: nowhere */
};

static _Noreturn void die(const char *what, const struct error *err)
{
    fprintf(stderr, "ipfs_codec: %s: %s\n", what, err != NULL ? err->text : "failed");
    exit(1);
}

static bool convert(const char *from, const char *to, struct slice block, struct text *out,
                    struct error *err)
{
    struct dag_node node = {0};
    bool ok = strcmp(from, "dag-json") == 0 ? dag_json_decode(&node, block, err)
                                            : dag_cbor_decode(&node, block, DAG_CBOR_LAX, err);

    if (ok && strcmp(to, "dag-json") == 0)
        ok = dag_json_encode(&node, out, err);
    else if (ok)
        dag_cbor_encode(&node, out);
    dag_node_dispose(&node);
    return ok;
}

static bool ignore(void *arg, const struct cid *cid, struct error *err)
{
    return true;
}

static void answer_line(char **argv, struct slice block)
{
    struct text out = {0}, hex = {0};
    struct error err = {0};
    uint64_t codec;
    bool ok;

    if (strcmp(argv[1], "convert") == 0) {
        ok = convert(argv[2], argv[3], block, &out, &err);
        multibase_encode_bare('f', out.data, out.size, &hex);
    } else {
        if (!multicodec_find_codec(slice_of(argv[2]), &codec))
            die(argv[2], NULL);
        ok = links_each(codec, block, ignore, NULL, &err);
        text_put_text(&hex, "ok");
    }
    if (ok)
        printf("%s\n", hex.data);
    else
        printf("! %s\n", err.text);
    text_dispose(&out);
    text_dispose(&hex);
}

static int answer_lines(char **argv)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t size;

    while ((size = getline(&line, &capacity, stdin)) > 0) {
        struct slice hex = {line, (size_t)size - (line[size - 1] == '\n')};
        uint8_t *block = memory_alloc(hex.size / 2 + 1);
        struct error err = {0};
        size_t used;

        if (!multibase_decode_bare('f', hex, block, hex.size / 2 + 1, &used, &err))
            die("a line", &err);
        answer_line(argv, (struct slice){(char *)block, used});
        free(block);
    }
    free(line);
    return 0;
}

static bool sink(void *arg, const struct cid *cid, struct slice block, struct error *err)
{
    struct tool *tool = arg;
    struct text head = {0};

    if (tool->car == NULL)
        return true;
    car_put_section(&head, cid, block.size);
    fwrite(head.data, 1, head.size, tool->car);
    fwrite(block.data, 1, block.size, tool->car);
    text_dispose(&head);
    return true;
}

static void add_file(struct tool *tool, const char *path, const struct unixfs_stat *stat,
                     struct unixfs_entry *entry)
{
    struct unixfs_file *file = unixfs_file_create(&tool->profile, sink, tool);
    char buffer[100000]; /* no multiple of any chunk */
    struct error err = {0};
    FILE *input = fopen(path, "rb");
    size_t size;

    if (input == NULL)
        die(path, NULL);
    while ((size = fread(buffer, 1, sizeof(buffer), input)) > 0)
        if (!unixfs_file_write(file, (struct slice){buffer, size}, &err))
            die(path, &err);
    if (!unixfs_file_finish(file, stat, entry, &err))
        die(path, &err);
    fclose(input);
    unixfs_file_destroy(&file);
}

static void add_path(struct tool *tool, const char *path, struct unixfs_entry *entry);

static void add_directory(struct tool *tool, const char *path, const struct unixfs_stat *stat,
                          struct unixfs_entry *entry)
{
    struct unixfs_directory *directory = unixfs_directory_create(&tool->profile);
    DIR *listing = opendir(path);
    struct error err = {0};
    struct dirent *item;

    if (listing == NULL)
        die(path, NULL);
    while ((item = readdir(listing)) != NULL) {
        struct unixfs_entry child;
        struct text below = {0};

        if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0)
            continue;
        text_put_format(&below, "%s/%s", path, item->d_name);
        add_path(tool, below.data, &child);
        if (!unixfs_directory_add(directory, slice_of(item->d_name), &child, &err))
            die(below.data, &err);
        text_dispose(&below);
    }
    closedir(listing);
    if (!unixfs_directory_finish(directory, stat, sink, tool, entry, &err))
        die(path, &err);
    unixfs_directory_destroy(&directory);
}

static void add_symlink(struct tool *tool, const char *path, const struct unixfs_stat *stat,
                        struct unixfs_entry *entry)
{
    char target[4096];
    ssize_t size = readlink(path, target, sizeof(target));
    struct error err = {0};

    if (size < 0 || !unixfs_make_symlink(&tool->profile, (struct slice){target, (size_t)size}, stat,
                                         sink, tool, entry, &err))
        die(path, &err);
}

/* Recursion: as deep as the tree of files. */
static void add_path(struct tool *tool, const char *path, struct unixfs_entry *entry)
{
    struct unixfs_stat stat = {0};
    struct stat status;

    if (lstat(path, &status) != 0)
        die(path, NULL);
    if (tool->keeps_mode)
        stat.mode = status.st_mode & 07777;
    if (tool->keeps_mtime) {
        stat.has_mtime = true;
        stat.mtime_s = status.st_mtim.tv_sec;
        stat.mtime_ns = (uint32_t)status.st_mtim.tv_nsec;
    }
    if (S_ISDIR(status.st_mode))
        add_directory(tool, path, &stat, entry);
    else if (S_ISLNK(status.st_mode))
        add_symlink(tool, path, &stat, entry);
    else
        add_file(tool, path, &stat, entry);
}

static uint64_t number_of(const char *text)
{
    struct error err = {0};
    uint64_t value;

    if (!units_parse_integer(slice_of(text), &value, &err))
        die(text, &err);
    return value;
}

static void set_profile(struct tool *tool, const char *name)
{
    tool->profile = strcmp(name, "v0") == 0   ? unixfs_profile_v0()
                    : strcmp(name, "v1") == 0 ? unixfs_profile_v1()
                                              : unixfs_profile_v1_2025();
}

static bool set_option(struct tool *tool, const char *option)
{
    const char *value = strchr(option, '=');
    struct slice name = {option, value != NULL ? (size_t)(value - option) : 0};

    if (value == NULL || option[0] == '/')
        return false;
    value++;
    if (slice_is(name, "profile"))
        set_profile(tool, value);
    else if (slice_is(name, "chunk"))
        tool->profile.chunk_size = number_of(value);
    else if (slice_is(name, "links"))
        tool->profile.file_links = (uint32_t)number_of(value);
    else if (slice_is(name, "directory-links"))
        tool->profile.directory_links = (uint32_t)number_of(value);
    else if (slice_is(name, "fanout"))
        tool->profile.fanout = (uint32_t)number_of(value);
    else if (slice_is(name, "raw-leaves"))
        tool->profile.raw_leaves = number_of(value) != 0;
    else if (slice_is(name, "inline")) {
        tool->profile.inlines = true;
        tool->profile.inline_limit = (uint32_t)number_of(value);
    } else if (slice_is(name, "hash") && hash_find(slice_of(value), &tool->profile.hash))
        tool->profile.cid_version = 1;
    else if (slice_is(name, "mode"))
        tool->keeps_mode = true;
    else if (slice_is(name, "mtime"))
        tool->keeps_mtime = true;
    else if (slice_is(name, "car"))
        tool->car = fopen(value, "wb");
    else
        die(option, NULL);
    return true;
}

static int add(char **argv)
{
    struct tool tool = {.profile = unixfs_profile_v0()};
    struct error err = {0};

    for (argv += 2; *argv != NULL && set_option(&tool, *argv); argv++)
        ;
    if (!unixfs_profile_check(&tool.profile, &err))
        die("profile", &err);
    for (; *argv != NULL; argv++) {
        struct unixfs_entry entry;
        struct text name = {0};

        add_path(&tool, *argv, &entry);
        cid_print(&entry.cid, CID_BASE_DEFAULT, &name);
        printf("%s %llu\n", name.data, (unsigned long long)entry.tsize);
        text_dispose(&name);
    }
    if (tool.car != NULL)
        fclose(tool.car);
    return 0;
}

/* A CAR in memory, with its blocks sorted by CID. */
struct archive {
    struct block_source source;
    struct text bytes;
    struct cid root;
    struct car_block *blocks;
    size_t count, capacity;
};

static int by_cid(const void *a, const void *b)
{
    const struct cid *x = &((const struct car_block *)a)->cid;
    const struct cid *y = &((const struct car_block *)b)->cid;
    int order = memcmp(x->bytes, y->bytes, x->size < y->size ? x->size : y->size);

    return order != 0 ? order : x->size - y->size;
}

static bool get(struct block_source *source, const struct cid *cid, struct slice *block,
                bool *found, struct error *err)
{
    struct archive *archive = CONTAINER_OF(source, struct archive, source);
    struct car_block key = {.cid = *cid};
    struct car_block *hit =
        archive->count == 0 ? NULL
                            : bsearch(&key, archive->blocks, archive->count, sizeof(key), by_cid);

    *found = hit != NULL;
    if (hit != NULL)
        *block = hit->data;
    return true;
}

static void load(struct archive *archive, const char *path)
{
    struct car_reader *reader = car_reader_create(NULL);
    FILE *file = fopen(path, "rb");
    struct error err = {0};
    struct slice input;
    size_t size;

    if (file == NULL)
        die(path, NULL);
    while ((size = fread(text_reserve(&archive->bytes, 1 << 20), 1, 1 << 20, file)) > 0)
        archive->bytes.size += size;
    fclose(file);
    input = text_slice(&archive->bytes);
    if (car_reader_next(reader, &input, &err) != CAR_HEADER)
        die(path, &err);
    archive->root = car_reader_root(reader, 0);
    while (car_reader_next(reader, &input, &err) == CAR_BLOCK) {
        if (archive->count == archive->capacity) {
            archive->capacity = archive->capacity * 2 + 16;
            archive->blocks =
                memory_resize_array(archive->blocks, archive->capacity, sizeof(*archive->blocks));
        }
        archive->blocks[archive->count++] = *car_reader_block(reader);
    }
    if (car_reader_finish(reader, &err) != CAR_END)
        die(path, &err);
    car_reader_destroy(&reader);
    if (archive->count > 0)
        qsort(archive->blocks, archive->count, sizeof(*archive->blocks), by_cid);
    archive->source.get = get;
}

static bool write_block(void *arg, const struct cid *cid, struct slice block, struct error *err)
{
    struct tool *tool = arg;

    return sink(tool, cid, block, err);
}

static int walk_archive(const char *path, bool exports)
{
    struct tool tool = {.car = exports ? stdout : NULL};
    struct archive archive = {0};
    struct walk_memory *memory = walk_memory_create(&(struct cid_set_key){{1, 2}}, (size_t)1 << 30);
    struct walk *walk = walk_create(NULL, memory);
    struct error err = {0};
    struct text header = {0};

    load(&archive, path);
    car_put_header(&header, &archive.root, 1);
    if (exports)
        fwrite(header.data, 1, header.size, stdout);
    if (!walk_add_roots(walk, &archive.root, 1, &err) ||
        !walk_run(walk, &archive.source, write_block, &tool, &err))
        die(path, &err);
    if (!exports)
        printf("%llu %llu %llu\n", (unsigned long long)walk_stats(walk)->bytes,
               (unsigned long long)walk_stats(walk)->blocks,
               (unsigned long long)walk_stats(walk)->missing);
    text_dispose(&header);
    text_dispose(&archive.bytes);
    free(archive.blocks);
    walk_destroy(&walk);
    walk_memory_destroy(&memory);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "convert") == 0)
        return answer_lines(argv);
    if (argc == 3 && strcmp(argv[1], "read") == 0)
        return answer_lines(argv);
    if (argc > 2 && strcmp(argv[1], "add") == 0)
        return add(argv);
    if (argc == 3 && (strcmp(argv[1], "export") == 0 || strcmp(argv[1], "stat") == 0))
        return walk_archive(argv[2], strcmp(argv[1], "export") == 0);
    fprintf(stderr, "ipfs_codec: see the comment at the top of codec.c\n");
    return 2;
}
