// SPDX-License-Identifier: Apache-2.0
#include "ipfs/multibase.h"

#include <assert.h>

/* A base whose digits are whole bits (16, 32, 64), or one that treats the data as one big number.
 */
struct base {
    const char *name;
    const char *alphabet; /* in lower case where either case is read */
    uint32_t chunk;       /* of a number: radix to the power of chunk_digits, below 2^32 */
    uint8_t chunk_digits;
    uint8_t radix;
    uint8_t bits; /* of a digit; 0: a number */
    char prefix;
    bool is_caseless;
    bool is_upper; /* written in upper case */
    bool is_padded;
};

#define HEX     "0123456789abcdef"
#define BASE32  "abcdefghijklmnopqrstuvwxyz234567"
#define BASE32X "0123456789abcdefghijklmnopqrstuv"
#define BASE36  "0123456789abcdefghijklmnopqrstuvwxyz"
#define BASE58  "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
#define BASE64  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
#define BASE64U "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

#define BITS(Prefix, Name, Alphabet, Bits, Caseless, Upper, Padded)                                \
    {                                                                                              \
        .name = (Name), .alphabet = (Alphabet), .radix = 1 << (Bits), .bits = (Bits),              \
        .prefix = (Prefix), .is_caseless = (Caseless), .is_upper = (Upper), .is_padded = (Padded), \
    }

static const struct base bases[] = {
    BITS('f', "base16", HEX, 4, true, false, false),
    BITS('F', "base16upper", HEX, 4, true, true, false),
    BITS('b', "base32", BASE32, 5, true, false, false),
    BITS('B', "base32upper", BASE32, 5, true, true, false),
    BITS('c', "base32pad", BASE32, 5, true, false, true),
    BITS('C', "base32padupper", BASE32, 5, true, true, true),
    BITS('v', "base32hex", BASE32X, 5, true, false, false),
    BITS('V', "base32hexupper", BASE32X, 5, true, true, false),
    BITS('t', "base32hexpad", BASE32X, 5, true, false, true),
    BITS('T', "base32hexpadupper", BASE32X, 5, true, true, true),
    {.name = "base36",
     .alphabet = BASE36,
     .chunk = 2176782336,
     .chunk_digits = 6,
     .radix = 36,
     .prefix = 'k',
     .is_caseless = true},
    {.name = "base36upper",
     .alphabet = BASE36,
     .chunk = 2176782336,
     .chunk_digits = 6,
     .radix = 36,
     .prefix = 'K',
     .is_caseless = true,
     .is_upper = true},
    {.name = "base58btc",
     .alphabet = BASE58,
     .chunk = 656356768,
     .chunk_digits = 5,
     .radix = 58,
     .prefix = 'z'},
    BITS('m', "base64", BASE64, 6, false, false, false),
    BITS('M', "base64pad", BASE64, 6, false, false, true),
    BITS('u', "base64url", BASE64U, 6, false, false, false),
    BITS('U', "base64urlpad", BASE64U, 6, false, false, true),
};

/* The rest of the table, to refuse by name. */
static const struct {
    const char *prefix, *name;
} unsupported[] = {
    {"0", "base2"},  {"7", "base8"},        {"9", "base10"},   {"h", "base32z"},
    {"R", "base45"}, {"Z", "base58flickr"}, {"p", "proquint"}, {"\xf0\x9f\x9a\x80", "base256emoji"},
};

#define SUPPORTED "base16, base32, base36, base58btc and base64 and their variants"

static const struct base *find_base(char prefix)
{
    for (size_t i = 0; i < ARRAY_SIZE(bases); i++)
        if (bases[i].prefix == prefix)
            return &bases[i];
    return NULL;
}

const char *multibase_name(char prefix)
{
    const struct base *base = find_base(prefix);

    return base == NULL ? NULL : base->name;
}

bool multibase_find(struct slice name, char *prefix, struct error *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(bases); i++)
        if (slice_is(name, bases[i].name)) {
            *prefix = bases[i].prefix;
            return true;
        }
    for (size_t i = 0; i < ARRAY_SIZE(unsupported); i++)
        if (slice_is(name, unsupported[i].name))
            return error_set(err, ERROR_UNSUPPORTED,
                             "the base %s is not supported; supported are " SUPPORTED,
                             unsupported[i].name);
    return error_set(err, ERROR_NOT_FOUND, "there is no base '%.*s'; supported are " SUPPORTED,
                     (int)(name.size < 40 ? name.size : 40), name.data);
}

static char to_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

static char to_upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* The value of one digit, or -1. */
static int digit_value(const struct base *base, char c)
{
    const char *found = memchr(base->alphabet, base->is_caseless ? to_lower(c) : c, base->radix);

    return found == NULL ? -1 : (int)(found - base->alphabet);
}

static char digit_char(const struct base *base, unsigned value)
{
    char c = base->alphabet[value];

    return base->is_upper ? to_upper(c) : c;
}

/* position counts from 1. */
static bool refuse_char(const struct base *base, char c, size_t position, struct error *err)
{
    if (c > ' ' && c <= '~')
        return error_set(err, ERROR_SYNTAX, "character %zu, '%c', is not a digit of %s", position,
                         c, base->name);
    return error_set(err, ERROR_SYNTAX, "character %zu, byte 0x%02x, is not a digit of %s",
                     position, (unsigned char)c, base->name);
}

static bool refuse_size(size_t capacity, struct error *err)
{
    return error_set(err, ERROR_LIMIT, "is more than %zu bytes of data", capacity);
}

/* How many digits fill whole bytes: where padding ends. */
static size_t group_digits(const struct base *base)
{
    return base->bits == 6 ? 4 : base->bits == 5 ? 8 : 2;
}

/* Takes the padding off; it must be just what fills the last group. */
static bool strip_padding(const struct base *base, struct slice *text, struct error *err)
{
    size_t whole = text->size;
    size_t group = group_digits(base);

    while (text->size > 0 && text->data[text->size - 1] == '=')
        text->size--;
    if (whole != (text->size + group - 1) / group * group)
        return error_set(err, ERROR_SYNTAX,
                         "%s must be padded with '=' to a multiple of %zu characters", base->name,
                         group);
    return true;
}

static bool decode_bits(const struct base *base, struct slice text, size_t offset, uint8_t *out,
                        size_t capacity, size_t *size, struct error *err)
{
    uint32_t bits = 0;
    unsigned waiting = 0;
    size_t used = 0;

    if (base->is_padded && !strip_padding(base, &text, err))
        return false;
    for (size_t i = 0; i < text.size; i++) {
        int value = digit_value(base, text.data[i]);

        if (value < 0)
            return refuse_char(base, text.data[i], offset + i + 1, err);
        bits = bits << base->bits | (uint32_t)value;
        waiting += base->bits;
        if (waiting < 8)
            continue;
        waiting -= 8;
        if (used == capacity)
            return refuse_size(capacity, err);
        out[used++] = (uint8_t)(bits >> waiting);
    }
    if (waiting >= base->bits)
        return error_set(err, ERROR_SYNTAX, "%zu digits of %s are no whole number of bytes",
                         text.size, base->name);
    if ((bits & ((1U << waiting) - 1)) != 0)
        return error_set(err, ERROR_SYNTAX, "the last digit of %s has bits beyond the data",
                         base->name);
    *size = used;
    return true;
}

static void encode_bits(const struct base *base, const uint8_t *data, size_t size, struct text *out)
{
    size_t group = group_digits(base);
    char *to = text_reserve(out, (size * 8 / base->bits + 1 + group) + 1);
    size_t used = 0;
    uint32_t bits = 0;
    unsigned waiting = 0;

    for (size_t i = 0; i < size; i++) {
        bits = bits << 8 | data[i];
        for (waiting += 8; waiting >= base->bits; waiting -= base->bits)
            to[used++] = digit_char(base, bits >> (waiting - base->bits) & (base->radix - 1U));
    }
    if (waiting > 0)
        to[used++] = digit_char(base, bits << (base->bits - waiting) & (base->radix - 1U));
    while (base->is_padded && used % group != 0)
        to[used++] = '=';
    to[used] = '\0';
    out->size += used;
}

/* As many digits as MULTIBASE_RADIX_MAX bytes have in base36: 8 bits each at 5.17 a digit. */
#define DIGITS_MAX (MULTIBASE_RADIX_MAX * 8 / 5)

/* A big number, least significant limb first. Room for DIGITS_MAX digits of base58: 5.86 bits each.
 */
struct number {
    uint32_t limbs[DIGITS_MAX * 6 / 32];
    size_t count;
};

static void number_multiply_add(struct number *number, uint32_t factor, uint32_t add)
{
    uint64_t carry = add;

    for (size_t i = 0; i < number->count; i++) {
        carry += (uint64_t)number->limbs[i] * factor;
        number->limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry != 0) {
        assert(number->count < ARRAY_SIZE(number->limbs));
        number->limbs[number->count++] = (uint32_t)carry;
    }
}

/* Divides in place; returns the remainder. */
static uint32_t number_divide(struct number *number, uint32_t divisor)
{
    uint64_t rest = 0;

    for (size_t i = number->count; i-- > 0;) {
        rest = rest << 32 | number->limbs[i];
        number->limbs[i] = (uint32_t)(rest / divisor);
        rest %= divisor;
    }
    while (number->count > 0 && number->limbs[number->count - 1] == 0)
        number->count--;
    return (uint32_t)rest;
}

static size_t count_leading(const char *data, size_t size, char what)
{
    size_t count = 0;

    while (count < size && data[count] == what)
        count++;
    return count;
}

/* Puts the number behind the leading zeros, most significant byte first. */
static bool number_store(const struct number *number, size_t zeros, uint8_t *out, size_t capacity,
                         size_t *size, struct error *err)
{
    size_t bytes = number->count * 4;

    while (bytes > 0 && (number->limbs[(bytes - 1) / 4] >> (bytes - 1) % 4 * 8 & 0xff) == 0)
        bytes--;
    if (zeros + bytes > capacity)
        return refuse_size(capacity, err);
    if (zeros > 0)
        memset(out, 0, zeros);
    for (size_t i = 0; i < bytes; i++)
        out[zeros + bytes - 1 - i] = (uint8_t)(number->limbs[i / 4] >> i % 4 * 8);
    *size = zeros + bytes;
    return true;
}

static bool decode_number(const struct base *base, struct slice text, size_t offset, uint8_t *out,
                          size_t capacity, size_t *size, struct error *err)
{
    struct number number;
    size_t zeros = count_leading(text.data, text.size, base->alphabet[0]);
    uint32_t factor = 1, add = 0;

    if (text.size > DIGITS_MAX)
        return refuse_size(capacity < MULTIBASE_RADIX_MAX ? capacity : MULTIBASE_RADIX_MAX, err);
    number.count = 0;
    for (size_t i = zeros; i < text.size; i++) {
        int value = digit_value(base, text.data[i]);

        if (value < 0)
            return refuse_char(base, text.data[i], offset + i + 1, err);
        add = add * base->radix + (uint32_t)value;
        factor *= base->radix;
        if (factor == base->chunk || i + 1 == text.size) {
            number_multiply_add(&number, factor, add);
            factor = 1;
            add = 0;
        }
    }
    return number_store(&number, zeros, out, capacity, size, err);
}

static void number_load(struct number *number, const uint8_t *data, size_t size)
{
    number->count = (size + 3) / 4;
    memset(number->limbs, 0, number->count * sizeof(number->limbs[0]));
    for (size_t i = 0; i < size; i++)
        number->limbs[i / 4] |= (uint32_t)data[size - 1 - i] << i % 4 * 8;
}

static void encode_number(const struct base *base, const uint8_t *data, size_t size,
                          struct text *out)
{
    struct number number;
    size_t zeros = count_leading((const char *)data, size, '\0');
    char digits[DIGITS_MAX]; /* least significant first */
    size_t count = 0;
    char *to;

    assert(size <= MULTIBASE_RADIX_MAX);
    number_load(&number, data + zeros, size - zeros);
    while (number.count > 0) {
        uint32_t rest = number_divide(&number, base->chunk);

        for (int i = 0; i < base->chunk_digits && (rest > 0 || number.count > 0); i++) {
            digits[count++] = digit_char(base, rest % base->radix);
            rest /= base->radix;
        }
    }
    to = text_reserve(out, zeros + count + 1);
    memset(to, digit_char(base, 0), zeros);
    for (size_t i = 0; i < count; i++)
        to[zeros + i] = digits[count - 1 - i];
    to[zeros + count] = '\0';
    out->size += zeros + count;
}

void multibase_encode_bare(char prefix, const void *data, size_t size, struct text *out)
{
    const struct base *base = find_base(prefix);

    assert(base != NULL);
    if (base->bits > 0)
        encode_bits(base, data, size, out);
    else
        encode_number(base, data, size, out);
}

void multibase_encode(char prefix, const void *data, size_t size, struct text *out)
{
    text_put_char(out, prefix);
    multibase_encode_bare(prefix, data, size, out);
}

static bool decode(const struct base *base, struct slice text, size_t offset, uint8_t *out,
                   size_t capacity, size_t *size, struct error *err)
{
    if (base->bits > 0)
        return decode_bits(base, text, offset, out, capacity, size, err);
    return decode_number(base, text, offset, out, capacity, size, err);
}

bool multibase_decode_bare(char prefix, struct slice text, uint8_t *out, size_t capacity,
                           size_t *size, struct error *err)
{
    const struct base *base = find_base(prefix);

    assert(base != NULL);
    return decode(base, text, 0, out, capacity, size, err);
}

static bool refuse_prefix(struct slice text, struct error *err)
{
    unsigned char first = (unsigned char)text.data[0];

    for (size_t i = 0; i < ARRAY_SIZE(unsupported); i++)
        if (slice_starts(text, unsupported[i].prefix))
            return error_set(err, ERROR_UNSUPPORTED,
                             "the base %s is not supported; supported are " SUPPORTED,
                             unsupported[i].name);
    if (first > ' ' && first <= '~')
        return error_set(err, ERROR_SYNTAX, "no base has the prefix '%c'", first);
    return error_set(err, ERROR_SYNTAX, "no base that is text has the prefix byte 0x%02x", first);
}

bool multibase_decode(struct slice text, uint8_t *out, size_t capacity, size_t *size,
                      struct error *err)
{
    const struct base *base;

    if (text.size == 0)
        return error_set(err, ERROR_SYNTAX, "is empty: a base prefix was expected");
    base = find_base(text.data[0]);
    if (base == NULL)
        return refuse_prefix(text, err);
    return decode(base, (struct slice){text.data + 1, text.size - 1}, 1, out, capacity, size, err);
}
