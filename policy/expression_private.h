// SPDX-License-Identifier: Apache-2.0
/* The shape of a compiled expression, and what its compiler's files share. Private to
 * expression*.c and satisfy.c. */
#ifndef POLICY_EXPRESSION_PRIVATE_H
#define POLICY_EXPRESSION_PRIVATE_H

#include "conf/address.h"
#include "policy/document.h"
#include "policy/expression.h"
#include "policy/expression_lex.h"

enum type {
    TYPE_BOOL,
    TYPE_INTEGER,
    TYPE_DURATION, /* ns */
    TYPE_TEXT,
    TYPE_PATH,    /* of the node's file tree; compared segment by segment */
    TYPE_ADDRESS, /* of a client */
    TYPE_NETWORK, /* a constant only */
    /* Words out of a fixed set; numbers at run time. */
    TYPE_KIND,
    TYPE_WEEKDAY,
    TYPE_CODEC,
    TYPE_HASH,
    TYPE_LABEL, /* ordered: the place among the values of that label */
    TYPE_RATIO, /* parts of a million */
};

enum op {
    OP_OR,
    OP_AND,
    OP_NOT,
    OP_EQUAL,
    OP_UNEQUAL,
    OP_LESS,
    OP_LESS_EQUAL,
    OP_GREATER,
    OP_GREATER_EQUAL,
    OP_IN,       /* right: a list */
    OP_RANGE_IN, /* left in number..upper of this node */
    OP_UNDER,
    OP_LIKE, /* right: a constant */
    OP_HAS,
    OP_LENGTH,
    OP_CONCAT,
    OP_ADD,
    OP_SUBTRACT,
    OP_MULTIPLY,
    /* From here on: what has a value of its own. */
    OP_CONSTANT,
    OP_ARGUMENT,
    OP_ARGUMENT_PATH,
    OP_ARGUMENTS,
    OP_ARGUMENT_CODEC,
    OP_ARGUMENT_HASH,
    OP_ARGUMENT_VERSION,
    OP_OPTION,
    OP_CONTENT_LENGTH,
    OP_PRINCIPAL_ID,
    OP_PRINCIPAL_KIND,
    OP_PRINCIPAL_GROUPS,
    OP_ATTRIBUTE,
    OP_SOURCE,
    OP_HOUR,
    OP_WEEKDAY,
    /* From here on: of placement. */
    OP_OBJECT_SIZE,
    OP_OBJECT_CODEC,
    OP_LABEL,
    OP_OWNER_ID,
    OP_OWNER_GROUPS,
    OP_SITE_ID,
    OP_SITE_ATTRIBUTE,
    OP_SEEN, /* the last of all */
};

enum { ARGUMENT_EACH = -1 }; /* node->number of OP_ARGUMENT...: `arg` */

struct node {
    enum op op;
    enum type type; /* of a list: of its items */
    bool is_list;
    uint32_t left, right; /* places of the operands, both before this node */
    uint32_t begin, size; /* of the source */
    int64_t number;    /* a constant; the index of an argument; an option's id; an attribute, label,
                          enum policy_seen */
    int64_t upper;     /* of OP_RANGE_IN */
    struct slice text; /* a constant */
    const struct network *networks; /* a constant, or a list of them */
    const struct constant *items;   /* of a constant list of anything else */
    size_t count;                   /* of networks or items */
};

struct expression {
    struct slice text;
    const struct node *nodes;
    uint32_t root;
    unsigned uses;
};

struct parser {
    struct slice text;
    const struct command_set *commands;
    bool is_placement, is_value;
    enum expression_about about; /* of placement */
    struct document *document;
    const struct document_label *label; /* whose values are looked for */
    struct arena *arena;
    struct node *nodes; /* on the heap while it grows */
    size_t count, room;
    size_t cost;
    unsigned uses, depth;
    struct token token; /* the next one */
    size_t position;    /* behind it */
    size_t fault;       /* where the mistake is */
    struct error *err;
};

/* Sets the error at a byte of the text; the first one wins. Always false. */
bool parser_fault(struct parser *parser, size_t at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool parser_advance(struct parser *parser);
/* Appends a node that spans from `begin` to the end of the last token. */
bool parser_push(struct parser *parser, struct node node, size_t begin, uint32_t *place);

/* Takes a token of that kind; what it is for messages. */
bool parser_expect(struct parser *parser, enum token_kind kind, const char *what);

/* Constants; expression_constant.c. One that is no list, or a list of them in brackets; the parser
 * stands at it, and behind it afterwards. */
bool token_starts_constant(enum token_kind kind);
bool parse_constant(struct parser *parser, struct node *node);
bool parse_list(struct parser *parser, uint32_t *place);

/* A reference: opt.x, arg.path, args[0], req.content_length, cid.codec(arg), ...; the parser stands
 * at its first word. */
bool parse_reference(struct parser *parser, uint32_t *place);

/* The same, of placement: object.size, label.class, site.country, ...; expression_placement.c. */
bool parse_placement_reference(struct parser *parser, uint32_t *place);
/* The word behind a dot, where the parser stands. */
bool parser_take_field(struct parser *parser, struct slice *name, size_t *at);

/* left OP right, typed; begin is the start of left. */
bool type_comparison(struct parser *parser, enum token_kind sign, uint32_t left, uint32_t right,
                     size_t begin, uint32_t *place);
/* left in lower..upper. */
bool type_range(struct parser *parser, uint32_t left, uint32_t lower, uint32_t upper, size_t begin,
                uint32_t *place);
/* left + right of texts or numbers, left - right, left * right. */
bool type_arithmetic(struct parser *parser, enum token_kind sign, uint32_t left, uint32_t right,
                     size_t begin, uint32_t *place);
/* A node must be a truth value. */
bool type_expect_truth(struct parser *parser, uint32_t place);

/* A constant must be what a value of a site can be: its id, or a text that is written otherwise in
 * nothing but its case. */
bool type_check_site(struct parser *parser, const struct node *value, const struct node *constant);

/* "a text", "a list of numbers". */
const char *type_name(const struct node *node);

/* --- At run time --- */

/* A value that is there. */
struct value {
    int64_t number;
    struct slice text;
    const struct sockaddr *address;
    const struct constant *constants; /* a list is one of these three */
    const struct slice *texts;
    size_t count;
    enum command_option_id option;
};

enum { SCRATCH_SIZE = 1024 };

struct evaluation {
    const struct expression *expression;
    const struct expression_facts *facts;
    size_t used;                /* of scratch */
    char scratch[SCRATCH_SIZE]; /* texts put together */
};

/* False: it is missing. */
bool value_load(struct evaluation *evaluation, const struct node *node, struct value *value);

/* Of OP_OBJECT_SIZE and all behind it. */
bool value_load_placement(const struct expression_facts *facts, const struct node *node,
                          struct value *value);

enum truth evaluate_node(struct evaluation *evaluation, uint32_t place);

/* Whether more arguments may come than are known. */
bool facts_arguments_are_pending(const struct expression_facts *facts);

/* Paths of the node's file tree: empty segments and "." do not count. Unknown if the base does not
 * begin with a slash, or either has a "..". */
enum truth path_is_under(struct slice path, struct slice base);
enum truth path_is_equal(struct slice a, struct slice b);
/* `*` is any bytes. Linear. */
bool text_is_like(struct slice text, struct slice glob);

extern const char *const weekday_names[7]; /* from sunday, as 1970 began on a thursday */

#endif
