// SPDX-License-Identifier: Apache-2.0
#include "policy/expression_lex.h"

#include "ipfs/call_show.h"

static const struct {
    struct slice text;
    enum token_kind kind;
} words[] = {
    {{"and", 3}, TOKEN_AND},   {{"or", 2}, TOKEN_OR},       {{"not", 3}, TOKEN_NOT},
    {{"in", 2}, TOKEN_IN},     {{"under", 5}, TOKEN_UNDER}, {{"like", 4}, TOKEN_LIKE},
    {{"true", 4}, TOKEN_TRUE}, {{"false", 5}, TOKEN_FALSE},
};

/* The longer before its beginning. */
static const struct {
    struct slice text;
    enum token_kind kind;
} signs[] = {
    {{"==", 2}, TOKEN_EQUAL},         {{"!=", 2}, TOKEN_UNEQUAL}, {{"<=", 2}, TOKEN_LESS_EQUAL},
    {{">=", 2}, TOKEN_GREATER_EQUAL}, {{"<", 1}, TOKEN_LESS},     {{">", 1}, TOKEN_GREATER},
    {{"..", 2}, TOKEN_RANGE},         {{".", 1}, TOKEN_DOT},      {{"+", 1}, TOKEN_PLUS},
    {{"(", 1}, TOKEN_OPEN},           {{")", 1}, TOKEN_CLOSE},    {{"[", 1}, TOKEN_OPEN_LIST},
    {{"-", 1}, TOKEN_MINUS},          {{"*", 1}, TOKEN_TIMES},    {{"]", 1}, TOKEN_CLOSE_LIST},
    {{",", 1}, TOKEN_COMMA},          {{"$", 1}, TOKEN_DOLLAR},
};

/* What other languages write. */
static const struct {
    struct slice text;
    const char *instead;
} foreign[] = {
    {{"&&", 2}, "and"}, {{"||", 2}, "or"}, {{"!", 1}, "not"}, {{"=", 1}, "=="},
    {{"~", 1}, "like"}, {{"&", 1}, "and"}, {{"|", 1}, "or"},
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_hexadecimal(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool begins(struct slice s, struct slice with)
{
    return s.size >= with.size && memcmp(s.data, with.data, with.size) == 0;
}

/* Bytes of an address at the start, or 0: a colon makes one, or four numbers with dots. */
static size_t address_size(struct slice rest)
{
    size_t size = 0, dots = 0, colons = 0;

    for (; size < rest.size; size++) {
        char c = rest.data[size];

        dots += c == '.';
        colons += c == ':';
        if (!is_hexadecimal(c) && c != '.' && c != ':')
            break;
    }
    if (colons == 0 &&
        (dots != 3 || !is_digit(rest.data[0]) || memmem(rest.data, size, "..", 2) != NULL))
        return 0;
    if (size < rest.size && rest.data[size] == '/')
        for (size++; size < rest.size && is_digit(rest.data[size]); size++)
            ;
    return size;
}

static size_t name_size(struct slice rest)
{
    size_t size = 0;

    if (rest.size == 0 || !is_letter(rest.data[0]))
        return 0;
    while (size < rest.size &&
           (is_letter(rest.data[size]) || is_digit(rest.data[size]) || rest.data[size] == '-'))
        size++;
    return size;
}

static size_t number_size(struct slice rest)
{
    size_t size = rest.size > 1 && rest.data[0] == '-' ? 1 : 0;

    if (size == rest.size || !is_digit(rest.data[size]))
        return 0;
    while (size < rest.size && (is_digit(rest.data[size]) || is_letter(rest.data[size])))
        size++;
    return size < rest.size && rest.data[size] == '%' ? size + 1 : size;
}

static bool lex_text(struct slice source, size_t *from, struct token *token, struct error *err)
{
    char quote = source.data[*from];

    for (size_t i = *from + 1; i < source.size; i++) {
        if (source.data[i] != quote)
            continue;
        if (i + 1 < source.size && source.data[i + 1] == quote) {
            i++;
            continue;
        }
        *token = (struct token){TOKEN_TEXT, {source.data + *from + 1, i - *from - 1}, *from, i + 1};
        return true;
    }
    return error_set(err, ERROR_SYNTAX, "the text that begins here has no end: a %c is missing",
                     quote);
}

static enum token_kind word_kind(struct slice text)
{
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (slice_equal(text, words[i].text))
            return words[i].kind;
    return TOKEN_NAME;
}

static bool lex_sign(struct slice rest, struct token *token, struct error *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(signs); i++)
        if (begins(rest, signs[i].text)) {
            token->kind = signs[i].kind;
            token->text = (struct slice){rest.data, signs[i].text.size};
            return true;
        }
    for (size_t i = 0; i < ARRAY_SIZE(foreign); i++)
        if (begins(rest, foreign[i].text))
            return error_set(err, ERROR_SYNTAX, "'%.*s' is not written here; write '%s'",
                             SLICE_ARGS(foreign[i].text), foreign[i].instead);
    return error_set(
        err, ERROR_SYNTAX, "'%s' has no meaning here",
        call_show((struct slice){rest.data, utf8_length(rest) > 0 ? utf8_length(rest) : 1}).text);
}

bool lex_next(struct slice source, size_t *from, struct token *token, struct error *err)
{
    struct slice rest;
    size_t size;

    while (*from < source.size && strchr(" \t\r\n", source.data[*from]) != NULL &&
           source.data[*from] != '\0')
        ++*from;
    rest = (struct slice){source.data + *from, source.size - *from};
    *token = (struct token){.kind = TOKEN_END, .begin = *from, .end = *from};
    if (rest.size == 0)
        return true;
    if (rest.data[0] == '\'' || rest.data[0] == '"')
        return lex_text(source, from, token, err);
    if ((is_hexadecimal(rest.data[0]) || rest.data[0] == ':') && (size = address_size(rest)) > 0)
        token->kind = TOKEN_ADDRESS;
    else if ((size = name_size(rest)) > 0)
        token->kind = word_kind((struct slice){rest.data, size});
    else if ((size = number_size(rest)) > 0)
        token->kind = TOKEN_NUMBER;
    else if (!lex_sign(rest, token, err))
        return false;
    else
        size = token->text.size;
    token->text = (struct slice){rest.data, size};
    token->end = *from + size;
    return true;
}
