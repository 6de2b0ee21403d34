// SPDX-License-Identifier: Apache-2.0
/* Conditions: what stands behind when, unless and where.
 *
 *   opt.recursive == true and len(args) <= 100
 *   arg.path under '/home/' + principal.id
 *   net.src in [10.0.0.0/8, fd00::/8] or time.hour in 8..18
 *   site.free > 2 * object.size + 1GiB and site.load < 80%
 *
 * Precedence: * > + - > not > comparison > and > or; comparisons do not chain. Every value has a
 * type, known when the condition is compiled: options and arguments have what the catalogue says of
 * each command that the condition stands for, attributes what the members have. No loops, no
 * regular expressions; the cost of one evaluation is bounded and checked. A value may be missing at
 * run time: then the comparison is unknown, `false and unknown` is false, `true or unknown` true,
 * and everything else that depends on it unknown.
 *
 * An expression lies in one arena as a flat array of nodes and is immutable. Pure; any thread. */
#ifndef POLICY_EXPRESSION_H
#define POLICY_EXPRESSION_H

#include "conf/arena.h"
#include "conf/error.h"
#include "ipfs/call.h"
#include "policy/pattern.h"
#include "policy/policy.h"

struct document;
struct document_member;
struct document_site;
struct policy_object;
struct policy_request;
struct policy_seen_values;

enum {
    EXPRESSION_SIZE_MAX = 2000, /* bytes of text */
    EXPRESSION_COST_MAX = 2000, /* nodes, each item of a list counted */
    EXPRESSION_DEPTH_MAX = 32,
};

/* What the outcome depends on. */
enum expression_use {
    USES_ARGUMENT = 1 << 0,  /* `arg`: evaluated once for every argument */
    USES_ARGUMENTS = 1 << 1, /* any argument, or how many there are */
    USES_CID = 1 << 2,       /* the CID that an argument stands for */
    USES_OBJECT = 1 << 3,    /* object.size, label.class, owner.id */
    USES_SITE = 1 << 4,      /* anything of a site */
    USES_SEEN = 1 << 5,      /* what is only observed of it */
};

struct expression;

/* Compiles. commands: those that the condition is for, not empty; NULL: for none in particular, so
 * that options and arguments are not known. Vars and attributes are the document's; vars get marked
 * as used. On failure *offset is the byte of text where the mistake is. text is borrowed, and has
 * to live as long as the expression. */
MUST_USE bool expression_compile(const struct expression **expression, struct slice text,
                                 const struct command_set *commands, struct document *document,
                                 struct arena *arena, size_t *offset, struct error *err);

/* Conditions of placement know no call and no caller. */
enum expression_about {
    ABOUT_OBJECT, /* object, label, owner */
    ABOUT_SITE,   /* and site */
};
/* is_value: numbers, sizes, durations and ratios may stand there too, not only conditions. */
MUST_USE bool expression_compile_placement(const struct expression **expression, struct slice text,
                                           enum expression_about about, bool is_value,
                                           struct document *document, struct arena *arena,
                                           size_t *offset, struct error *err);

unsigned expression_uses(const struct expression *expression); /* enum expression_use */

enum expression_result { RESULT_TRUTH, RESULT_INTEGER, RESULT_DURATION, RESULT_RATIO };
enum expression_result expression_result(const struct expression *expression);

enum truth { TRUTH_FALSE, TRUTH_TRUE, TRUTH_UNKNOWN };

/* What expressions ask. Borrowed. */
struct expression_facts {
    const struct principal *principal;
    const struct policy_member *member;     /* NULL: the principal is no member */
    const struct document_member *document; /* the same member; NULL with it */
    const struct call *call;                /* NULL: options and arguments are missing */
    const struct policy_request *request;
    size_t argument; /* which one `arg` is; missing if there are not so many */

    /* Of placement; NULL elsewhere. */
    const struct policy_object *object;
    const struct slice *owner_groups;
    size_t owner_group_count;
    const struct document_site *site;
    const struct policy_seen_values *seen; /* NULL: nothing was observed */
};

/* Stack only; no allocation. */
enum truth expression_evaluate(const struct expression *expression,
                               const struct expression_facts *facts);

/* The number that an expression made with is_value is; a truth value is 0 or 1. False: it is
 * missing. */
MUST_USE bool expression_number(const struct expression *expression,
                                const struct expression_facts *facts, int64_t *number);

/* The parts of a conjunction at the top, each with what it depends on: at most max of them; returns
 * how many there are. */
struct expression_part {
    struct slice text;
    uint32_t node;
    unsigned uses;
};
size_t expression_parts(const struct expression *expression, struct expression_part *parts,
                        size_t max);
enum truth expression_evaluate_part(const struct expression *expression,
                                    const struct expression_part *part,
                                    const struct expression_facts *facts);

/* --- For explanations --- */

/* The parts of a conjunction at the top (`a and b and c`), as written: at most max of them; returns
 * how many there are. parts[i] is the source of one, values[i] what it is under the facts. */
struct expression_clause {
    struct slice text;
    enum truth truth;
};
size_t expression_clauses(const struct expression *expression, const struct expression_facts *facts,
                          struct expression_clause *clauses, size_t max);

/* An option, or the length of the body, that the expression asks for without asking has() of it:
 * its source, or {NULL, 0}. Calls that leave it away make the outcome unknown. */
struct slice expression_unguarded(const struct expression *expression);

/* Appends "opt.recursive is missing, len(args) is 3": the values that a part of the text asks for,
 * each once. */
void expression_put_values(const struct expression *expression,
                           const struct expression_facts *facts, struct slice part,
                           struct text *out);

#endif
