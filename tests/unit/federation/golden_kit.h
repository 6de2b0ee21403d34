// SPDX-License-Identifier: Apache-2.0
/* Golden files of several lines. */
#ifndef TESTS_UNIT_FEDERATION_GOLDEN_KIT_H
#define TESTS_UNIT_FEDERATION_GOLDEN_KIT_H

#include "conf/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct golden {
    struct text text;
    struct slice lines[16];
    size_t count;
};

static inline struct golden golden_read(const char *name)
{
    struct golden golden = {0};
    char path[200];
    FILE *file;
    int c;

    snprintf(path, sizeof(path), "golden/%s", name);
    file = fopen(path, "r");
    if (file == NULL)
        fail_msg("%s is missing", path);
    while (file != NULL && (c = fgetc(file)) != EOF)
        text_put_char(&golden.text, (char)c);
    if (file != NULL)
        fclose(file);
    for (char *at = golden.text.data; *at != '\0' && golden.count < ARRAY_SIZE(golden.lines);) {
        size_t size = strcspn(at, "\n");

        golden.lines[golden.count++] = (struct slice){at, size};
        at += size + (at[size] == '\n');
    }
    return golden;
}

/* Of 32 bytes, in hex. */
static inline void golden_hash(struct slice hex, uint8_t out[32])
{
    assert_int_equal(hex.size, 64);
    for (unsigned i = 0; i < 32; i++) {
        char two[3] = {hex.data[2 * i], hex.data[2 * i + 1], '\0'};

        out[i] = (uint8_t)strtoul(two, NULL, 16);
    }
}

#endif
