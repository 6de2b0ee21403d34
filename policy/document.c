// SPDX-License-Identifier: Apache-2.0
/* Files become one document. */
#include "policy/reader.h"

#include "conf/config_check.h"
#include "conf/memory.h"
#include "ipfs/call_show.h"

#include <stdlib.h>

enum section_id {
    SECTION_VARS,
    SECTION_GROUPS,
    SECTION_MEMBERS,
    SECTION_ROLES,
    SECTION_BIND,
    SECTION_RULES,
    SECTION_QUOTAS,
    SECTION_PLACEMENT,
    SECTION_GRANTS,
    SECTION_TESTS,
    SECTION_COUNT
};

/* In the order in which they need each other. */
static const struct {
    const char *name;
    enum yaml_kind kind;
    void (*read)(struct reader *, const struct section *);
} sections[SECTION_COUNT] = {
    [SECTION_VARS] = {"vars", YAML_MAPPING, document_read_vars},
    [SECTION_GROUPS] = {"groups", YAML_MAPPING, document_read_groups},
    [SECTION_MEMBERS] = {"members", YAML_MAPPING, document_read_members},
    [SECTION_ROLES] = {"roles", YAML_MAPPING, document_read_roles},
    [SECTION_BIND] = {"bind", YAML_LIST, document_read_binds},
    [SECTION_RULES] = {"rules", YAML_LIST, document_read_rules},
    [SECTION_QUOTAS] = {"quotas", YAML_LIST, document_read_quotas},
    [SECTION_PLACEMENT] = {"placement", YAML_MAPPING, document_read_placement},
    [SECTION_GRANTS] = {"grants", YAML_LIST, document_read_grants},
    [SECTION_TESTS] = {"tests", YAML_LIST, document_read_tests},
};

struct assembly {
    struct reader *reader;
    struct section sections[SECTION_COUNT];
    const struct yaml_node *org, *mode;
};

static void refuse_key(struct assembly *assembly, const struct yaml_node *key)
{
    static const char *const others[] = {"version", "org", "mode"};
    struct suggestion near;

    suggestion_init(&near, key->text);
    for (size_t i = 0; i < SECTION_COUNT; i++)
        suggestion_offer(&near, sections[i].name);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        suggestion_offer(&near, others[i]);
    if (near.best.size > 0)
        reader_fault(assembly->reader, key, "there is no section '%s'; did you mean '%.*s'?",
                     call_show(key->text).text, SLICE_ARGS(near.best));
    else
        reader_fault(assembly->reader, key,
                     "there is no section '%s'; there are version, org, mode, vars, members, "
                     "groups, roles, bind, rules, quotas, placement, grants and tests",
                     call_show(key->text).text);
}

static void add_section(struct assembly *assembly, enum section_id id, const struct yaml_node *node)
{
    struct section *section = &assembly->sections[id];

    if (!reader_kind(assembly->reader, node, sections[id].kind))
        return;
    section->nodes[section->count++] = node;
    section->items += node->count;
}

/* A scalar that only one file may have. */
static void take_once(struct assembly *assembly, const struct yaml_node **taken,
                      const struct yaml_pair *pair)
{
    if (*taken != NULL)
        reader_fault(assembly->reader, pair->key, "'%s' stands in %s:%u already",
                     pair->key->text.data, yaml_name((*taken)->yaml), (*taken)->line);
    else
        *taken = pair->value;
}

static void check_version(struct assembly *assembly, const struct yaml_node *node)
{
    struct error err = {0};
    uint64_t version = 0;

    if (!yaml_read_integer(node, &version, &err))
        reader_adopt(assembly->reader, &err);
    else if (version != 1)
        reader_fault(assembly->reader, node, "version %.*s is not known; this is version 1",
                     SLICE_ARGS(node->text));
}

static void add_pair(struct assembly *assembly, const struct yaml_pair *pair)
{
    struct slice key = pair->key->text;

    for (int id = 0; id < SECTION_COUNT; id++)
        if (slice_is(key, sections[id].name)) {
            add_section(assembly, (enum section_id)id, pair->value);
            return;
        }
    if (slice_is(key, "version"))
        check_version(assembly, pair->value);
    else if (slice_is(key, "org"))
        take_once(assembly, &assembly->org, pair);
    else if (slice_is(key, "mode"))
        take_once(assembly, &assembly->mode, pair);
    else
        refuse_key(assembly, pair->key);
}

static void add_file(struct assembly *assembly, const struct yaml *yaml)
{
    const struct yaml_node *root = yaml_root(yaml);

    if (!reader_kind(assembly->reader, root, YAML_MAPPING))
        return;
    if (yaml_get(root, "version") == NULL)
        reader_fault(assembly->reader, root, "'version: 1' is missing in this file");
    for (size_t i = 0; i < root->count; i++)
        add_pair(assembly, &root->pairs[i]);
}

static void read_org(struct assembly *assembly)
{
    struct reader *reader = assembly->reader;
    struct document *document = reader->document;
    struct error err = {0};

    if (assembly->org == NULL) {
        if (document->file_count > 0)
            reader_fault(reader, yaml_root(document->files[0]),
                         "'org' is missing: the DNS name of the organization");
    } else if (reader_text(reader, assembly->org, &document->org) &&
               !config_check_org(document->org.data, &err)) {
        reader_adopt_at(reader, assembly->org, &err);
    }
}

static void read_mode(struct assembly *assembly)
{
    struct document *document = assembly->reader->document;
    struct slice mode = {0};

    document->mode_node = assembly->mode;
    if (assembly->mode == NULL || !reader_text(assembly->reader, assembly->mode, &mode))
        return;
    document->is_report = slice_is(mode, "report");
    if (!document->is_report && !slice_is(mode, "enforce"))
        reader_fault(assembly->reader, assembly->mode, "mode is enforce or report, not '%s'",
                     call_show(mode).text);
}

static int compare_sources(const void *a_, const void *b_)
{
    const struct policy_source *const *a = a_, *const *b = b_;

    return strcmp((*a)->name, (*b)->name);
}

/* The files in the order of their names. */
static void load_files(struct reader *reader, const struct policy_source *sources, size_t count)
{
    struct document *document = reader->document;
    const struct policy_source **sorted =
        memory_alloc((count + 1) * sizeof(struct policy_source *));

    for (size_t i = 0; i < count; i++)
        sorted[i] = &sources[i];
    qsort(sorted, count, sizeof(struct policy_source *), compare_sources);
    document->files = memory_alloc((count + 1) * sizeof(struct yaml *));
    for (size_t i = 0; i < count; i++) {
        struct error err = {0};
        struct yaml *yaml;

        if (yaml_load(&yaml, sorted[i]->name, sorted[i]->bytes, &err))
            document->files[document->file_count++] = yaml;
        else
            reader_adopt_named(reader, sorted[i]->name, &err);
    }
    free(sorted);
}

bool document_read(struct document *document, const struct policy_source *sources, size_t count,
                   struct findings *findings)
{
    struct reader reader = {document, findings};
    struct assembly *assembly = memory_alloc(sizeof(*assembly));

    *document = (struct document){0};
    assembly->reader = &reader;
    if (count == 0 || count > POLICY_FILES_MAX)
        findings_add(findings, FINDING_ERROR, "policy", 0, 0,
                     count == 0 ? "there is no file" : "there are more than %d files",
                     POLICY_FILES_MAX);
    else
        load_files(&reader, sources, count);
    for (size_t i = 0; i < document->file_count; i++)
        add_file(assembly, document->files[i]);
    read_org(assembly);
    read_mode(assembly);
    for (size_t i = 0; i < SECTION_COUNT; i++)
        sections[i].read(&reader, &assembly->sections[i]);
    free(assembly);
    return findings->counts[FINDING_ERROR] == 0;
}

void document_dispose(struct document *document)
{
    for (size_t i = 0; i < document->file_count; i++)
        yaml_destroy(&document->files[i]);
    free(document->files);
    names_dispose(&document->var_names);
    names_dispose(&document->attributes.names);
    names_dispose(&document->group_names);
    names_dispose(&document->member_names);
    names_dispose(&document->role_names);
    names_dispose(&document->rule_names);
    names_dispose(&document->quota_names);
    names_dispose(&document->grant_names);
    names_dispose(&document->label_names);
    names_dispose(&document->site_attributes.names);
    names_dispose(&document->site_names);
    names_dispose(&document->placement_names);
    arena_dispose(&document->arena);
    *document = (struct document){0};
}
