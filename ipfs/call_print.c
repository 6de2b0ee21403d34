// SPDX-License-Identifier: Apache-2.0
/* A call becomes a request again, or a line of a log. */
#include "ipfs/call.h"

static bool is_unescaped(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '~' || c == '/' || c == ':';
}

static void put_escaped(struct text *out, struct slice s)
{
    static const char digits[] = "0123456789ABCDEF";
    char *p = text_reserve(out, 3 * s.size);
    char *start = p;

    for (size_t i = 0; i < s.size; i++) {
        unsigned char c = (unsigned char)s.data[i];

        if (is_unescaped(c)) {
            *p++ = (char)c;
            continue;
        }
        *p++ = '%';
        *p++ = digits[c >> 4];
        *p++ = digits[c & 15];
    }
    *p = '\0';
    out->size += (size_t)(p - start);
}

void call_print_target(const struct call *call, struct text *out)
{
    char separator = '?';

    text_put_text(out, "/api/v0/");
    text_put_text(out, call->command->path);
    for (size_t i = 0; i < call->argument_count; i++) {
        if (call->arguments[i].from_body)
            continue;
        text_put_char(out, separator);
        text_put(out, "arg=", 4);
        put_escaped(out, call->arguments[i].text);
        separator = '&';
    }
    for (size_t i = 0; i < call->option_count; i++) {
        if (catalogue_option_is_own(call->options[i].fact->id))
            continue;
        text_put_char(out, separator);
        text_put_text(out, catalogue_option_name(call->options[i].fact->id));
        text_put_char(out, '=');
        put_escaped(out, call->options[i].text);
        separator = '&';
    }
}

void call_print_body_arguments(const struct call *call, struct text *out)
{
    text_put_text(out, "--" CALL_BOUNDARY "\r\n"
                       "Content-Disposition: form-data; name=\"file\"; filename=\"stdin\"\r\n"
                       "Content-Type: application/octet-stream\r\n\r\n");
    for (size_t i = 0; i < call->argument_count; i++) {
        if (!call->arguments[i].from_body)
            continue;
        text_put_slice(out, call->arguments[i].text);
        text_put_char(out, '\n');
    }
    text_put_text(out, "\r\n--" CALL_BOUNDARY "--\r\n");
}

void call_print_log(const struct call *call, struct text *out)
{
    text_put_text(out, call->command->path);
    if (call->argument_count > 0)
        text_put_format(out, " arguments=%zu", call->argument_count);
    for (size_t i = 0; i < call->option_count; i++) {
        const struct call_option *option = &call->options[i];
        enum command_option_type type = option->fact->type;

        text_put_char(out, ' ');
        text_put_text(out, catalogue_option_name(option->fact->id));
        if (type == OPT_TYPE_TEXT || type == OPT_TYPE_TEXTS)
            continue;
        text_put_char(out, '=');
        text_put_slice(out, option->text);
    }
}
