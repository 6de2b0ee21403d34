// SPDX-License-Identifier: Apache-2.0
/* Any bytes as the name of a gateway: what is read is printed as it was; and as six words that a
 * person typed: what is read is six of the list, and reads the same again. */
#include "auth/gateway_id.h"
#include "auth/words.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = {(const char *)data, size};
    char uri[GATEWAY_URI_SIZE], words[WORDS_SIZE], again[WORDS_SIZE];
    struct error err = {0};
    struct gateway_id id;

    if (gateway_id_parse(text, &id, &err))
        assert(slice_is(text, gateway_id_print(&id, uri)));
    else
        assert((err.code == ERROR_SYNTAX || err.code == ERROR_LIMIT) && err.text[0] != '\0');
    err = (struct error){0};
    if (words_read(text, words, &err))
        assert(words_read(slice_of(words), again, &err) && strcmp(words, again) == 0);
    else
        assert(err.code != ERROR_NONE && err.text[0] != '\0');
    return 0;
}
