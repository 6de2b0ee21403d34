// SPDX-License-Identifier: Apache-2.0
#include "conf/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool error_set(struct error *err, enum error_code code, const char *format, ...)
{
    va_list args;

    if (err == NULL || err->code != ERROR_NONE)
        return false;
    err->code = code;
    va_start(args, format);
    vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    return false;
}

bool error_copy(struct error *err, const struct error *from)
{
    return error_set(err, from->code, "%s", from->text);
}

bool error_set_errno(struct error *err, const char *format, ...)
{
    int cause = errno;
    va_list args;
    int used;

    if (err == NULL || err->code != ERROR_NONE)
        return false;
    err->code = ERROR_IO;
    va_start(args, format);
    used = vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    if (used >= 0 && (size_t)used < sizeof(err->text))
        snprintf(err->text + used, sizeof(err->text) - (size_t)used, ": %s", strerror(cause));
    return false;
}

bool error_prefix(struct error *err, const char *format, ...)
{
    char behind[sizeof(err->text)];
    va_list args;
    int used;

    if (err == NULL)
        return false;
    memcpy(behind, err->text, sizeof(behind));
    va_start(args, format);
    used = vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    if (used >= 0 && (size_t)used < sizeof(err->text))
        snprintf(err->text + used, sizeof(err->text) - (size_t)used, ": %s", behind);
    return false;
}
