// SPDX-License-Identifier: Apache-2.0
/* "Did you mean ...?": the nearest of some known words, if one is near enough to be meant.
 * No ownership; any thread. */
#ifndef CONF_SUGGEST_H
#define CONF_SUGGEST_H

#include "conf/text.h"

struct suggestion {
    struct slice word;
    struct slice best; /* empty: none is near. Borrowed from what was offered. */
    size_t distance;
};

void suggestion_init(struct suggestion *suggestion, struct slice word);
/* Near: at most a third of the letters (at least one) were changed, added, lost or swapped; or the
 * word is a beginning of at least three letters. */
void suggestion_offer(struct suggestion *suggestion, const char *known);
void suggestion_offer_slice(struct suggestion *suggestion, struct slice known);

#endif
