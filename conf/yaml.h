// SPDX-License-Identifier: Apache-2.0
/* Strict YAML: what every reader of YAML understands alike, and nothing else.
 *
 * A document becomes an immutable tree whose nodes know where they stand. Refused, with file, line
 * and column: duplicate keys, keys that are no scalars, anchors, aliases, tags, merge keys,
 * directives, a second document, bytes that are not UTF-8, control and direction-changing
 * characters, line ends that editors do not show, more than 64 levels, more than 4 MiB. A scalar
 * has no type of its own: the reader that is asked gives it one, and refuses what another YAML
 * reader would take for something else (`no` for a bool, 0o17 or 1_000 for an integer).
 *
 * The tree belongs to the struct yaml and is freed with it; any number of threads may read it. */
#ifndef CONF_YAML_H
#define CONF_YAML_H

#include "conf/address.h"
#include "conf/error.h"
#include "conf/text.h"

#include <stdint.h>

enum { YAML_DEPTH_MAX = 64, YAML_SIZE_MAX = 4 * 1024 * 1024 };

enum yaml_kind { YAML_TEXT, YAML_LIST, YAML_MAPPING };

struct yaml;
struct yaml_node;

struct yaml_pair {
    const struct yaml_node *key; /* YAML_TEXT */
    const struct yaml_node *value;
};

struct yaml_node {
    enum yaml_kind kind;
    bool is_quoted;        /* or a block scalar: its text is meant as it stands */
    unsigned line, column; /* from 1; columns count characters */
    const struct yaml *yaml;
    struct slice text; /* of a YAML_TEXT; NUL-terminated besides, and without NULs inside */
    size_t count;      /* of items or pairs */
    union {
        const struct yaml_node *const *items; /* of a YAML_LIST */
        const struct yaml_pair *pairs;        /* of a YAML_MAPPING, in the order written */
    };
    const uint32_t *sorted; /* private: places of pairs, by key */
};

/* name stands in messages for the file; it is copied, bytes are not needed afterwards. An empty
 * document is an empty mapping. */
MUST_USE bool yaml_load(struct yaml **yaml, const char *name, struct slice bytes,
                        struct error *err);
/* Reads the file named. BLOCKS. A file that does not exist is ERROR_NOT_FOUND. */
MUST_USE bool yaml_load_file(struct yaml **yaml, const char *path, struct error *err);
void yaml_destroy(struct yaml **yaml);

const struct yaml_node *yaml_root(const struct yaml *yaml);
const char *yaml_name(const struct yaml *yaml);

/* The value of a key, or NULL (also when node is no mapping). Logarithmic. */
const struct yaml_node *yaml_get(const struct yaml_node *node, const char *key);
/* yaml_get along a path of keys: "limits.head_size". */
const struct yaml_node *yaml_get_path(const struct yaml_node *node, const char *path);

/* Sets err to "FILE:LINE:COLUMN: " and the text. Always false. */
bool yaml_error(const struct yaml_node *node, enum error_code code, struct error *err,
                const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Puts "FILE:LINE:COLUMN: " before an error that is set. Always false. */
bool yaml_error_at(const struct yaml_node *node, struct error *err);

/* Typed readers. On failure err says where, what was found, what would be right. */
MUST_USE bool yaml_expect(const struct yaml_node *node, enum yaml_kind kind, struct error *err);
/* Not empty unless quoted, and not a plain null, Null, NULL or ~. Borrowed from the tree. */
MUST_USE bool yaml_read_text(const struct yaml_node *node, struct slice *text, struct error *err);
/* A plain true or false. */
MUST_USE bool yaml_read_bool(const struct yaml_node *node, bool *value, struct error *err);
/* Those below must be plain too: a quoted "5" was meant as text. */
MUST_USE bool yaml_read_integer(const struct yaml_node *node, uint64_t *value, struct error *err);
MUST_USE bool yaml_read_size(const struct yaml_node *node, uint64_t *bytes, struct error *err);
MUST_USE bool yaml_read_duration(const struct yaml_node *node, uint64_t *milliseconds,
                                 struct error *err);
/* May be quoted: "[::1]:5001" has to be. */
MUST_USE bool yaml_read_address(const struct yaml_node *node, struct address *address,
                                struct error *err);

#endif
