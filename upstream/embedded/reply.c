// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/reply.h"

#include "ipfs/multibase.h"

/* ---- strings */

#define REPLACEMENT "\\ufffd"

static const char *short_escape(unsigned char c)
{
    switch (c) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\b':
        return "\\b";
    case '\f':
        return "\\f";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        return NULL;
    }
}

/* U+2028 or U+2029, a sequence of three bytes: JavaScript takes them for ends of lines. */
static bool is_line_separator(struct slice s, size_t length)
{
    return length == 3 && memcmp(s.data, "\xe2\x80", 2) == 0 && (s.data[2] & ~1) == (char)0xa8;
}

static void put_line_separator(struct text *out, struct slice s)
{
    text_put_format(out, "\\u20%02x", (unsigned char)s.data[2] & 0x3f);
}

/* How many bytes at the start stand as they are; 0: the first must be escaped. */
static size_t plain_length(struct slice s)
{
    unsigned char c = (unsigned char)s.data[0];
    size_t length;

    if (c < 0x80)
        return c >= 0x20 && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
    length = utf8_length(s);
    return is_line_separator(s, length) ? 0 : length;
}

/* Returns how many bytes it stood for. */
static size_t put_escape(struct text *out, struct slice s)
{
    unsigned char c = (unsigned char)s.data[0];
    size_t length;

    if (c < 0x80) {
        const char *escape = short_escape(c);

        if (escape != NULL)
            text_put_text(out, escape);
        else
            text_put_format(out, "\\u%04x", c);
        return 1;
    }
    length = utf8_length(s);
    if (length == 0) {
        text_put_text(out, REPLACEMENT);
        return 1;
    }
    put_line_separator(out, s);
    return length;
}

void reply_put_string(struct text *out, struct slice s)
{
    size_t plain = 0; /* bytes from here on stand as they are */
    size_t i = 0;

    text_put_char(out, '"');
    while (i < s.size) {
        struct slice rest = {s.data + i, s.size - i};
        size_t length = plain_length(rest);

        if (length > 0) {
            i += length;
            continue;
        }
        text_put(out, s.data + plain, i - plain);
        i += put_escape(out, rest);
        plain = i;
    }
    if (i > plain)
        text_put(out, s.data + plain, i - plain);
    text_put_char(out, '"');
}

static void put_quoted_byte(struct text *out, unsigned char c)
{
    static const char letters[] = "abtnvfr"; /* from 7 on */

    if (c == '"' || c == '\\')
        text_put_format(out, "\\%c", c);
    else if (c >= 7 && c < 7 + sizeof(letters) - 1)
        text_put_format(out, "\\%c", letters[c - 7]);
    else
        text_put_format(out, "\\x%02x", c);
}

void reply_put_quoted(struct text *out, struct slice s)
{
    text_put_char(out, '"');
    for (size_t i = 0; i < s.size;) {
        struct slice rest = {s.data + i, s.size - i};
        unsigned char c = (unsigned char)s.data[i];
        size_t length = utf8_length(rest);

        if (is_line_separator(rest, length)) {
            put_line_separator(out, rest);
            i += length;
        } else if (length == 0 || c < 0x20 || c == '"' || c == '\\' || c == 0x7f) {
            put_quoted_byte(out, c);
            i++;
        } else {
            text_put(out, s.data + i, length);
            i += length;
        }
    }
    text_put_char(out, '"');
}

/* ---- CIDs */

bool reply_find_base(struct slice name, char *prefix, struct error *err)
{
    return multibase_find(name, prefix, NULL) ||
           error_set(err, ERROR_UNSUPPORTED, "unsupported multibase encoding: %.*s",
                     SLICE_ARGS(name));
}

bool reply_form_of(const struct call *call, struct reply_form *form, struct error *err)
{
    struct slice name = call_option_text(call, OPT_CID_BASE);
    char prefix;

    *form = (struct reply_form){.base = CID_BASE_DEFAULT};
    if (name.size > 0) {
        if (!reply_find_base(name, &prefix, err))
            return false;
        form->base = (enum cid_base)prefix;
        form->upgrades = form->base != CID_BASE_58BTC;
    }
    form->upgrades = call_option_bool(call, OPT_UPGRADE_CIDV0_IN_OUTPUT, form->upgrades);
    return true;
}

void reply_put_cid(struct text *out, const struct reply_form *form, const struct cid *cid)
{
    if (cid->version == 0 && form->upgrades) {
        struct cid upgraded = cid_to_v1(cid);

        cid_print(&upgraded, form->base, out);
    } else {
        cid_print(cid, cid->version == 0 ? CID_BASE_DEFAULT : form->base, out);
    }
}

void reply_put_cid_string(struct text *out, const struct reply_form *form, const struct cid *cid)
{
    text_put_char(out, '"');
    reply_put_cid(out, form, cid);
    text_put_char(out, '"');
}
