// SPDX-License-Identifier: Apache-2.0
#include "http/meter.h"

bool meter_allows(struct meter *meter, uint64_t size)
{
    while (meter->left < size) {
        uint64_t granted = meter->grant(meter->arg, &meter->refusal);

        if (granted == 0)
            return false;
        meter->left = granted < UINT64_MAX - meter->left ? meter->left + granted : UINT64_MAX;
    }
    return true;
}

enum meter_result meter_open(struct meter *meter, struct decoder *decoder, char *data, size_t size,
                             size_t *used)
{
    int room = 0;

    *used = 0;
    if (meter->left > 0)
        return METER_OPEN;
    if (decoder->kind == FRAMING_CHUNKED) { /* the end may stand there, and nothing else */
        if (decoder_read(decoder, data, size, used, NULL, &room) == DECODE_BAD)
            return METER_BAD_FRAMING;
        if (decoder->is_done || *used == size)
            return METER_OPEN;
    }
    return meter_allows(meter, 1) ? METER_OPEN : METER_REFUSED;
}
