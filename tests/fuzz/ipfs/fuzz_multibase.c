// SPDX-License-Identifier: Apache-2.0
/* What is decoded encodes to the same text, but for the case of letters where either is read; and
 * any bytes survive every base. */
#include "ipfs/multibase.h"

#include <assert.h>
#include <stdlib.h>

#define BASES    "fFbBcCvVtTkKzmMuU"
#define CASELESS "fFbBcCvVtTkK"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(struct slice text)
{
    uint8_t *out = malloc(text.size + 1);
    struct text again = {0};
    size_t size;

    assert(out != NULL);
    if (multibase_decode(text, out, text.size, &size, NULL)) {
        assert(size <= text.size);
        multibase_encode(text.data[0], out, size, &again);
        if (strchr(CASELESS, text.data[0]) != NULL)
            assert(slice_equal_caseless(text_slice(&again), text));
        else
            assert(slice_equal(text_slice(&again), text));
    }
    text_dispose(&again);
    free(out);
}

static void check_bytes(char base, const uint8_t *data, size_t size)
{
    uint8_t *out = malloc(size + 1);
    struct text text = {0};
    size_t decoded = 0;
    bool read;

    assert(out != NULL);
    multibase_encode(base, data, size, &text);
    read = multibase_decode(text_slice(&text), out, size, &decoded, NULL);
    assert(read && decoded == size);
    assert(size == 0 || memcmp(out, data, size) == 0);
    text_dispose(&text);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_text((struct slice){(const char *)data, size});
    for (const char *base = BASES; *base != '\0'; base++)
        check_bytes(*base, data, size < MULTIBASE_RADIX_MAX ? size : MULTIBASE_RADIX_MAX);
    return 0;
}
