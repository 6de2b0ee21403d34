// SPDX-License-Identifier: Apache-2.0
#include "proxy/refusal.h"

int refusal_code(int status)
{
    switch (status) {
    case 401:
    case 403:
        return 4;
    case 429:
        return 3;
    case 400:
    case 413:
        return 1;
    default:
        return 0;
    }
}

const char *refusal_put_error(const struct exchange *exchange, int status, const char *message,
                              struct text *body)
{
    text_put_text(body, "{\"Message\":\"");
    text_put_json(body, slice_of(message));
    text_put_format(body, "\",\"Code\":%d,\"Type\":\"error\"}\n", refusal_code(status));
    return "application/json";
}
