// SPDX-License-Identifier: Apache-2.0
#include "ipfs/call_show.h"

#define SHOWN_MAX 128

static bool is_plain(char c)
{
    return (unsigned char)c >= ' ' && c != 0x7f;
}

struct call_shown call_show(struct slice s)
{
    struct call_shown shown;
    bool utf8 = slice_is_utf8(s);
    bool cut = s.size > SHOWN_MAX;
    size_t size = cut ? SHOWN_MAX : s.size;

    while (utf8 && cut && size > 0 && (s.data[size] & 0xc0) == 0x80)
        size--; /* not in the middle of a character */
    for (size_t i = 0; i < size; i++)
        shown.text[i] = is_plain(s.data[i]) && (utf8 || (s.data[i] & 0x80) == 0) ? s.data[i] : '?';
    memcpy(shown.text + size, cut ? "..." : "", cut ? 4 : 1);
    return shown;
}
