// SPDX-License-Identifier: Apache-2.0
#include "proxy/certificate_index.h"

#include "auth/certificate.h"
#include "conf/memory.h"

#include <stdlib.h>

struct entry {
    struct slice name;
    const struct policy_member *member;
};

struct certificate_index {
    size_t count;
    struct entry *entries; /* by name */
    struct arena arena;    /* of the names */
};

static int compare_slices(struct slice a, struct slice b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common > 0 ? memcmp(a.data, b.data, common) : 0;

    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_entries(const void *a, const void *b)
{
    return compare_slices(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static bool add(struct certificate_index *index, const struct policy_member *member,
                struct error *err)
{
    struct slice listed = {0}, name;

    for (size_t i = 0; i < member->attribute_count; i++)
        if (slice_is(member->attributes[i].name, "certificate"))
            listed = member->attributes[i].value;
    if (listed.data == NULL)
        return true;
    if (!certificate_name_parse(listed, &index->arena, &name, err))
        return error_prefix(err, "%s:%u: the certificate of member '%.*s'", member->place.file,
                            member->place.line, SLICE_ARGS(member->id));
    index->entries[index->count++] = (struct entry){.name = name, .member = member};
    return true;
}

static bool check_unique(const struct certificate_index *index, struct error *err)
{
    for (size_t i = 1; i < index->count; i++) {
        const struct entry *a = &index->entries[i - 1], *b = &index->entries[i];

        if (slice_equal(a->name, b->name))
            return error_set(err, ERROR_MISMATCH,
                             "%s:%u: members '%.*s' and '%.*s' list the same certificate, %.*s",
                             b->member->place.file, b->member->place.line,
                             SLICE_ARGS(a->member->id), SLICE_ARGS(b->member->id),
                             SLICE_ARGS(a->name));
    }
    return true;
}

bool certificate_index_create(struct certificate_index **result, const struct policy *policy,
                              struct error *err)
{
    struct certificate_index *index = memory_alloc(sizeof(*index));
    size_t count = policy_member_count(policy);
    bool is_fine = true;

    index->entries = memory_resize_array(NULL, count, sizeof(*index->entries));
    for (size_t i = 0; i < count && is_fine; i++)
        is_fine = add(index, policy_member(policy, i), err);
    qsort(index->entries, index->count, sizeof(*index->entries), compare_entries);
    is_fine = is_fine && check_unique(index, err);
    if (is_fine)
        *result = index;
    else
        certificate_index_destroy(&index);
    return is_fine;
}

void certificate_index_destroy(struct certificate_index **index)
{
    if (*index == NULL)
        return;
    arena_dispose(&(*index)->arena);
    free((*index)->entries);
    free(*index);
    *index = NULL;
}

struct slice certificate_index_find(const struct certificate_index *index, struct slice name)
{
    const struct entry key = {.name = name};
    const struct entry *found =
        index->count == 0
            ? NULL
            : bsearch(&key, index->entries, index->count, sizeof(*index->entries), compare_entries);

    return found == NULL ? (struct slice){0} : found->member->id;
}
