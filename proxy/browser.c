// SPDX-License-Identifier: Apache-2.0
#include "proxy/browser.h"

#include "conf/address.h"

#include <arpa/inet.h>

/* ---- Host */

/* Without the port; an IPv6 literal keeps its brackets. */
static struct slice host_name(struct slice host)
{
    const char *end, *colon;

    if (host.size == 0) /* HTTP/1.0 without one: there may be no bytes to look at */
        return host;
    end = host.data[0] == '[' ? memchr(host.data, ']', host.size) : NULL;
    if (end != NULL)
        return (struct slice){host.data, (size_t)(end - host.data) + 1};
    colon = memchr(host.data, ':', host.size);
    return (struct slice){host.data, colon == NULL ? host.size : (size_t)(colon - host.data)};
}

/* A rebinding page needs a name of its own; an address as Host is nobody's name. */
static bool is_address_literal(struct slice name)
{
    char text[INET6_ADDRSTRLEN + 2];
    unsigned char bytes[16];

    if (name.size == 0 || name.size >= sizeof(text))
        return false;
    memcpy(text, name.data, name.size);
    text[name.size] = '\0';
    if (text[0] != '[')
        return inet_pton(AF_INET, text, bytes) == 1;
    text[name.size - 1] = '\0';
    return inet_pton(AF_INET6, text + 1, bytes) == 1;
}

static bool is_listed_host(const struct config *config, struct slice host)
{
    for (size_t i = 0; i < config->hosts.count; i++) {
        struct slice listed = slice_of(config->hosts.items[i]);
        bool has_port = memchr(listed.data, ':', listed.size) != NULL && listed.data[0] != '[';

        if (slice_equal_caseless(listed, has_port ? host : host_name(host)))
            return true;
    }
    return false;
}

static bool is_own_host(const struct config *config, const struct head *head)
{
    struct slice name = host_name(head->host);

    if (head->host.size == 0) /* HTTP/1.0: no browser */
        return true;
    if (is_address_literal(name) || is_listed_host(config, head->host))
        return true;
    if (config->listen.clients.address.kind == ADDRESS_UNIX)
        return true; /* no page reaches a unix socket */
    return address_is_loopback(&config->listen.clients.address) &&
           slice_equal_caseless(name, SLICE("localhost"));
}

/* ---- Origin and Referer */

static bool is_listed_origin(const struct config *config, struct slice origin)
{
    for (size_t i = 0; i < config->origins.count; i++)
        if (slice_equal_caseless(origin, slice_of(config->origins.items[i])))
            return true;
    return false;
}

/* scheme://host[:port] of a URL. */
static struct slice origin_of(struct slice url)
{
    static const char separator[] = "://";
    const char *host = memmem(url.data, url.size, separator, sizeof(separator) - 1);
    const char *path;

    if (host == NULL)
        return url;
    host += sizeof(separator) - 1;
    path = memchr(host, '/', (size_t)(url.data + url.size - host));
    return (struct slice){url.data, path == NULL ? url.size : (size_t)(path - url.data)};
}

/* Old browsers send neither Origin nor Referer with some requests, but they all say Mozilla.
 * Electron's renderer is the program's own page. */
static bool is_anonymous_browser(const struct head *head)
{
    const struct header *agent = head_find(head, "user-agent");

    return agent != NULL && slice_starts(agent->value, "Mozilla") &&
           memmem(agent->value.data, agent->value.size, "Electron", 8) == NULL;
}

static void put_cors(struct text *headers, struct slice origin)
{
    text_put_text(headers, "Access-Control-Allow-Origin: ");
    text_put_slice(headers, origin);
    text_put_text(headers, "\r\nVary: Origin\r\nAccess-Control-Expose-Headers: X-Stream-Output, "
                           "X-Chunked-Output, X-Content-Length, X-Request-Id\r\n");
}

void browser_put_preflight(const struct head *head, struct text *headers)
{
    text_put_text(headers, "Access-Control-Allow-Methods: POST\r\n"
                           "Access-Control-Allow-Headers: Authorization, Content-Type, "
                           "X-Stream-Output, X-Chunked-Output, X-Content-Length, X-Request-Id\r\n"
                           "Access-Control-Max-Age: 600\r\n");
}

/* ---- the whole */

static bool has_two(const struct head *head, const char *name)
{
    const struct header *first = head_find(head, name);

    for (size_t i = 0; first != NULL && i < head->header_count; i++)
        if (&head->headers[i] != first && slice_equal_caseless(head->headers[i].name, first->name))
            return true;
    return false;
}

static bool check_host(const struct config *config, const struct head *head, struct error *err)
{
    return is_own_host(config, head) ||
           error_set(err, ERROR_REFUSED,
                     "this gateway does not answer to the host name '%.*s'; its operator can "
                     "add it to `hosts` in causeway.yaml",
                     SLICE_ARGS(host_name(head->host)));
}

static bool check_page(const struct config *config, const struct header *origin,
                       const struct header *referer, struct error *err)
{
    if (origin != NULL && !is_listed_origin(config, origin->value))
        return error_set(err, ERROR_REFUSED,
                         "pages of %.*s may not use this gateway; its operator can add that origin "
                         "to `origins` in causeway.yaml",
                         SLICE_ARGS(origin->value));
    if (referer != NULL && !is_listed_origin(config, origin_of(referer->value)))
        return error_set(err, ERROR_REFUSED,
                         "pages of %.*s (Referer) may not use this gateway; its operator can add "
                         "that origin to `origins` in causeway.yaml",
                         SLICE_ARGS(origin_of(referer->value)));
    return true;
}

bool browser_check(const struct config *config, const struct head *head, struct text *reply_headers,
                   struct error *err)
{
    const struct header *origin = head_find(head, "origin");
    const struct header *referer = head_find(head, "referer");

    if (has_two(head, "origin") || has_two(head, "referer"))
        return error_set(
            err, ERROR_REFUSED,
            "the request names more than one page that it comes from (Origin or Referer)");
    if (origin != NULL && is_listed_origin(config, origin->value))
        put_cors(reply_headers, origin->value);
    if (!check_host(config, head, err) || !check_page(config, origin, referer, err))
        return false;
    if (origin == NULL && referer == NULL && is_anonymous_browser(head))
        return error_set(err, ERROR_REFUSED,
                         "a browser's request must say which page it comes from (Origin), and that "
                         "must be listed in `origins`");
    return true;
}
