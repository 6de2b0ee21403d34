// SPDX-License-Identifier: Apache-2.0
/* The commands of Kubo's RPC API: facts about each, from catalogue.def. What a gateway does with
 * them is decided elsewhere, indexed by command id.
 *
 * Complete for Kubo 0.43.1. Constant data: any thread. */
#ifndef IPFS_CATALOGUE_H
#define IPFS_CATALOGUE_H

#include "conf/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One per callable command, in the byte order of their paths: COMMAND_PIN_ADD is "pin/add". */
enum command_id {
#define COMMAND(id, ...) COMMAND_##id,
#include "ipfs/catalogue.def"
    COMMAND_COUNT
};

/* One per option name, whichever commands take it: OPT_PIN_NAME is "pin-name". */
enum command_option_id {
    OPT_NONE,
#define OPTION(id, name) OPT_##id,
#include "ipfs/catalogue.def"
    OPT_IDS
};

enum command_class {
    CLASS_TOOL,
    CLASS_READ,
    CLASS_WRITE,
    CLASS_PIN,
    CLASS_FILES,
    CLASS_KEY,
    CLASS_PUBSUB,
    CLASS_NETWORK,
    CLASS_REPO,
    CLASS_REMOTE_PIN,
    CLASS_ADMIN,
    CLASS_COUNT
};

/* On a node that several members share. */
enum command_danger {
    DANGER_NONE = 0,
    DANGER_NODE = 1,   /* tells about the node */
    DANGER_CHECK = 2,  /* its arguments must be checked for each member */
    DANGER_SHARED = 3, /* touches or shows what is others' */
    DANGER_NEVER = 4,  /* no policy opens it */
};

enum command_flags {
    COMMAND_CHANGES = 1 << 0, /* changes what the node holds or does */
    COMMAND_NETWORK = 1 << 1, /* may wait for the network without limit */
    COMMAND_LONG = 1 << 2,    /* may run long: a stream, or many blocks read */
    COMMAND_ENDLESS = 1 << 3, /* ends only when the client leaves */
    COMMAND_OFFLINE = 1 << 4, /* honours the option `offline` */
    COMMAND_TIMEOUT = 1 << 5, /* one answer after one wait: wants a `timeout` where none is given */
    COMMAND_DEPRECATED = 1 << 6,
    COMMAND_REMOVED = 1 << 7, /* still routed; Kubo only says what replaced it */
    COMMAND_CLAIMS = 1 << 8, /* about pins of an owner: takes this gateway's own options (cw-...) */
};

enum body_kind {
    BODY_NONE,
    BODY_FILE,      /* multipart/form-data, required; files, or one file */
    BODY_ARGUMENTS, /* may carry the last argument, one value a line, in a multipart part */
};

enum reply_kind {
    REPLY_JSON,  /* one JSON value */
    REPLY_LINES, /* JSON values, one a line */
    REPLY_BYTES,
    REPLY_CAR,
    REPLY_TAR, /* or gzip of it, or of the file */
    REPLY_EMPTY,
};

/* What a text means. Those marked with * are read by call_path_parse (ipfs/call.h). */
enum argument_kind {
    ARGUMENT_TEXT,        /* anything */
    ARGUMENT_PATH,        /* * a CID, /ipfs/.., /ipns/.., /ipld/.., ipfs:.., ipns:.., ipld:.. */
    ARGUMENT_CID,         /* * the same, but one CID and nothing below it */
    ARGUMENT_NAME,        /* * an IPNS name, perhaps behind /ipns/ */
    ARGUMENT_NAME_PATH,   /* * the same, or ipns:.., a domain, and what is below it */
    ARGUMENT_MFS,         /* * a path in the node's file tree */
    ARGUMENT_MFS_OR_PATH, /* * either; what reads as a content path is one */
    ARGUMENT_KEY,         /* the name of a key in the node's keystore */
    ARGUMENT_PEER,        /* a peer id, or an address that ends in one */
    ARGUMENT_MULTIADDR,
    ARGUMENT_TOPIC, /* multibase text of the topic's bytes */
};

enum command_option_type {
    OPT_TYPE_BOOL,
    OPT_TYPE_INT32,
    OPT_TYPE_INT64,
    OPT_TYPE_UINT32,
    OPT_TYPE_UINT64,
    OPT_TYPE_TEXT,
    OPT_TYPE_TEXTS,    /* may be repeated */
    OPT_TYPE_DURATION, /* "1m30s" */
};

struct catalogue_argument {
    enum argument_kind kind;
    const char *name; /* as Kubo calls it: "ipfs-path" */
    bool required;
    bool many;
};

struct catalogue_option {
    enum command_option_id id;
    enum command_option_type type;
    enum argument_kind kind; /* of a text */
    bool names_server_files; /* with it, a body can name files of the server */
    const char *alias;       /* or NULL */
};

struct command {
    const char *path; /* "pin/add" */
    enum command_id id;
    enum command_class class;
    enum command_danger danger;
    enum body_kind body;
    enum reply_kind reply;
    enum command_option_id lines_with; /* REPLY_JSON becomes REPLY_LINES when this option is true */
    unsigned flags;                    /* enum command_flags */
    unsigned since; /* 42: the first release that has it is Kubo 0.42; 0: all since 0.39 */
    const struct catalogue_argument *arguments;
    size_t argument_count; /* of kinds, not of values */
    const struct catalogue_option *options;
    size_t option_count; /* without the global ones */
};

/* By id. */
const struct command *catalogue_command(enum command_id id);

/* By path, such as "pin/add": an exact match or NULL. */
const struct command *catalogue_find(struct slice path);

/* The option that this command calls `name` (its own, a global one or one of this gateway's; long
 * name or alias), or NULL. */
const struct catalogue_option *catalogue_option_find(const struct command *command,
                                                     struct slice name);

/* The option of that id, if the command takes it; or NULL. */
const struct catalogue_option *catalogue_option(const struct command *command,
                                                enum command_option_id id);

/* The long name: "pin-name". */
const char *catalogue_option_name(enum command_option_id id);

/* Whether it is this gateway's, and no node's: never sent on. */
bool catalogue_option_is_own(enum command_option_id id);

/* Whether `name` is a global option that must never be passed on nor shown, such as api-auth. */
bool catalogue_option_is_stripped(struct slice name);

/* Why a path that catalogue_find does not know is not callable. */
enum catalogue_absence {
    ABSENT_UNKNOWN,
    ABSENT_GROUP, /* "pin": only a group of commands */
    ABSENT_LOCAL, /* "daemon": Kubo runs it on the machine of the node only */
};
enum catalogue_absence catalogue_absence(struct slice path);

/* "read", "remote-pin": as policy writes it. */
const char *command_class_name(enum command_class class);
/* The class of that name; false: there is none. */
bool command_class_parse(enum command_class *class, struct slice name);

#endif
