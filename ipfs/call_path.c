// SPDX-License-Identifier: Apache-2.0
/* Paths and CIDs in the spellings that Kubo takes. Kubo cleans every path with Go's path.Clean
 * before it reads it, so that `..` could turn one root into another: `..` is refused here, and what
 * is left of the cleaning is dropping empty and `.` segments. */
#include "ipfs/call.h"
#include "ipfs/call_show.h"

#include <assert.h>
#include <strings.h>

static const struct {
    struct slice name;
    enum call_path_kind kind;
} namespaces[] = {
    {{"ipfs", 4}, CALL_PATH_IPFS},
    {{"ipns", 4}, CALL_PATH_IPNS},
    {{"ipld", 4}, CALL_PATH_IPLD},
};

static enum call_path_kind namespace_of(struct slice segment)
{
    for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++)
        if (slice_equal(segment, namespaces[i].name))
            return namespaces[i].kind;
    return CALL_PATH_NONE;
}

/* Takes "ipfs:" or "ipfs://" off, in any case. */
static enum call_path_kind take_scheme(struct slice *text)
{
    struct slice scheme = {text->data, 4};

    if (text->size < 5 || text->data[4] != ':')
        return CALL_PATH_NONE;
    for (size_t i = 0; i < ARRAY_SIZE(namespaces); i++)
        if (slice_equal_caseless(scheme, namespaces[i].name)) {
            *text = (struct slice){text->data + 5, text->size - 5};
            if (slice_starts(*text, "//"))
                *text = (struct slice){text->data + 2, text->size - 2};
            return namespaces[i].kind;
        }
    return CALL_PATH_NONE;
}

/* Takes the next segment that counts; size 0: there is none. */
static struct slice take_segment(struct slice *rest)
{
    while (rest->size > 0) {
        const char *slash = memchr(rest->data, '/', rest->size);
        size_t size = slash == NULL ? rest->size : (size_t)(slash - rest->data);
        size_t used = slash == NULL ? size : size + 1;
        struct slice segment = {rest->data, size};

        *rest = (struct slice){rest->data + used, rest->size - used};
        if (size > 0 && !slice_is(segment, "."))
            return segment;
    }
    return (struct slice){NULL, 0};
}

static bool has_parent_segment(struct slice rest)
{
    struct slice segment;

    while ((segment = take_segment(&rest)).size > 0)
        if (slice_is(segment, ".."))
            return true;
    return false;
}

/* "/a/b" out of "a//./b/", put into room. */
static struct slice clean(struct slice rest, char *room)
{
    struct slice result = {room, 0};
    struct slice segment;

    while ((segment = take_segment(&rest)).size > 0) {
        room[result.size] = '/';
        memcpy(room + result.size + 1, segment.data, segment.size);
        result.size += segment.size + 1;
    }
    return result;
}

static bool refuse(struct error *err, struct slice text, const char *why)
{
    return error_set(err, ERROR_UNSUPPORTED, "invalid path \"%s\": %s", call_show(text).text, why);
}

/* The root behind a namespace. */
static bool parse_root(struct call_path *path, struct slice root, struct slice text,
                       struct error *err)
{
    struct error why = {0};

    if (root.size == 0)
        return refuse(err, text, "path does not have enough components");
    if (path->kind == CALL_PATH_IPNS) {
        path->name = root;
        return true;
    }
    if (cid_parse(&path->cid, root, &why))
        return true;
    return error_set(err, ERROR_UNSUPPORTED, "invalid path \"%s\": invalid cid: %s",
                     call_show(text).text, why.text);
}

/* A CID without a namespace. Kubo puts /ipfs/ before it, whether or not a slash is there. */
static bool parse_bare(struct call_path *path, struct slice root, bool is_namespace,
                       struct slice text, struct error *err)
{
    path->kind = CALL_PATH_IPFS;
    if (root.size > 0 && cid_parse(&path->cid, root, NULL))
        return true;
    if (is_namespace)
        return error_set(err, ERROR_UNSUPPORTED, "invalid path \"%s\": unknown namespace: \"%s\"",
                         call_show(text).text, call_show(root).text);
    return refuse(err, text, "path does not have enough components");
}

/* CID, /ipfs/CID/.., /CID/.., ipfs:CID/.. and the like. */
static bool parse_content(struct call_path *path, struct slice text, char *room, struct error *err)
{
    struct slice rest = text;
    bool absolute = text.size > 0 && text.data[0] == '/';
    bool read;
    struct slice root;

    path->kind = take_scheme(&rest);
    if (has_parent_segment(rest))
        return refuse(err, text, "'..' is not allowed in a path");
    root = take_segment(&rest);
    if (path->kind == CALL_PATH_NONE && absolute) {
        path->kind = namespace_of(root);
        if (path->kind != CALL_PATH_NONE)
            root = take_segment(&rest);
    }
    read = path->kind != CALL_PATH_NONE
               ? parse_root(path, root, text, err)
               : parse_bare(path, root, absolute && rest.size > 0, text, err);
    if (read)
        path->subpath = clean(rest, room);
    return read;
}

static bool parse_cid(struct call_path *path, struct slice text, char *room, struct error *err)
{
    if (!parse_content(path, text, room, err))
        return false;
    if (path->kind == CALL_PATH_IPNS)
        return refuse(err, text, "path was expected to be immutable");
    if (path->subpath.size > 0)
        return error_set(err, ERROR_UNSUPPORTED,
                         "\"%s\" points below a root CID, expected a single CID",
                         call_show(text).text);
    return true;
}

/* What name/get and name/put take: a key, perhaps behind "/ipns/", and nothing that needs
 * cleaning, since they do not clean. */
static bool parse_name(struct call_path *path, struct slice text, struct error *err)
{
    struct slice name = text;

    if (slice_starts(text, "/ipns/"))
        name = (struct slice){text.data + 6, text.size - 6};
    if (name.size == 0 || memchr(name.data, '/', name.size) != NULL)
        return error_set(err, ERROR_UNSUPPORTED, "\"%s\" is not an IPNS name",
                         call_show(text).text);
    path->kind = CALL_PATH_IPNS;
    path->name = name;
    return true;
}

/* What name/resolve takes: the same, a domain, and a path below it. */
static bool parse_name_path(struct call_path *path, struct slice text, char *room,
                            struct error *err)
{
    struct slice rest = text;
    enum call_path_kind kind = take_scheme(&rest);
    bool absolute = kind == CALL_PATH_NONE && rest.size > 0 && rest.data[0] == '/';

    if (has_parent_segment(rest))
        return refuse(err, text, "'..' is not allowed in a path");
    if (absolute)
        kind = namespace_of(take_segment(&rest));
    else if (kind == CALL_PATH_NONE)
        kind = CALL_PATH_IPNS;
    path->kind = CALL_PATH_IPNS;
    path->name = take_segment(&rest);
    if (kind != CALL_PATH_IPNS || path->name.size == 0)
        return error_set(err, ERROR_UNSUPPORTED, "\"%s\" is not an IPNS name",
                         call_show(text).text);
    path->subpath = clean(rest, room);
    return true;
}

static bool parse_mfs(struct call_path *path, struct slice text, char *room, struct error *err)
{
    if (text.size == 0)
        return error_set(err, ERROR_UNSUPPORTED, "paths must not be empty");
    if (text.data[0] != '/')
        return error_set(err, ERROR_UNSUPPORTED, "paths must start with a leading slash");
    if (has_parent_segment(text))
        return refuse(err, text, "'..' is not allowed in a path");
    path->kind = CALL_PATH_MFS;
    path->subpath = clean(text, room);
    if (path->subpath.size == 0 || text.data[text.size - 1] == '/')
        room[path->subpath.size++] = '/';
    return true;
}

/* Kubo takes what reads as a content path for one, and everything else for a path in the file
 * tree. Where the CID cannot be read here the two could differ: refused. */
static bool parse_mfs_or_content(struct call_path *path, struct slice text, char *room,
                                 struct error *err)
{
    struct slice rest = text;

    if (take_scheme(&rest) != CALL_PATH_NONE)
        return parse_content(path, text, room, err);
    rest = text;
    if (text.size > 0 && text.data[0] == '/' &&
        namespace_of(take_segment(&rest)) != CALL_PATH_NONE && take_segment(&rest).size > 0)
        return parse_content(path, text, room, err);
    return parse_mfs(path, text, room, err);
}

bool call_path_parse(struct call_path *path, enum argument_kind kind, struct slice text, char *room,
                     struct error *err)
{
    *path = (struct call_path){.kind = CALL_PATH_NONE};
    switch (kind) {
    case ARGUMENT_PATH:
        return parse_content(path, text, room, err);
    case ARGUMENT_CID:
        return parse_cid(path, text, room, err);
    case ARGUMENT_NAME:
        return parse_name(path, text, err);
    case ARGUMENT_NAME_PATH:
        return parse_name_path(path, text, room, err);
    case ARGUMENT_MFS:
        return parse_mfs(path, text, room, err);
    case ARGUMENT_MFS_OR_PATH:
        return parse_mfs_or_content(path, text, room, err);
    default:
        assert(!"a kind that is no path");
        return false;
    }
}
