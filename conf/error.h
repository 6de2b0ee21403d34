// SPDX-License-Identifier: Apache-2.0
/* What went wrong, for a program to branch on and a person to read.
 *
 * A function that can fail returns bool and takes `struct error *` last. The code is for branching;
 * the text is one complete line without a newline: what was wrong, where, what would be right. The
 * first error wins: setting an error that is already set changes nothing. Any thread; no ownership.
 */
#ifndef CONF_ERROR_H
#define CONF_ERROR_H

#include <stdbool.h>

#define MUST_USE __attribute__((warn_unused_result))

enum error_code {
    ERROR_NONE = 0,
    ERROR_SYNTAX,      /* the input cannot be what it claims to be */
    ERROR_LIMIT,       /* well formed, but beyond a stated limit */
    ERROR_UNSUPPORTED, /* well formed, and named as not supported */
    ERROR_NOT_FOUND,
    ERROR_MISMATCH, /* a hash, signature or comparison did not hold */
    ERROR_IO,       /* the operating system, a socket or a file said no */
    ERROR_REFUSED,  /* a rule of ours said no */
    ERROR_TIMEOUT,
    ERROR_CANCELED,
};

struct error {
    enum error_code code;
    char text[508];
};

/* Always returns false, so that a caller can `return error_set(...)`. err may be NULL. */
bool error_set(struct error *err, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As error_set with ERROR_IO, and ": " and the text of errno behind it. */
bool error_set_errno(struct error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same as another one. Always returns false. */
bool error_copy(struct error *err, const struct error *from);

/* Puts "PREFIX: " before a text that is set already; the code stays. Always returns false. */
bool error_prefix(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
