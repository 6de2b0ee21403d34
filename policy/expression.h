// SPDX-License-Identifier: Apache-2.0
/* Conditions: what stands behind when, unless and where.
 *
 *   opt.recursive == true and len(args) <= 100
 *   arg.path under '/home/' + principal.id
 *   net.src in [10.0.0.0/8, fd00::/8] or time.hour in 8..18
 *
 * Precedence: not > comparison > and > or; comparisons do not chain. Every value has a type, known
 * when the condition is compiled: options and arguments have what the catalogue says of each
 * command that the condition stands for, attributes what the members have. No loops, no regular
 * expressions; the cost of one evaluation is bounded and checked. A value may be missing at run
 * time: then the comparison is unknown, `false and unknown` is false, `true or unknown` true, and
 * everything else that depends on it unknown.
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
struct policy_request;

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
};

struct expression;

/* Compiles. commands: those that the condition is for, not empty; NULL: for none in particular, so
 * that options and arguments are not known. Vars and attributes are the document's; vars get marked
 * as used. On failure *offset is the byte of text where the mistake is. text is borrowed, and has
 * to live as long as the expression. */
MUST_USE bool expression_compile(const struct expression **expression, struct slice text,
                                 const struct command_set *commands, struct document *document,
                                 struct arena *arena, size_t *offset, struct error *err);

unsigned expression_uses(const struct expression *expression); /* enum expression_use */

enum truth { TRUTH_FALSE, TRUTH_TRUE, TRUTH_UNKNOWN };

/* What expressions ask. Borrowed. */
struct expression_facts {
    const struct principal *principal;
    const struct policy_member *member;     /* NULL: the principal is no member */
    const struct document_member *document; /* the same member; NULL with it */
    const struct call *call;                /* NULL: options and arguments are missing */
    const struct policy_request *request;
    size_t argument; /* which one `arg` is; missing if there are not so many */
};

/* Stack only; no allocation. */
enum truth expression_evaluate(const struct expression *expression,
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
