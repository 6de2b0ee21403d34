// SPDX-License-Identifier: Apache-2.0
/* One value of an option: from text into its field. Private to options*.c. */
#ifndef CONF_OPTIONS_VALUE_H
#define CONF_OPTIONS_VALUE_H

#include "conf/options.h"

bool option_is_list(enum option_type type);
bool option_is_number(enum option_type type);

/* Sets the field, or adds one item to a list. The field is zeroed or holds earlier items. Errors
 * name neither the option nor a place. */
MUST_USE bool option_parse(const struct option *option, struct slice text, const char *folder,
                           void *field, struct error *err);

/* Frees what the field owns and zeroes it. */
void option_dispose(enum option_type type, void *field);

#endif
