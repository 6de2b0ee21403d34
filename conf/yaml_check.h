// SPDX-License-Identifier: Apache-2.0
/* What is checked on the bytes of a YAML document, before and beside libyaml. Private to yaml.c. */
#ifndef CONF_YAML_CHECK_H
#define CONF_YAML_CHECK_H

#include "conf/error.h"
#include "conf/text.h"

/* Size, UTF-8, and the characters that make a file read otherwise than it looks: controls, line
 * ends that editors do not show as such (a lone CR, U+0085, U+2028, U+2029), and those that change
 * the direction of text. */
MUST_USE bool yaml_check_source(const char *name, struct slice source, struct error *err);

/* libyaml counts characters; this finds the byte of one. Positions that only grow cost nothing. */
struct yaml_cursor {
    size_t character;
    size_t byte;
};

/* The first byte of the character at this index, or 0 behind the end. */
char yaml_cursor_byte(struct yaml_cursor *cursor, struct slice source, size_t character);

#endif
