// SPDX-License-Identifier: Apache-2.0
/* Outside text inside of an error's sentence: cut, and without anything that a terminal or a log
 * would mistake. Pure. */
#ifndef IPFS_CALL_SHOW_H
#define IPFS_CALL_SHOW_H

#include "conf/text.h"

struct call_shown {
    char text[132];
};

/* By value: `error_set(err, code, "'%s' is ..", call_show(name).text)`. */
struct call_shown call_show(struct slice s);

#endif
