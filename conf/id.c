// SPDX-License-Identifier: Apache-2.0
#include "conf/id.h"

static bool is_lower_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* The first byte that may not stand where it stands; id.size if there is none. */
static size_t first_wrong(struct slice id)
{
    for (size_t i = 0; i < id.size; i++) {
        char c = id.data[i];

        if (!is_lower_or_digit(c) && (i == 0 || (c != '.' && c != '_' && c != '-')))
            return i;
    }
    return id.size;
}

bool id_is_valid(struct slice id)
{
    return id.size > 0 && id.size < ID_SIZE && first_wrong(id) == id.size;
}

bool id_check(struct slice id, const char *what, struct error *err)
{
    size_t wrong;
    struct text shown = {0};

    if (id_is_valid(id))
        return true;
    if (id.size == 0)
        return error_set(err, ERROR_SYNTAX, "the %s is empty", what);
    if (id.size >= ID_SIZE)
        return error_set(err, ERROR_LIMIT, "the %s has %zu bytes; %d are allowed", what, id.size,
                         ID_SIZE - 1);
    wrong = first_wrong(id);
    text_put_json(&shown, id);
    error_set(err, ERROR_SYNTAX,
              "the %s '%s' has a byte at %zu that ids cannot have there; write a-z, 0-9, and "
              "behind the first '.', '_' or '-'",
              what, shown.data, wrong + 1);
    text_dispose(&shown);
    return false;
}
