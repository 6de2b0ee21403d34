// SPDX-License-Identifier: Apache-2.0
#include "ipfs/cid_format.h"

#include "ipfs/multibase.h"
#include "ipfs/multicodec.h"

#include <assert.h>
#include <inttypes.h>

#define SIGNS "%bBvVcChHLmMdDsSP"

bool cid_format_check(const char *format, struct error *err)
{
    bool any = false;

    for (const char *c = format; *c != '\0'; c++) {
        if (*c != '%')
            continue;
        any = true;
        c++;
        if (*c == '\0')
            return error_set(err, ERROR_SYNTAX, "the format ends behind a %%");
        if (strchr(SIGNS, *c) == NULL)
            return error_set(err, ERROR_SYNTAX, "there is no %%%c; behind a %% stands one of %s",
                             *c, SIGNS);
    }
    if (!any)
        return error_set(err, ERROR_SYNTAX, "the format '%s' has no %% sign", format);
    return true;
}

static void put_codec(uint64_t code, struct text *out)
{
    char name[MULTICODEC_NAME_SIZE];

    if (multicodec_codec_name(code, name) || multicodec_hash_name(code, name))
        text_put_text(out, name);
    else
        text_put_format(out, "Code(%" PRIu64 ")", code);
}

static void put_hash(uint64_t code, struct text *out)
{
    char name[MULTICODEC_NAME_SIZE];

    if (multicodec_hash_name(code, name))
        text_put_text(out, name);
    else
        text_put_format(out, "hash?%" PRIu64, code);
}

static void put_encoded(char base, bool bare, const void *data, size_t size, struct text *out)
{
    (bare ? multibase_encode_bare : multibase_encode)(base, data, size, out);
}

static void put_sign(const struct cid *cid, char base, char sign, struct text *out)
{
    struct slice multihash = cid_multihash(cid);

    switch (sign) {
    case '%':
        text_put_char(out, '%');
        break;
    case 'b':
        text_put_text(out, multibase_name(base));
        break;
    case 'B':
        text_put_char(out, base);
        break;
    case 'v':
        text_put_format(out, "cidv%d", cid->version);
        break;
    case 'V':
        text_put_format(out, "%d", cid->version);
        break;
    case 'c':
        put_codec(cid->codec, out);
        break;
    case 'C':
        text_put_format(out, "%" PRIu64, cid->codec);
        break;
    case 'h':
        put_hash(cid->hash, out);
        break;
    case 'H':
        text_put_format(out, "%" PRIu64, cid->hash);
        break;
    case 'L':
        text_put_format(out, "%d", cid->digest_size);
        break;
    case 'm':
    case 'M':
        put_encoded(base, sign == 'M', multihash.data, multihash.size, out);
        break;
    case 'd':
    case 'D':
        put_encoded(base, sign == 'D', cid_digest(cid), cid->digest_size, out);
        break;
    case 's':
        put_encoded(base, cid->version == 0, cid->bytes, cid->size, out);
        break;
    case 'S':
        put_encoded(base, true, cid->bytes, cid->size, out);
        break;
    case 'P':
        text_put_format(out, "cidv%d-", cid->version);
        put_codec(cid->codec, out);
        text_put_char(out, '-');
        put_hash(cid->hash, out);
        text_put_format(out, "-%d", cid->digest_size);
        break;
    default:
        assert(!"a sign that cid_format_check has let pass");
    }
}

void cid_format(const struct cid *cid, char base, const char *format, struct text *out)
{
    assert(cid->version == 1 || base == CID_BASE_58BTC);
    for (const char *c = format; *c != '\0'; c++)
        if (*c == '%')
            put_sign(cid, base, *++c, out);
        else
            text_put_char(out, *c);
}
