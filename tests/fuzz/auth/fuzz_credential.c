// SPDX-License-Identifier: Apache-2.0
/* Any bytes as the value of an Authorization header: what is read must be one of the three forms,
 * with ids of the documented shape. */
#include "auth/token.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice value = {(const char *)data, size};
    struct credential credential;
    struct error err = {0};
    char id[TOKEN_ID_SIZE];

    if (credential_parse(value, &credential, &err)) {
        assert(err.code == ERROR_NONE);
        assert(token_id_is_valid(slice_of(credential.id)));
        assert((credential.form == CREDENTIAL_BASIC_MEMBER) == (credential.member[0] != '\0'));
        assert(credential.member[0] == '\0' || id_is_valid(slice_of(credential.member)));
    } else {
        assert(err.code == ERROR_SYNTAX && err.text[0] != '\0');
    }
    if (credential_guess_id(value, id))
        assert(token_id_is_valid(slice_of(id)));
    return 0;
}
