// SPDX-License-Identifier: Apache-2.0
/* One call of Kubo's RPC API: a command with its arguments and options, parsed once.
 *
 * A call is the only thing that policy looks at and the only thing that is printed for the
 * upstream: what was checked is what is sent. Whatever Kubo could read in more than one way
 * (an option twice, an alias beside its long name, a bad %-escape, `;`, an argument in the path,
 * `..`) is refused here and never printed.
 *
 * Source of the rules: Kubo 0.43.1 (go-ipfs-cmds 0.16.1, http/parse.go) and its path package.
 * A call belongs to one thread at a time; everything it hands out is borrowed from it and lives
 * until call_destroy. Pure: no I/O, no clock. */
#ifndef IPFS_CALL_H
#define IPFS_CALL_H

#include "conf/arena.h"
#include "conf/error.h"
#include "conf/text.h"
#include "ipfs/catalogue.h"
#include "ipfs/cid.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CALL_ARGUMENTS_MAX  10000   /* of one call, from the query and the body together */
#define CALL_OPTIONS_MAX    1000    /* of one call, each value of a repeated one counted */
#define CALL_BODY_MAX_BYTES 1048576 /* of a body that carries arguments: 1 MiB */

/* What an argument points at. */
enum call_path_kind {
    CALL_PATH_NONE, /* the argument is no path: a key, a peer, a text */
    CALL_PATH_IPFS, /* cid and subpath */
    CALL_PATH_IPLD, /* cid and subpath; Kubo reads it as it reads /ipfs */
    CALL_PATH_IPNS, /* name and subpath: must be resolved before it is decided on */
    CALL_PATH_MFS,  /* subpath: absolute, cleaned */
};

struct call_path {
    enum call_path_kind kind;
    struct cid cid;    /* IPFS, IPLD */
    struct slice name; /* IPNS: as typed, a key or a domain */
    /* IPFS, IPLD, IPNS: what stands below the root, cleaned: "" or "/a/b", no trailing slash.
     * MFS: "/" or "/a/b"; a trailing slash is kept, since Kubo heeds it. */
    struct slice subpath;
};

struct call_argument {
    struct slice text;  /* decoded, otherwise as typed; what call_set_argument put there */
    struct slice typed; /* decoded, otherwise as typed: for what is said about it */
    enum argument_kind kind;
    bool from_body;
    struct call_path path; /* kind CALL_PATH_NONE unless the argument's kind is a path */
};

/* One value of an option. An option of type OPT_TYPE_TEXTS has one of these for each value. */
struct call_option {
    const struct catalogue_option *fact;
    struct slice text; /* canonical: "true", "-17", "1m30s", or the text as typed */
    int64_t number;    /* bool (0, 1), int32, int64, uint32; uint64 up to INT64_MAX */
};

struct call {
    const struct command *command;
    struct call_argument *arguments; /* in the order in which Kubo takes them */
    size_t argument_count;
    struct call_option *options; /* sorted by name; values of one option in the order given */
    size_t option_count;
    size_t dropped_options; /* known to nobody: not kept. For a counter */
    bool wants_body;        /* call_body_arguments is to follow, see call_parse */
    /* Private. */
    struct arena memory;
    size_t argument_room, option_room;
};

/* Parses an origin-form request target: path, and the query behind the first `?`.
 * has_multipart: the request's Content-Type is multipart/form-data. Commands with BODY_FILE demand
 * it. For a command with BODY_ARGUMENTS it means that more arguments stand in the body:
 * call->wants_body is set, and call_body_arguments must be called before the call is judged.
 *
 * Errors, all of them complete sentences for the member who called:
 *   ERROR_NOT_FOUND    no such command (404)
 *   ERROR_SYNTAX       malformed or ambiguous (400)
 *   ERROR_LIMIT        too many arguments or options (400)
 *   ERROR_UNSUPPORTED  well formed, but an argument is not what the command takes, such as a CID
 *                      that cannot be read; Kubo says the same with 500, code 0
 * On failure *call is NULL. */
MUST_USE bool call_parse(struct call **call, struct slice target, bool has_multipart,
                         struct error *err);

/* The command that such a target calls, whatever its query holds. NULL: none; errors as call_parse.
 */
const struct command *call_command(struct slice target, struct error *err);

/* Frees the call and all that was borrowed from it; NULL is fine. Clears *call. */
void call_destroy(struct call **call);

/* Takes the arguments out of a whole multipart body, as Kubo does: the lines of its first part, LF
 * or CRLF ended. Only when call->wants_body, once; clears it. content_type is the value of the
 * request's header. Refused: further parts, a part that is no file, more than CALL_BODY_MAX_BYTES,
 * and lines with NUL, with a CR before the end, or of bytes that are not UTF-8. After a failure the
 * call may only be destroyed. */
MUST_USE bool call_body_arguments(struct call *call, struct slice body, struct slice content_type,
                                  struct error *err);

/* A call from nothing, for calls of our own. Arguments and options are then added; the result is
 * only printable when it would have been parsed, see call_check. */
struct call *call_create(enum command_id id);

/* Appends one argument; the text is copied. Errors as call_parse. */
MUST_USE bool call_add_argument(struct call *call, struct slice text, struct error *err);

/* Whether there are as many arguments as the command takes. call_parse has done this. */
MUST_USE bool call_check(const struct call *call, struct error *err);

/* --- Options. An option that the command does not take reads as absent. --- */

bool call_has_option(const struct call *call, enum command_option_id id);
bool call_option_bool(const struct call *call, enum command_option_id id, bool otherwise);
int64_t call_option_number(const struct call *call, enum command_option_id id, int64_t otherwise);
/* Canonical text of the first value; {NULL, 0}: absent. */
struct slice call_option_text(const struct call *call, enum command_option_id id);

/* Replaces or adds the one value. The text is copied and must be valid for the option's type: an
 * assertion. The command must take the option: an assertion. */
void call_set_option(struct call *call, enum command_option_id id, struct slice text);
void call_set_option_bool(struct call *call, enum command_option_id id, bool value);
/* Removes all its values; nothing if there are none. */
void call_drop_option(struct call *call, enum command_option_id id);

/* Replaces the text of an argument (a name by the path that it resolved to). Errors as call_parse.
 */
MUST_USE bool call_set_argument(struct call *call, size_t index, struct slice text,
                                struct error *err);

/* --- Facts about the whole call --- */

/* The shape of the reply under these options. */
enum reply_kind call_reply(const struct call *call);

/* The first option that is on and under which the body could name files of the server (`nocopy`,
 * `fscache`), or NULL. Such calls are to be refused. */
const struct call_option *call_server_files(const struct call *call);

/* --- Printing: deterministic, and Kubo reads back exactly this call, this gateway's own options
 * aside, which are not printed --- */

/* Appends "/api/v0/pin/add?arg=..&name=..": the arguments of the query in order, then the options
 * by name. Only unreserved characters and `/` and `:` stand unescaped. */
void call_print_target(const struct call *call, struct text *out);

/* Whether there are arguments that must be sent in a body. */
bool call_has_body_arguments(const struct call *call);

/* Appends the multipart body with these arguments. It goes with the header
 * `Content-Type: multipart/form-data; boundary=CALL_BOUNDARY`. */
void call_print_body_arguments(const struct call *call, struct text *out);
#define CALL_BOUNDARY "causeway-arguments-5b3f9c0a7d214e86"

/* Appends what a log may say: the command, how many arguments, which options; never their values
 * but of flags and numbers. "pin/add arguments=2 name progress=true" */
void call_print_log(const struct call *call, struct text *out);

/* --- Paths --- */

/* Reads a text as Kubo would read it in an argument of this kind (one of the path kinds, else an
 * assertion). `room` has at least text.size + 2 bytes and receives the clean subpath; the result
 * borrows from it and from text. Fails with ERROR_UNSUPPORTED. */
MUST_USE bool call_path_parse(struct call_path *path, enum argument_kind kind, struct slice text,
                              char *room, struct error *err);

#endif
