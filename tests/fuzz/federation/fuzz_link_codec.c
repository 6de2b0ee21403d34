// SPDX-License-Identifier: Apache-2.0
/* Any bytes as a link's record. What is refused has a reason; what is taken prints, is taken again
 * and prints the same. */
#include "federation/link_codec.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_taken(const struct link_kept *kept)
{
    struct link_kept again;
    struct text first = {0}, second = {0};

    link_codec_print(kept, &first);
    assert(link_codec_parse(&again, text_slice(&first), NULL));
    link_codec_print(&again, &second);
    assert(slice_equal(text_slice(&first), text_slice(&second)));
    text_dispose(&first);
    text_dispose(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct link_kept kept;
    struct error err = {0};

    if (link_codec_parse(&kept, (struct slice){(const char *)data, size}, &err))
        check_taken(&kept);
    else
        assert(err.code != ERROR_NONE && err.text[0] != '\0');
    return 0;
}
