// SPDX-License-Identifier: Apache-2.0
#include "conf/config_check.h"

#include "conf/address.h"
#include "conf/id.h"

#include <stdio.h>
#include <string.h>

static bool is_lower_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Lower-case letters, digits and '-' in labels of 1 to 63, '.' between them. */
static bool is_dns_name(struct slice name)
{
    size_t label = 0; /* letters of the label so far */

    if (name.size == 0 || name.size > 253)
        return false;
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        bool is_last = i + 1 == name.size || name.data[i + 1] == '.';

        if (c == '.' && label > 0 && !is_last)
            label = 0;
        else if (is_lower_or_digit(c) || (c == '-' && label > 0 && !is_last))
            label++;
        else
            return false;
        if (label > 63)
            return false;
    }
    return true;
}

bool config_check_org(const void *text, struct error *err)
{
    return is_dns_name(slice_of(text)) ||
           error_set(err, ERROR_SYNTAX,
                     "'%s' is no DNS name; an organization is named as one, in lower case, such as "
                     "library.example.org",
                     (const char *)text);
}

/* A DNS name or IP address, in brackets if it has colons, perhaps with a port. */
static bool is_host(struct slice host)
{
    const char *colon = memchr(host.data, ':', host.size);
    struct address address;
    char with_port[ADDRESS_TEXT_SIZE];
    struct slice name = host;

    if (host.size == 0 || host.size > 259)
        return false;
    if (host.data[0] == '[') {
        snprintf(with_port, sizeof(with_port), "%.*s%s", SLICE_ARGS(host),
                 host.data[host.size - 1] == ']' ? ":1" : "");
        return address_parse(&address, slice_of(with_port), NULL);
    }
    if (colon == NULL)
        return is_dns_name(host);
    name.size = (size_t)(colon - host.data);
    return is_dns_name(name) && address_parse(&address, host, NULL);
}

bool config_check_host(const void *text, struct error *err)
{
    return is_host(slice_of(text)) ||
           error_set(err, ERROR_SYNTAX,
                     "'%s' is no host; write it as clients send it, in lower case: "
                     "ipfs.example.org, ipfs.example.org:8443 or [fd00::1]:9500",
                     (const char *)text);
}

/* RFC 6454: scheme "://" host [":" port], all in lower case, nothing behind. */
bool config_check_origin(const void *text, struct error *err)
{
    struct slice origin = slice_of(text);
    const char *mark = strstr(text, "://");
    size_t scheme = mark != NULL ? (size_t)(mark - origin.data) : 0;
    bool is_fine = scheme > 0 && origin.data[0] >= 'a' && origin.data[0] <= 'z';

    for (size_t i = 0; i < scheme; i++)
        is_fine &= is_lower_or_digit(origin.data[i]) || strchr("+-.", origin.data[i]) != NULL;
    if (is_fine && is_host((struct slice){mark + 3, origin.size - scheme - 3}))
        return true;
    return error_set(err, ERROR_SYNTAX,
                     "'%s' is no origin; write scheme and host, in lower case, without a path: "
                     "https://app.example.org",
                     (const char *)text);
}

bool config_check_can_listen(const void *address_, struct error *err)
{
    const struct address *address = address_;

    return address->kind != ADDRESS_NAME ||
           error_set(err, ERROR_SYNTAX, "'%s' is a name; write the IP address to listen on",
                     address->text);
}

bool config_check_loopback(const void *address_, struct error *err)
{
    const struct address *address = address_;

    if (!config_check_can_listen(address, err))
        return false;
    return address_is_loopback(address) ||
           error_set(err, ERROR_REFUSED,
                     "%s can be reached from other machines, where anybody could use it; write a "
                     "loopback address such as 127.0.0.1:%u",
                     address->text, address->port);
}

bool config_check_can_serve_partners(const void *address_, struct error *err)
{
    const struct address *address = address_;

    if (!config_check_can_listen(address, err))
        return false;
    if (address->kind != ADDRESS_IP)
        return error_set(err, ERROR_SYNTAX,
                         "%s: partners come from other machines; write an IP address and a port, "
                         "such as 0.0.0.0:9501",
                         address->text);
    return address->port != 0 ||
           error_set(err, ERROR_SYNTAX,
                     "%s: port 0 is another one at each start, and partners keep the one that they "
                     "were told; write a port, such as 9501",
                     address->text);
}

/* What partners are told must be of use on their machines. */
bool config_check_advertise(const void *text, struct error *err)
{
    struct address address = {0};
    bool is_fine = address_parse(&address, slice_of(text), NULL) && strcmp(address.text, text) == 0;

    return (is_fine && address.kind != ADDRESS_UNIX && address.port != 0) ||
           error_set(err, ERROR_SYNTAX,
                     "'%s' is nothing that a partner can dial; write host and port: "
                     "gateway.example.org:9501, 192.0.2.1:9501 or [2001:db8::1]:9501",
                     (const char *)text);
}

bool config_check_node(const void *text, struct error *err)
{
    return id_check(slice_of(text), "node", err);
}

bool config_check_can_dial(const void *address_, struct error *err)
{
    const struct address *address = address_;

    return address->kind == ADDRESS_UNIX || address->port != 0 ||
           error_set(err, ERROR_SYNTAX, "%s has port 0, where nothing can listen", address->text);
}
