// SPDX-License-Identifier: Apache-2.0
#include "ipfs/media_type.h"

#include <stdio.h>

#define PARAMETERS_MAX 16 /* of one header; each is compared with all others */

/* The characters of an RFC 7230 token. */
static bool is_token(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static struct slice take(struct slice *rest, size_t size)
{
    struct slice taken = {rest->data, size};

    *rest = (struct slice){rest->data + size, rest->size - size};
    return taken;
}

static void skip_blanks(struct slice *rest)
{
    while (rest->size > 0 && (rest->data[0] == ' ' || rest->data[0] == '\t'))
        take(rest, 1);
}

static struct slice take_token(struct slice *rest)
{
    size_t size = 0;

    while (size < rest->size && is_token(rest->data[size]))
        size++;
    return take(rest, size);
}

static bool take_char(struct slice *rest, char c)
{
    if (rest->size == 0 || rest->data[0] != c)
        return false;
    take(rest, 1);
    return true;
}

/* A backslash stands for itself before anything that needs no escape, as from old browsers that
 * send "C:\dir". */
static bool is_escapable(char c)
{
    return c != '\0' && strchr("()<>@,;:\\\"/[]?=", c) != NULL;
}

/* Behind the opening quote. out may be NULL. */
static bool take_quoted(struct slice *rest, struct text *out)
{
    while (rest->size > 0) {
        char c = take(rest, 1).data[0];

        if (c == '"')
            return true;
        if (((unsigned char)c < ' ' && c != '\t') || c == 0x7f)
            return false;
        if (c == '\\' && rest->size > 0 && is_escapable(rest->data[0]))
            c = take(rest, 1).data[0];
        if (out != NULL)
            text_put_char(out, c);
    }
    return false;
}

static bool take_value(struct slice *rest, struct text *out)
{
    struct slice token;

    if (take_char(rest, '"'))
        return take_quoted(rest, out);
    token = take_token(rest);
    if (out != NULL)
        text_put_slice(out, token);
    return token.size > 0;
}

/* `; name=value`. name is left empty at the end, where one `;` more may stand. */
static bool take_parameter(struct slice *rest, struct slice *name, struct text *value)
{
    *name = (struct slice){NULL, 0};
    skip_blanks(rest);
    if (rest->size == 0)
        return true;
    if (!take_char(rest, ';'))
        return false;
    skip_blanks(rest);
    if (rest->size == 0)
        return true;
    *name = take_token(rest);
    skip_blanks(rest);
    if (name->size == 0 || !take_char(rest, '='))
        return false;
    skip_blanks(rest);
    return take_value(rest, value);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "UTF-8'en'%C3%A9" in place. */
static bool decode_extended(struct text *value)
{
    char *quote = value->data == NULL ? NULL : memchr(value->data, '\'', value->size);
    char *from = quote == NULL ? NULL : strchr(quote + 1, '\'');
    struct slice charset;
    char *to = value->data;

    if (from == NULL)
        return false;
    charset = (struct slice){value->data, (size_t)(quote - value->data)};
    if (!slice_equal_caseless(charset, SLICE("utf-8")) &&
        !slice_equal_caseless(charset, SLICE("us-ascii")))
        return false;
    for (from++; *from != '\0'; from++) {
        int high = *from == '%' ? hex_digit(from[1]) : 0;
        int low = *from == '%' && high >= 0 ? hex_digit(from[2]) : 0;

        if (high < 0 || low < 0)
            return false;
        if (*from != '%') {
            *to++ = *from;
            continue;
        }
        *to++ = (char)(high * 16 + low);
        from += 2;
    }
    *to = '\0';
    value->size = (size_t)(to - value->data);
    return true;
}

/* How often that name stands among the parameters, in any case. */
static size_t count(struct slice parameters, struct slice wanted)
{
    struct slice name;
    size_t found = 0;

    while (take_parameter(&parameters, &name, NULL) && name.size > 0)
        found += slice_equal_caseless(name, wanted);
    return found;
}

static bool check_parameter(const struct media_type *media, struct slice name, struct text *value,
                            struct error *err)
{
    const char *star = memchr(name.data, '*', name.size);

    if (count(media->parameters, name) > 1)
        return error_set(err, ERROR_SYNTAX, "parameter '%.*s' stands twice in a header",
                         SLICE_ARGS(name));
    if (star != NULL && (star + 1 != name.data + name.size || !decode_extended(value)))
        return error_set(err, ERROR_SYNTAX, "parameter '%.*s' is in a form that is not read here",
                         SLICE_ARGS(name));
    return true;
}

bool media_type_parse(struct media_type *media, struct slice value, struct error *err)
{
    struct slice rest = value;
    struct slice name;
    struct text text = {0};
    size_t parameters = 0;
    bool good;

    skip_blanks(&rest);
    media->type = take_token(&rest);
    if (media->type.size > 0 && take_char(&rest, '/')) {
        struct slice subtype = take_token(&rest);

        media->type.size = subtype.size == 0 ? 0 : media->type.size + 1 + subtype.size;
    }
    skip_blanks(&rest);
    media->parameters = rest;
    if (media->type.size == 0 || (rest.size > 0 && rest.data[0] != ';'))
        return error_set(err, ERROR_SYNTAX, "a header's media type is malformed");
    do {
        text_clear(&text);
        good = take_parameter(&rest, &name, &text);
        if (!good || parameters++ >= PARAMETERS_MAX)
            good = error_set(err, ERROR_SYNTAX, "a header's parameters are malformed or too many");
        else if (name.size > 0)
            good = check_parameter(media, name, &text, err);
    } while (good && name.size > 0);
    if (good && rest.size > 0)
        good = error_set(err, ERROR_SYNTAX, "a header's parameters are malformed");
    text_dispose(&text);
    return good;
}

/* One parameter by exactly that name (without case). */
static bool find(const struct media_type *media, struct slice wanted, struct text *out)
{
    struct slice rest = media->parameters;
    struct slice name;

    do {
        text_clear(out);
        if (!take_parameter(&rest, &name, out))
            return false;
    } while (name.size > 0 && !slice_equal_caseless(name, wanted));
    return name.size > 0;
}

bool media_type_parameter(const struct media_type *media, const char *name, struct text *out)
{
    char extended[32];

    text_reserve(out, 0); /* so that an empty value has a NUL too */
    snprintf(extended, sizeof(extended), "%s*", name);
    if (find(media, slice_of(extended), out))
        return decode_extended(out);
    return find(media, slice_of(name), out);
}
