// SPDX-License-Identifier: Apache-2.0
/* Any bytes as causeway.yaml: a snapshot that keeps its promises, or an error that names the file.
 */
#include "conf/config.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice source = {(const char *)data, size};
    const struct config *config;
    struct error err = {0};

    if (!config_load_bytes(&config, "/nowhere/causeway.yaml", source, &err)) {
        assert(config == NULL && err.code != ERROR_NONE);
        assert(strncmp(err.text, "/nowhere/causeway.yaml:", 23) == 0);
        return 0;
    }
    assert(config->data[0] == '/' && config->workers >= 1 && config->workers <= 64);
    assert(address_is_loopback(&config->listen.operators.address));
    assert((config->listen.clients.tls.key_file == NULL) ==
           (config->listen.clients.tls.certificate_file == NULL));
    assert(config->limits.head_size >= 4096 && config->limits.head_size <= 262144);
    config_unref(&config);
    return 0;
}
