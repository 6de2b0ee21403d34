// SPDX-License-Identifier: Apache-2.0
/* Who a request acts for. Made once, when a request's head is read, from its credential and from
 * what the policy says of that member; then immutable.
 *
 * A principal is a plain value whose slices are borrowed: tests and the command line build one on
 * the stack. What a request keeps for its life is a copy on the heap: one block that owns every
 * byte, counted, shared by any threads.
 *
 * Ids, groups and roles match [a-z0-9][a-z0-9._-]{0,62} (conf/id.h). A partner never collides with
 * a member of the same id: kind and id together name a principal. */
#ifndef AUTH_PRINCIPAL_H
#define AUTH_PRINCIPAL_H

#include "conf/text.h"

#include <stdint.h>
#include <sys/socket.h>

enum principal_kind {
    PRINCIPAL_ANONYMOUS = 0, /* no credential: id, groups and attributes are empty */
    PRINCIPAL_MEMBER,
    PRINCIPAL_PARTNER,
    PRINCIPAL_OPERATOR, /* of the operators' socket: root or our own uid */
};

struct principal_attribute {
    struct slice name, value;
};

struct principal {
    enum principal_kind kind;
    struct slice id;
    const struct slice *groups;
    size_t group_count;
    const struct principal_attribute *attributes; /* no name twice */
    size_t attribute_count;

    /* The credential. */
    struct slice token_id;           /* empty: it was no token */
    const struct slice *token_roles; /* NULL: not narrowed. Else only what these roles give, too */
    size_t token_role_count;
    struct slice pin_group;        /* the token pins for this group; empty: for its owner */
    uint64_t pin_expire_ms;        /* what the token pins lasts so long; 0: for ever */
    struct slice pin_labels;       /* NAME=VALUE,...: at least so tight; may be empty */
    uint32_t pin_min_copies;       /* there must be so many of each; 0: not said */
    struct slice certificate_name; /* the SAN that named the principal; empty: no certificate */
    uint64_t expires_ms;           /* the credential's end, ms since 1970; 0: none */
    uint64_t generation;           /* of the directory when it was made: see directory_check */
    bool has_old_secret;           /* its token's secret before the last rotation */

    /* The way here. */
    const struct sockaddr *peer; /* the client, behind trusted proxies too; NULL: not known */
    bool is_encrypted;           /* TLS, at our port or at a trusted proxy's */
};

/* A counted copy that owns everything it points to. */
const struct principal *principal_create(const struct principal *facts);

/* Only of what principal_create returned. unref clears the pointer; NULL is fine. */
const struct principal *principal_ref(const struct principal *principal);
void principal_unref(const struct principal **principal);

/* "member", "partner", "operator", "anonymous". */
const char *principal_kind_name(enum principal_kind kind);
/* False: no such kind. */
bool principal_kind_parse(enum principal_kind *kind, struct slice name);

bool principal_has_group(const struct principal *principal, struct slice group);
/* The value, or {NULL, 0}. */
struct slice principal_attribute(const struct principal *principal, struct slice name);

/* "member:alice", "anonymous": for messages and logs. */
void principal_put(struct text *out, const struct principal *principal);

#endif
