// SPDX-License-Identifier: Apache-2.0
#include "ipfs/dag_cbor_scan.h"

#include <assert.h>
#include <math.h>

#define TAG_LINK 42

struct head {
    unsigned major;
    unsigned info;
    uint64_t value;
};

void cbor_scan_begin(struct cbor_scan *scan, struct slice block, enum dag_cbor_mode mode)
{
    scan->start = scan->at = (const uint8_t *)(block.data != NULL ? block.data : "");
    scan->end = scan->start + block.size;
    scan->mode = mode;
    scan->began = false;
    scan->depth = 0;
}

static bool refuse(const struct cbor_scan *scan, const uint8_t *at, struct error *err,
                   const char *what)
{
    return error_set(err, ERROR_SYNTAX, "byte %zu: %s", (size_t)(at - scan->start), what);
}

/* The number behind the first byte: none, or 1, 2, 4, 8 bytes. */
static bool read_head(struct cbor_scan *scan, struct head *head, struct error *err)
{
    const uint8_t *at = scan->at;
    unsigned width;

    if (at == scan->end)
        return refuse(scan, at, err, "the block ends where a value should begin");
    head->major = *at >> 5;
    head->info = *at & 31;
    head->value = head->info;
    scan->at++;
    if (head->info < 24)
        return true;
    if (head->info == 31)
        return refuse(scan, at, err, "indefinite lengths are not dag-cbor");
    if (head->info > 27)
        return refuse(scan, at, err, "a reserved length code");
    width = 1U << (head->info - 24);
    if ((size_t)(scan->end - scan->at) < width)
        return refuse(scan, at, err, "the number is cut off");
    head->value = 0;
    for (unsigned i = 0; i < width; i++)
        head->value = head->value << 8 | *scan->at++;
    return true;
}

/* A shorter head would do. (The bits of floats are no numbers.) */
static bool is_wide(const struct head *head)
{
    static const uint64_t smallest[] = {24, 0x100, 0x10000, 0x100000000};

    if (head->info < 24 || head->major == CBOR_SIMPLE)
        return false;
    assert(head->info - 24 < ARRAY_SIZE(smallest));
    return head->value < smallest[head->info - 24];
}

static bool read_bytes(struct cbor_scan *scan, const struct head *head, const uint8_t *at,
                       struct error *err)
{
    if (head->value > (uint64_t)(scan->end - scan->at))
        return error_set(err, ERROR_SYNTAX, "byte %zu: %llu bytes are announced, %zu are there",
                         (size_t)(at - scan->start), (unsigned long long)head->value,
                         (size_t)(scan->end - scan->at));
    scan->bytes = (struct slice){(const char *)scan->at, (size_t)head->value};
    scan->at += head->value;
    return true;
}

static bool read_link(struct cbor_scan *scan, uint64_t tag, const uint8_t *at, struct error *err)
{
    const uint8_t *inner = scan->at;
    struct head head = {0};

    if (scan->mode == DAG_CBOR_PLAIN)
        return error_set(err, ERROR_SYNTAX, "byte %zu: unhandled cbor tag %llu",
                         (size_t)(at - scan->start), (unsigned long long)tag);
    if (tag != TAG_LINK)
        return error_set(err, ERROR_SYNTAX, "byte %zu: tag %llu is not dag-cbor, only 42 is",
                         (size_t)(at - scan->start), (unsigned long long)tag);
    if (!read_head(scan, &head, err))
        return false;
    if (head.major != CBOR_BYTES)
        return refuse(scan, inner, err, "tag 42 (a link) is not around bytes");
    if (is_wide(&head) && scan->mode != DAG_CBOR_LINKS)
        return refuse(scan, inner, err, "the length is not in its shortest form");
    if (!read_bytes(scan, &head, inner, err))
        return false;
    if (scan->bytes.size == 0 || scan->bytes.data[0] != 0)
        return refuse(scan, inner, err, "a link does not begin with the byte 0x00");
    scan->kind = DAG_LINK;
    scan->bytes.data++;
    scan->bytes.size--;
    if (!cid_from_bytes(&scan->cid, scan->bytes.data, scan->bytes.size, err))
        return error_prefix(err, "byte %zu: the link", (size_t)(inner - scan->start));
    return true;
}

static bool open_container(struct cbor_scan *scan, const struct head *head, const uint8_t *at,
                           struct error *err)
{
    bool is_map = head->major == CBOR_MAP;
    uint64_t room = (uint64_t)(scan->end - scan->at) / (is_map ? 2 : 1);

    if (scan->depth == DAG_DEPTH_MAX)
        return error_set(err, ERROR_LIMIT, "byte %zu: nested deeper than %d",
                         (size_t)(at - scan->start), DAG_DEPTH_MAX);
    if (head->value > room) /* each takes a byte at least */
        return error_set(err, ERROR_SYNTAX,
                         "byte %zu: %llu entries are announced, %zu bytes are there",
                         (size_t)(at - scan->start), (unsigned long long)head->value,
                         (size_t)(scan->end - scan->at));
    scan->kind = is_map ? DAG_MAP : DAG_LIST;
    scan->size = head->value;
    scan->frames[scan->depth++] = (struct cbor_frame){
        .left = is_map ? head->value * 2 : head->value,
        .is_map = is_map,
    };
    return true;
}

static double half_float(uint16_t bits)
{
    int exponent = bits >> 10 & 31;
    int mantissa = bits & 0x3ff;
    double value = exponent == 0    ? ldexp(mantissa, -24)
                   : exponent != 31 ? ldexp(mantissa + 1024, exponent - 25)
                   : mantissa == 0  ? (double)INFINITY
                                    : (double)NAN;

    return bits & 0x8000 ? -value : value;
}

static double wide_float(unsigned info, uint64_t bits)
{
    uint32_t low = (uint32_t)bits;
    float single;
    double value;

    if (info == 25)
        return half_float((uint16_t)bits);
    if (info == 26) {
        memcpy(&single, &low, sizeof(single));
        return single;
    }
    memcpy(&value, &bits, sizeof(value));
    return value;
}

static bool read_simple(struct cbor_scan *scan, const struct head *head, const uint8_t *at,
                        struct error *err)
{
    switch (head->info) {
    case 20:
    case 21:
        scan->kind = DAG_BOOL;
        scan->truth = head->info == 21;
        return true;
    case 23:
        if (scan->mode == DAG_CBOR_STRICT)
            return refuse(scan, at, err, "\"undefined\" is not dag-cbor");
        /* fallthrough */
    case 22:
        scan->kind = DAG_NULL;
        return true;
    case 25:
    case 26:
        if (scan->mode == DAG_CBOR_STRICT)
            return refuse(scan, at, err, "a float is not written in 64 bits");
        /* fallthrough */
    case 27:
        scan->kind = DAG_FLOAT;
        scan->real = wide_float(head->info, head->value);
        return scan->mode == DAG_CBOR_LINKS || isfinite(scan->real) ||
               refuse(scan, at, err, "NaN and the infinities are not dag-cbor");
    default:
        return refuse(scan, at, err, "a simple value other than false, true and null");
    }
}

static bool read_integer(struct cbor_scan *scan, const struct head *head, const uint8_t *at,
                         struct error *err)
{
    scan->kind = DAG_INT;
    if (head->value <= INT64_MAX) {
        scan->integer = head->major == CBOR_UINT ? (int64_t)head->value : -1 - (int64_t)head->value;
        return true;
    }
    scan->kind = DAG_UINT;
    scan->natural = head->value;
    return head->major == CBOR_UINT || scan->mode == DAG_CBOR_LINKS ||
           refuse(scan, at, err, "an integer below -2^63");
}

static bool is_utf8(struct slice text)
{
    for (size_t i = 0; i < text.size;) {
        size_t length = utf8_length((struct slice){text.data + i, text.size - i});

        if (length == 0)
            return false;
        i += length;
    }
    return true;
}

static bool read_text(struct cbor_scan *scan, const struct head *head, const uint8_t *at,
                      struct error *err)
{
    scan->kind = DAG_TEXT;
    if (!read_bytes(scan, head, at, err))
        return false;
    return scan->mode != DAG_CBOR_STRICT || is_utf8(scan->bytes) ||
           refuse(scan, at, err, "text that is not UTF-8");
}

static bool read_item(struct cbor_scan *scan, struct error *err)
{
    const uint8_t *at = scan->at;
    struct head head = {0};

    if (!read_head(scan, &head, err))
        return false;
    if (is_wide(&head) && scan->mode != DAG_CBOR_LINKS)
        return refuse(scan, at, err, "the number is not in its shortest form");
    switch (head.major) {
    case CBOR_UINT:
    case CBOR_NINT:
        return read_integer(scan, &head, at, err);
    case CBOR_BYTES:
        scan->kind = DAG_BYTES;
        return read_bytes(scan, &head, at, err);
    case CBOR_TEXT:
        return read_text(scan, &head, at, err);
    case CBOR_LIST:
    case CBOR_MAP:
        return open_container(scan, &head, at, err);
    case CBOR_TAG:
        return read_link(scan, head.value, at, err);
    default:
        return read_simple(scan, &head, at, err);
    }
}

static bool is_ordered(struct slice before, struct slice key)
{
    return before.size != key.size ? before.size < key.size
                                   : memcmp(before.data, key.data, key.size) < 0;
}

static bool check_key(struct cbor_scan *scan, struct cbor_frame *frame, const uint8_t *at,
                      struct error *err)
{
    if (scan->kind != DAG_TEXT)
        return refuse(scan, at, err, "a map's key is not text");
    if (scan->mode == DAG_CBOR_STRICT && frame->key.data != NULL &&
        !is_ordered(frame->key, scan->bytes))
        return refuse(scan, at, err, "a map's keys are not in order, or one is there twice");
    frame->key = scan->bytes;
    return true;
}

enum cbor_step cbor_scan_next(struct cbor_scan *scan, struct error *err)
{
    struct cbor_frame *frame = scan->depth > 0 ? &scan->frames[scan->depth - 1] : NULL;
    const uint8_t *at = scan->at;
    bool is_key;

    if (frame == NULL && scan->began) {
        if (at == scan->end)
            return CBOR_DONE;
        refuse(scan, at, err, "more bytes behind the value");
        return CBOR_BAD;
    }
    if (frame != NULL && frame->left == 0) {
        scan->depth--;
        return CBOR_CLOSE;
    }
    scan->began = true;
    is_key = frame != NULL && frame->is_map && frame->left % 2 == 0;
    if (frame != NULL)
        frame->left--;
    if (!read_item(scan, err) || (is_key && !check_key(scan, frame, at, err)))
        return CBOR_BAD;
    return CBOR_ITEM;
}
