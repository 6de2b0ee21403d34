// SPDX-License-Identifier: Apache-2.0
/* Calls and bodies as clients and attackers might send them, from a seed. For property tests and
 * for comparisons with Kubo's own readers. */
#ifndef TESTS_TOOLS_GENERATOR_H
#define TESTS_TOOLS_GENERATOR_H

#include "conf/text.h"

#include <stdbool.h>
#include <stdint.h>

struct generator {
    uint64_t state;
};

void generator_init(struct generator *generator, uint64_t seed);

/* 0 <= result < below. */
uint32_t generator_number(struct generator *generator, uint32_t below);

/* A request target in *target, which is cleared first; whether it comes with a multipart body of
 * arguments, which is then in *body with the boundary "B". Most are well formed, in odd spellings;
 * some are not. */
bool generate_call(struct generator *generator, struct text *target, struct text *body);

/* A multipart body with the boundary "B", most of them well formed. */
void generate_multipart(struct generator *generator, struct text *body);

#endif
