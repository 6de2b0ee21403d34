// SPDX-License-Identifier: Apache-2.0
/* Words and signs of expressions. Part of expression_parse.c. */
#ifndef POLICY_EXPRESSION_LEX_H
#define POLICY_EXPRESSION_LEX_H

#include "conf/error.h"
#include "conf/text.h"

enum token_kind {
    TOKEN_END,
    TOKEN_NAME,    /* a word that is none of those below */
    TOKEN_TEXT,    /* 'quoted'; text is what stands inside, doubled quotes still doubled */
    TOKEN_NUMBER,  /* digits, perhaps with a sign, a unit or a % */
    TOKEN_ADDRESS, /* 10.0.0.0/8, fd00::/8 */
    TOKEN_AND,
    TOKEN_OR,
    TOKEN_NOT,
    TOKEN_IN,
    TOKEN_UNDER,
    TOKEN_LIKE,
    TOKEN_TRUE,
    TOKEN_FALSE,
    TOKEN_EQUAL,
    TOKEN_UNEQUAL,
    TOKEN_LESS,
    TOKEN_LESS_EQUAL,
    TOKEN_GREATER,
    TOKEN_GREATER_EQUAL,
    TOKEN_PLUS,
    TOKEN_MINUS,
    TOKEN_TIMES,
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_OPEN_LIST,
    TOKEN_CLOSE_LIST,
    TOKEN_COMMA,
    TOKEN_DOT,
    TOKEN_RANGE, /* .. */
    TOKEN_DOLLAR,
};

struct token {
    enum token_kind kind;
    struct slice text; /* as written; of TOKEN_TEXT without its quotes */
    size_t begin, end; /* bytes of the source */
};

/* The token at or behind `from`. On failure *from is where the mistake is. */
MUST_USE bool lex_next(struct slice source, size_t *from, struct token *token, struct error *err);

#endif
