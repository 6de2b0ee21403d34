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

int refusal_status(enum tracker_outcome outcome)
{
    switch (outcome) {
    case TRACKER_QUOTA:
        return 507;
    case TRACKER_DENIED:
        return 410;
    case TRACKER_FAILED:
        return 502;
    default:
        return 500;
    }
}

void refusal_put_answer(const struct tracker_answer *answer, struct text *message)
{
    bool is_prefixed = answer->outcome == TRACKER_MISSING || answer->outcome == TRACKER_FAILED;

    if (is_prefixed && !slice_starts(answer->text, "pin: "))
        text_put_text(message, "pin: ");
    text_put_slice(message, answer->text);
}
