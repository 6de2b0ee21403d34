// SPDX-License-Identifier: Apache-2.0
/* What placement is asked with on the command line: lines of JSON, one object each. Members that
 * are not known are let go, so that lines of other commands (`causeway pin ls --json`) will do.
 * Pure but for the file's reader; any thread. */
#ifndef FEDERATION_PLACEMENT_INPUT_H
#define FEDERATION_PLACEMENT_INPUT_H

#include "federation/placement.h"
#include "ipfs/cid.h"

#include <jansson.h>

enum { PLACEMENT_LINE_MAX = 65536, PLACEMENT_INPUT_HELD_MAX = 64 };

/* {"site": "beta", "linked": true, "granted": true, "room": 1099511627776, "healthy": true,
 *  "free": 1099511627776, "capacity": 2199023255552, "free_ratio": 0.5, "load": 0.1, "rtt_ms": 35,
 *  "uptime": 0.999, "verified": 1}
 *
 * What is left away was not observed, but for linked and granted (true), room (all) and free_ratio
 * (free of capacity). */
MUST_USE bool placement_read_seen(struct placement_seen *seen, struct slice line,
                                  struct error *err);

/* {"cid": "bafy...", "bytes": 1048576, "owner": "member:alice", "labels": {"class": "secret"},
 *  "sites": ["local", "beta"]}
 *
 * Without an owner, nobody's; labels may only tighten what the policy gives; without sites, where
 * the copies are is not known. Holds what object points to. */
struct placement_input {
    struct placement_object object;
    struct cid cid;
    struct owner owner;
    uint8_t labels[POLICY_LABELS_MAX];
    uint32_t held[PLACEMENT_INPUT_HELD_MAX];
    bool has_held;
    size_t elsewhere; /* copies at sites that the map does not have */
};
/* input must stay where it is as long as its object is used. */
MUST_USE bool placement_read_object(struct placement_input *input, const struct placement_map *map,
                                    struct slice line, struct error *err);

/* The same in two steps, for a line that is read for two maps. NULL: err. */
json_t *placement_parse_line(struct slice line, struct error *err);
MUST_USE bool placement_read_parsed(struct placement_input *input, const struct placement_map *map,
                                    const json_t *json, struct error *err);

/* Reads a file of the first kind; sites is the caller's to free. BLOCKS. */
MUST_USE bool placement_load_seen(struct placement_seen **sites, size_t *count, const char *path,
                                  struct error *err);

#endif
