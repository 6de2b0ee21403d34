// SPDX-License-Identifier: Apache-2.0
#include "auth/principal.h"

#include "conf/memory.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/un.h>

/* Header, arrays and bytes lie in one block, in this order, so that alignment holds. */
struct counted {
    struct principal principal;
    atomic_uint references;
};

static size_t sockaddr_size(const struct sockaddr *peer)
{
    if (peer == NULL)
        return 0;
    switch (peer->sa_family) {
    case AF_INET:
        return sizeof(struct sockaddr_in);
    case AF_INET6:
        return sizeof(struct sockaddr_in6);
    default: /* a unix peer's path says nothing about the client */
        return sizeof(sa_family_t);
    }
}

static size_t bytes_of(const struct slice *slices, size_t count)
{
    size_t size = 0;

    for (size_t i = 0; i < count; i++)
        size += slices[i].size;
    return size;
}

static size_t block_size(const struct principal *facts)
{
    size_t size = sizeof(struct counted) + sizeof(struct sockaddr_storage);

    size += (facts->group_count + facts->token_role_count) * sizeof(struct slice);
    size += facts->attribute_count * sizeof(struct principal_attribute);
    size += facts->id.size + facts->token_id.size + facts->certificate_name.size;
    size += facts->pin_group.size + facts->pin_labels.size;
    size += bytes_of(facts->groups, facts->group_count);
    size += bytes_of(facts->token_roles, facts->token_role_count);
    for (size_t i = 0; i < facts->attribute_count; i++)
        size += facts->attributes[i].name.size + facts->attributes[i].value.size;
    return size;
}

static void *take(char **at, size_t size)
{
    void *taken = *at;

    *at += size;
    return taken;
}

static struct slice copy_slice(char **at, struct slice s)
{
    char *bytes = take(at, s.size);

    if (s.size > 0)
        memcpy(bytes, s.data, s.size);
    return (struct slice){bytes, s.size};
}

static void copy_slices(char **at, struct slice *to, const struct slice *from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] = copy_slice(at, from[i]);
}

const struct principal *principal_create(const struct principal *facts)
{
    struct counted *counted = memory_alloc(block_size(facts));
    struct principal *copy = &counted->principal;
    char *at = (char *)(counted + 1);
    struct sockaddr *peer;
    struct principal_attribute *attributes;
    struct slice *groups, *roles;

    *copy = *facts;
    atomic_init(&counted->references, 1);
    peer = take(&at, sizeof(struct sockaddr_storage));
    attributes = take(&at, facts->attribute_count * sizeof(*attributes));
    groups = take(&at, facts->group_count * sizeof(*groups));
    roles = take(&at, facts->token_role_count * sizeof(*roles));

    if (facts->peer != NULL)
        memcpy(peer, facts->peer, sockaddr_size(facts->peer));
    copy->peer = facts->peer == NULL ? NULL : peer;
    for (size_t i = 0; i < facts->attribute_count; i++) {
        attributes[i].name = copy_slice(&at, facts->attributes[i].name);
        attributes[i].value = copy_slice(&at, facts->attributes[i].value);
    }
    copy_slices(&at, groups, facts->groups, facts->group_count);
    copy_slices(&at, roles, facts->token_roles, facts->token_role_count);
    copy->attributes = attributes;
    copy->groups = groups;
    copy->token_roles = facts->token_roles == NULL ? NULL : roles;
    copy->id = copy_slice(&at, facts->id);
    copy->token_id = copy_slice(&at, facts->token_id);
    copy->pin_group = copy_slice(&at, facts->pin_group);
    copy->pin_labels = copy_slice(&at, facts->pin_labels);
    copy->certificate_name = copy_slice(&at, facts->certificate_name);
    return copy;
}

static struct counted *counted_of(const struct principal *principal)
{
    return CONTAINER_OF(principal, struct counted, principal);
}

const struct principal *principal_ref(const struct principal *principal)
{
    unsigned before =
        atomic_fetch_add_explicit(&counted_of(principal)->references, 1, memory_order_relaxed);

    assert(before > 0);
    return principal;
}

void principal_unref(const struct principal **principal_ptr)
{
    const struct principal *principal = *principal_ptr;

    if (principal == NULL)
        return;
    *principal_ptr = NULL;
    if (atomic_fetch_sub_explicit(&counted_of(principal)->references, 1, memory_order_acq_rel) == 1)
        free(counted_of(principal));
}

static const char *const kind_names[] = {
    [PRINCIPAL_ANONYMOUS] = "anonymous",
    [PRINCIPAL_MEMBER] = "member",
    [PRINCIPAL_PARTNER] = "partner",
    [PRINCIPAL_OPERATOR] = "operator",
};

const char *principal_kind_name(enum principal_kind kind)
{
    assert((size_t)kind < ARRAY_SIZE(kind_names));
    return kind_names[kind];
}

bool principal_kind_parse(enum principal_kind *kind, struct slice name)
{
    for (size_t i = 0; i < ARRAY_SIZE(kind_names); i++)
        if (slice_is(name, kind_names[i])) {
            *kind = (enum principal_kind)i;
            return true;
        }
    return false;
}

bool principal_has_group(const struct principal *principal, struct slice group)
{
    for (size_t i = 0; i < principal->group_count; i++)
        if (slice_equal(principal->groups[i], group))
            return true;
    return false;
}

struct slice principal_attribute(const struct principal *principal, struct slice name)
{
    for (size_t i = 0; i < principal->attribute_count; i++)
        if (slice_equal(principal->attributes[i].name, name))
            return principal->attributes[i].value;
    return (struct slice){0};
}

void principal_put(struct text *out, const struct principal *principal)
{
    text_put_text(out, principal_kind_name(principal->kind));
    if (principal->id.size == 0)
        return;
    text_put_char(out, ':');
    text_put_slice(out, principal->id);
}
