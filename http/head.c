// SPDX-License-Identifier: Apache-2.0
#include "http/head.h"

#include <assert.h>
#include <strings.h>

/* Exported by libh2o without a header. */
struct phr_header {
    const char *name;
    size_t name_len;
    const char *value;
    size_t value_len;
};
int phr_parse_request(const char *buf, size_t len, const char **method, size_t *method_len,
                      const char **path, size_t *path_len, int *minor_version,
                      struct phr_header *headers, size_t *num_headers, size_t last_len);
int phr_parse_response(const char *buf, size_t len, int *minor_version, int *status,
                       const char **msg, size_t *msg_len, struct phr_header *headers,
                       size_t *num_headers, size_t last_len);

/* The parser fills our array directly. */
static_assert(sizeof(struct header) == sizeof(struct phr_header), "header has phr_header's layout");
static_assert(offsetof(struct header, value.data) == offsetof(struct phr_header, value),
              "header has phr_header's layout");

static enum head_result bad(struct head_fault *fault, int status, const char *text)
{
    *fault = (struct head_fault){.status = status, .text = text};
    return HEAD_BAD;
}

static bool name_is(struct slice name, const char *lower, size_t size)
{
    return name.size == size && strncasecmp(name.data, lower, size) == 0;
}

#define NAME_IS(name, literal) name_is((name), (literal), sizeof(literal) - 1)

static bool is_token_char(unsigned char c)
{
    /* RFC 9110 section 5.6.2, a bit per character of ASCII */
    static const uint64_t tokens[4] = {0x03ff6cfa00000000, 0x57ffffffc7fffffe, 0, 0};

    return (tokens[c >> 6] >> (c & 63) & 1) != 0;
}

bool head_is_token(struct slice s)
{
    for (size_t i = 0; i < s.size; i++)
        if (!is_token_char((unsigned char)s.data[i]))
            return false;
    return s.size > 0;
}

static struct slice trim(struct slice s)
{
    while (s.size > 0 && (s.data[0] == ' ' || s.data[0] == '\t')) {
        s.data++;
        s.size--;
    }
    while (s.size > 0 && (s.data[s.size - 1] == ' ' || s.data[s.size - 1] == '\t'))
        s.size--;
    return s;
}

/* Takes the next element of a comma-separated list, blanks around it removed; empty ones too. */
static bool next_element(struct slice *list, struct slice *element)
{
    const char *comma;

    if (list->data == NULL)
        return false;
    comma = memchr(list->data, ',', list->size);
    if (comma == NULL) {
        *element = trim(*list);
        *list = (struct slice){0};
    } else {
        size_t size = (size_t)(comma - list->data);

        *element = trim((struct slice){list->data, size});
        list->data += size + 1;
        list->size -= size + 1;
    }
    return true;
}

static bool list_contains(struct slice list, struct slice token)
{
    struct slice element;

    while (next_element(&list, &element))
        if (slice_equal_caseless(element, token))
            return true;
    return false;
}

/* ---- lines: the parser takes a bare LF for a line's end and folded lines for headers; we do
 * neither */

static bool ends_with_crlf(const char *end, const char *limit)
{
    return limit - end >= 2 && end[0] == '\r' && end[1] == '\n';
}

static bool check_lines(struct head *head, const char *first_line_end, const char *limit,
                        struct head_fault *fault)
{
    if (!ends_with_crlf(first_line_end, limit)) {
        bad(fault, 400, "the first line does not end with CR LF");
        return false;
    }
    for (size_t i = 0; i < head->header_count; i++) {
        struct header *header = &head->headers[i];

        if (header->name.data == NULL) {
            bad(fault, 400, "a header line is folded (obsolete line folding)");
            return false;
        }
        if (!head_is_token(header->name)) {
            bad(fault, 400, "a header name has a character that names cannot have");
            return false;
        }
        if (!ends_with_crlf(header->value.data + header->value.size, limit)) {
            bad(fault, 400, "a header line does not end with CR LF");
            return false;
        }
        header->value = trim(header->value);
    }
    if (!ends_with_crlf(limit - 2, limit)) {
        bad(fault, 400, "the head does not end with an empty line");
        return false;
    }
    return true;
}

/* ---- framing */

struct framing_facts {
    bool has_length, is_chunked, says_close, says_keep_alive;
    uint64_t length;
};

static bool read_length(struct slice value, struct framing_facts *facts, struct head_fault *fault)
{
    uint64_t length = 0;

    for (size_t i = 0; i < value.size; i++) {
        unsigned int digit = (unsigned int)(unsigned char)value.data[i] - '0';

        if (digit > 9) {
            bad(fault, 400, "Content-Length is not a plain decimal number");
            return false;
        }
        if (__builtin_mul_overflow(length, 10, &length) ||
            __builtin_add_overflow(length, digit, &length) || length > INT64_MAX) {
            bad(fault, 400, "Content-Length is larger than any body can be");
            return false;
        }
    }
    if (value.size == 0) {
        bad(fault, 400, "Content-Length is empty");
        return false;
    }
    if (facts->has_length) {
        bad(fault, 400, "Content-Length is given more than once");
        return false;
    }
    facts->has_length = true;
    facts->length = length;
    return true;
}

static bool read_transfer_encoding(struct slice value, struct framing_facts *facts,
                                   struct head_fault *fault)
{
    if (facts->is_chunked) {
        bad(fault, 400, "Transfer-Encoding is given more than once");
        return false;
    }
    if (!slice_equal_caseless(value, SLICE("chunked"))) {
        bad(fault, 501, "Transfer-Encoding is not exactly \"chunked\"");
        return false;
    }
    facts->is_chunked = true;
    return true;
}

static void read_connection(struct slice value, struct framing_facts *facts)
{
    struct slice element;

    while (next_element(&value, &element)) {
        if (slice_equal_caseless(element, SLICE("close")))
            facts->says_close = true;
        else if (slice_equal_caseless(element, SLICE("keep-alive")))
            facts->says_keep_alive = true;
    }
}

/* Reads what requests and replies have in common. */
static bool read_framing(struct head *head, struct framing_facts *facts, struct head_fault *fault)
{
    for (size_t i = 0; i < head->header_count; i++) {
        const struct header *header = &head->headers[i];

        if (NAME_IS(header->name, "content-length")) {
            if (!read_length(header->value, facts, fault))
                return false;
        } else if (NAME_IS(header->name, "transfer-encoding")) {
            if (!read_transfer_encoding(header->value, facts, fault))
                return false;
        } else if (NAME_IS(header->name, "connection")) {
            read_connection(header->value, facts);
        }
    }
    if (facts->is_chunked && facts->has_length) {
        bad(fault, 400, "both Content-Length and Transfer-Encoding are given");
        return false;
    }
    if (facts->is_chunked && head->minor == 0) {
        bad(fault, 400, "Transfer-Encoding in HTTP/1.0");
        return false;
    }
    head->keeps_alive =
        head->minor == 0 ? facts->says_keep_alive && !facts->says_close : !facts->says_close;
    return true;
}

/* ---- requests */

static bool is_host(struct slice host)
{
    for (size_t i = 0; i < host.size; i++) {
        unsigned char c = (unsigned char)host.data[i];

        if (!(is_token_char(c) || c == ':' || c == '[' || c == ']'))
            return false;
    }
    return true;
}

static bool read_request_fields(struct head *head, struct head_fault *fault)
{
    size_t hosts = 0;

    for (size_t i = 0; i < head->header_count; i++) {
        const struct header *header = &head->headers[i];

        if (NAME_IS(header->name, "host")) {
            head->host = header->value;
            hosts++;
        } else if (NAME_IS(header->name, "expect")) {
            if (!slice_equal_caseless(header->value, SLICE("100-continue"))) {
                bad(fault, 417, "Expect is not \"100-continue\"");
                return false;
            }
            head->expects_continue = head->minor > 0;
        }
    }
    if (hosts > 1 || (hosts == 0 && head->minor > 0) || !is_host(head->host)) {
        bad(fault, 400, hosts == 1 ? "Host is not a host" : "exactly one Host header is needed");
        return false;
    }
    return true;
}

/* Only the origin form: a path and a query, in characters that a URI has. */
static bool check_request_line(const struct head *head, struct head_fault *fault)
{
    if (!head_is_token(head->method)) {
        bad(fault, 400, "the method has a character that methods cannot have");
        return false;
    }
    if (head->target.size == 0 || head->target.data[0] != '/') {
        bad(fault, 400, "the request target is not a path");
        return false;
    }
    for (size_t i = 0; i < head->target.size; i++) {
        unsigned char c = (unsigned char)head->target.data[i];

        if (c <= ' ' || c >= 0x7f || c == '#') {
            bad(fault, 400, "the request target has a character that is not of a URI");
            return false;
        }
    }
    return true;
}

/* The parser tolerates what we do not; say which it was, as far as the first line tells. */
static enum head_result unparsable_request(const char *data, size_t size, struct head_fault *fault)
{
    const char *end = memchr(data, '\n', size);
    size_t line = end == NULL ? size : (size_t)(end - data);
    const char *version = NULL;

    for (size_t i = 0; i + 5 <= line; i++)
        if (memcmp(data + i, "HTTP/", 5) == 0)
            version = data + i;
    if (version != NULL && (size_t)(data + line - version) >= 8 &&
        memcmp(version, "HTTP/1.", 7) != 0)
        return bad(fault, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    return bad(fault, 400, "this is not an HTTP/1.1 request");
}

/* The parser waits for the version also behind the end of the line. Once that is there, the line
 * has one, or never will. */
static bool may_become_request(const char *data, size_t size)
{
    static const char version[] = " HTTP/1."; /* and a digit */
    const size_t tail = sizeof(version);
    const char *end = memchr(data, '\n', size);
    size_t line = end == NULL ? 0 : (size_t)(end - data);

    if (end == NULL)
        return true;
    if (line > 0 && data[line - 1] == '\r')
        line--;
    return line > tail && memcmp(data + line - tail, version, tail - 1) == 0;
}

enum head_result head_parse_request(struct head *head, const char *data, size_t size, size_t seen,
                                    struct head_fault *fault)
{
    struct framing_facts facts = {0};
    int used;

    if (size > 0 && !is_token_char((unsigned char)data[0]))
        return bad(fault, 400, "a request does not begin with a method");
    head->header_count = HEAD_HEADERS_MAX;
    used = phr_parse_request(data, size, &head->method.data, &head->method.size, &head->target.data,
                             &head->target.size, &head->minor,
                             (struct phr_header *)(void *)head->headers, &head->header_count, seen);
    if (used == -2)
        return may_become_request(data, size) ? HEAD_MORE : unparsable_request(data, size, fault);
    if (used < 0)
        return head->header_count == HEAD_HEADERS_MAX ? bad(fault, 431, "more than 100 headers")
                                                      : unparsable_request(data, size, fault);
    head->size = (size_t)used;
    head->status = 0;
    head->host = (struct slice){0};
    head->expects_continue = false;
    if (head->minor > 1)
        return bad(fault, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    /* behind the target: " HTTP/1.x" */
    if (!check_lines(head, head->target.data + head->target.size + 9, data + used, fault) ||
        !check_request_line(head, fault) || !read_framing(head, &facts, fault) ||
        !read_request_fields(head, fault))
        return HEAD_BAD;
    head->body = facts.is_chunked                       ? FRAMING_CHUNKED
                 : facts.has_length && facts.length > 0 ? FRAMING_LENGTH
                                                        : FRAMING_NONE;
    head->content_length = facts.length;
    return HEAD_DONE;
}

/* ---- replies */

static enum body_framing reply_body(const struct head *head, const struct framing_facts *facts,
                                    bool reply_to_head)
{
    if (reply_to_head || head->status < 200 || head->status == 204 || head->status == 304)
        return FRAMING_NONE;
    if (facts->is_chunked)
        return FRAMING_CHUNKED;
    if (!facts->has_length)
        return FRAMING_UNTIL_CLOSE;
    return facts->length > 0 ? FRAMING_LENGTH : FRAMING_NONE;
}

enum head_result head_parse_reply(struct head *head, const char *data, size_t size, size_t seen,
                                  bool reply_to_head, struct head_fault *fault)
{
    struct framing_facts facts = {0};
    const char *reason;
    size_t reason_size;
    int used;

    head->header_count = HEAD_HEADERS_MAX;
    used =
        phr_parse_response(data, size, &head->minor, &head->status, &reason, &reason_size,
                           (struct phr_header *)(void *)head->headers, &head->header_count, seen);
    if (used == -2)
        return HEAD_MORE;
    if (used < 0)
        return bad(fault, 502, "this is not an HTTP/1.1 reply");
    head->size = (size_t)used;
    head->method = head->target = head->host = (struct slice){0};
    head->expects_continue = false;
    if (head->minor > 1 || head->status < 100 || head->status > 599)
        return bad(fault, 502, "the status line is not HTTP/1.1's");
    if (!check_lines(head, reason + reason_size, data + used, fault) ||
        !read_framing(head, &facts, fault))
        return HEAD_BAD;
    head->body = reply_body(head, &facts, reply_to_head);
    head->content_length = facts.length;
    if (head->body == FRAMING_UNTIL_CLOSE)
        head->keeps_alive = false;
    return HEAD_DONE;
}

/* ---- fields */

const struct header *head_find(const struct head *head, const char *name)
{
    size_t size = strlen(name);

    for (size_t i = 0; i < head->header_count; i++)
        if (name_is(head->headers[i].name, name, size))
            return &head->headers[i];
    return NULL;
}

bool head_is_hop_by_hop(const struct head *head, struct slice name)
{
    static const char *const ends_here[] = {
        "connection",          "keep-alive", "proxy-connection",   "te",     "trailer",
        "transfer-encoding",   "upgrade",    "proxy-authenticate", "expect", "content-length",
        "proxy-authorization", "host",
    };

    for (size_t i = 0; i < ARRAY_SIZE(ends_here); i++)
        if (name_is(name, ends_here[i], strlen(ends_here[i])))
            return true;
    for (size_t i = 0; i < head->header_count; i++)
        if (NAME_IS(head->headers[i].name, "connection") &&
            list_contains(head->headers[i].value, name))
            return true;
    return false;
}

bool head_is_forbidden_trailer(struct slice name)
{
    static const char *const forbidden[] = {
        "transfer-encoding",
        "content-length",
        "host",
        "content-encoding",
        "content-type",
        "content-range",
        "trailer",
        "authorization",
        "set-cookie",
        "cookie",
        "connection",
        "te",
        "upgrade",
        "cache-control",
        "expect",
        "keep-alive",
        "proxy-authorization",
    };

    for (size_t i = 0; i < ARRAY_SIZE(forbidden); i++)
        if (name_is(name, forbidden[i], strlen(forbidden[i])))
            return true;
    return false;
}
