// SPDX-License-Identifier: Apache-2.0
/* Any bytes as an invitation, and any bytes as the document in one: refused with a reason, or it
 * prints, and what is printed reads the same. */
#include "federation/invitation.h"

#include "ipfs/multibase.h"

#include <assert.h>
#include <openssl/sha.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(struct slice text)
{
    struct invitation invitation, again;
    struct text printed = {0}, once_more = {0};
    struct error err = {0};

    if (invitation_parse(&invitation, text, &err)) {
        invitation_print(&invitation, &printed);
        assert(invitation_parse(&again, text_slice(&printed), NULL));
        invitation_print(&again, &once_more);
        assert(slice_equal(text_slice(&printed), text_slice(&once_more)));
    } else {
        assert(err.code != ERROR_NONE && err.text[0] != '\0');
    }
    text_dispose(&printed);
    text_dispose(&once_more);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text whole = {0}, text = {0};
    uint8_t digest[SHA256_DIGEST_LENGTH];

    check((struct slice){(const char *)data, size});
    text_put(&whole, data, size);
    SHA256(data, size, digest);
    text_put(&whole, digest, 4);
    text_put_text(&text, "cwi1");
    multibase_encode_bare('b', whole.data, whole.size, &text);
    check(text_slice(&text));
    text_dispose(&whole);
    text_dispose(&text);
    return 0;
}
