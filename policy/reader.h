// SPDX-License-Identifier: Apache-2.0
/* What the readers of the document's sections share. Each says what is wrong and goes on, so that
 * one run finds every mistake. Private to document*.c. */
#ifndef POLICY_READER_H
#define POLICY_READER_H

#include "conf/suggest.h"
#include "conf/yaml.h"
#include "policy/document.h"
#include "policy/expression.h"

struct reader {
    struct document *document;
    struct findings *findings;
};

/* A section in all the files that have it. */
struct section {
    const struct yaml_node *nodes[POLICY_FILES_MAX]; /* of the right kind */
    size_t count;
    size_t items; /* together */
};

/* Adds an error at the node. Always false. */
bool reader_fault(struct reader *reader, const struct yaml_node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void reader_warn(struct reader *reader, const struct yaml_node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Adds an error of a yaml_read function, whose text begins with the node's place. Always false. */
bool reader_adopt(struct reader *reader, const struct error *err);
/* Adds an error about the file of that name. Always false. */
bool reader_adopt_named(struct reader *reader, const char *name, const struct error *err);
/* Adds an error without a place. Always false. */
bool reader_adopt_at(struct reader *reader, const struct yaml_node *node, const struct error *err);

/* A mapping with no keys but those known (NULL-ended). Each other key is an error of its own. */
bool reader_keys(struct reader *reader, const struct yaml_node *node, const char *const *known);
bool reader_kind(struct reader *reader, const struct yaml_node *node, enum yaml_kind kind);
/* The value of a key that has to be there. */
const struct yaml_node *reader_need(struct reader *reader, const struct yaml_node *node,
                                    const char *key);

bool reader_text(struct reader *reader, const struct yaml_node *node, struct slice *text);
/* An id; what names the thing. */
bool reader_id(struct reader *reader, const struct yaml_node *node, const char *what,
               struct slice *id);

/* A scalar is a list of one: how many there are, and each. */
size_t reader_count(const struct yaml_node *node);
const struct yaml_node *reader_item(const struct yaml_node *node, size_t index);
/* False with an error for mappings and empty lists. */
bool reader_is_list(struct reader *reader, const struct yaml_node *node);

/* Finds a name; an error says what is missing and which is near. */
bool reader_find(struct reader *reader, const struct yaml_node *node, const struct names *names,
                 const char *what, struct document_ref *ref);

/* "2027-01-31" or "2027-01-31T12:00:00Z": ms since 1970. */
bool reader_time(struct reader *reader, const struct yaml_node *node, uint64_t *ms);

/* Sorts an array whose elements begin with a name and its node, and fills names with the places.
 * What is there twice is an error; the first one counts. */
void reader_sort(struct reader *reader, void *array, size_t count, size_t size, const char *what,
                 struct names *names);

/* Zeroed, in the document's arena; NULL for none. */
void *reader_alloc(struct reader *reader, size_t count, size_t size);

bool reader_subjects(struct reader *reader, const struct yaml_node *node, bool in_test,
                     struct subjects *subjects);
/* The attributes of a member or site; all values of one have one type. */
void reader_attributes(struct reader *reader, const struct yaml_node *node,
                       struct document_attributes *attributes, const struct document_value **values,
                       size_t *count);
/* A lower-case word: of vars, attributes, labels. */
bool reader_word(struct reader *reader, const struct yaml_node *key, const char *what);
/* A condition of placement; is_value: or a number. */
bool reader_placement_condition(struct reader *reader, const struct yaml_node *node,
                                enum expression_about about, bool is_value,
                                struct document_condition *condition);
/* commands NULL: the condition is for no command in particular. */
bool reader_condition(struct reader *reader, const struct yaml_node *node,
                      const struct command_set *commands, struct document_condition *condition);
/* One pattern or several, united. */
bool reader_commands(struct reader *reader, const struct yaml_node *node, enum pattern_use use,
                     struct command_set *set);

/* The sections, in the order in which they need each other. */
void document_read_vars(struct reader *reader, const struct section *section);
void document_read_groups(struct reader *reader, const struct section *section);
void document_read_members(struct reader *reader, const struct section *section);
void document_read_roles(struct reader *reader, const struct section *section);
void document_read_binds(struct reader *reader, const struct section *section);
void document_read_rules(struct reader *reader, const struct section *section);
void document_read_quotas(struct reader *reader, const struct section *section);
void document_read_grants(struct reader *reader, const struct section *section);
void document_read_placement(struct reader *reader, const struct section *section);
/* Its labels and sites: the part in each file that has one, then what all of them are. */
void document_name_labels(struct reader *reader, const struct yaml_node *node);
void document_finish_labels(struct reader *reader);
void document_read_sites(struct reader *reader, const struct yaml_node *node);
void document_finish_sites(struct reader *reader);
/* spread of one of its rules, behind the sites. */
bool document_read_spread(struct reader *reader, const struct yaml_node *node,
                          struct document_placement *rule);
/* {place: ..., expect: ...} */
bool document_read_place_test(struct reader *reader, const struct yaml_node *node,
                              struct document_test *test);
void document_read_tests(struct reader *reader, const struct section *section);

#endif
