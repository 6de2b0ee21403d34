// SPDX-License-Identifier: Apache-2.0
/* Any bytes as an address: what is taken prints as something that is taken as the same. Networks,
 * sizes and durations ride along. */
#include "conf/address.h"
#include "conf/units.h"

#include <assert.h>

static void check_units(struct slice text)
{
    char out[UNITS_TEXT_SIZE];
    uint64_t value, again;

    if (units_parse_size(text, &value, NULL))
        assert(units_parse_size(slice_of(units_print_size(out, value)), &again, NULL) &&
               value == again);
    if (units_parse_duration(text, &value, NULL))
        assert(units_parse_duration(slice_of(units_print_duration(out, value)), &again, NULL) &&
               value == again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = {(const char *)data, size};
    struct address address, again;
    struct network network;
    struct error err = {0};

    check_units(text);
    if (!address_parse(&address, text, &err)) {
        assert(err.code != ERROR_NONE && err.text[0] != '\0');
    } else {
        assert(address_parse(&again, slice_of(address.text), &err));
        assert(strcmp(address.text, again.text) == 0 && address.port == again.port);
        assert(address.kind == again.kind && address.size == again.size);
        assert(memcmp(&address.sockaddr, &again.sockaddr, address.size) == 0);
        assert(address_host(&address).size < sizeof(address.text));
        if (network_parse(&network, address_host(&address), NULL))
            assert(network_contains(&network, (struct sockaddr *)&address.sockaddr));
    }
    if (network_parse(&network, text, NULL))
        assert(network.prefix_bits <= 128);
    return 0;
}
