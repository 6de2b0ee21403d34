// SPDX-License-Identifier: Apache-2.0
#include "auth/gateway_id.h"

#include "conf/config_check.h"

#include <stdio.h>

static const char scheme[] = "spiffe://", middle[] = "/gateway/";

bool org_read(struct slice text, char org[ORG_SIZE], struct error *err)
{
    if (text.size == 0 || text.size >= ORG_SIZE)
        return error_set(err, ERROR_SYNTAX,
                         "the name of an organization has 1 to %d letters, and this has %zu",
                         ORG_SIZE - 1, text.size);
    for (size_t i = 0; i < text.size; i++) /* what is repeated below is fit to be printed */
        if (text.data[i] <= ' ' || text.data[i] >= 0x7f)
            return error_set(err, ERROR_SYNTAX,
                             "byte %zu of an organization's name is 0x%02x, where a DNS name has "
                             "letters, digits, '-' and '.'",
                             i + 1, (unsigned char)text.data[i]);
    memcpy(org, text.data, text.size);
    org[text.size] = '\0';
    return config_check_org(org, err);
}

static bool refuse(struct slice uri, struct error *err)
{
    struct text shown = {0};

    text_put_json(&shown, (struct slice){uri.data, uri.size < 128 ? uri.size : 128});
    error_set(err, ERROR_SYNTAX,
              "'%s' names no gateway; one is spiffe://<organization>/gateway/<node>",
              shown.data != NULL ? shown.data : "");
    text_dispose(&shown);
    return false;
}

bool gateway_id_parse(struct slice uri, struct gateway_id *id, struct error *err)
{
    struct slice rest, node;
    const char *slash;

    memset(id, 0, sizeof(*id));
    if (!slice_starts(uri, scheme))
        return refuse(uri, err);
    rest = (struct slice){uri.data + sizeof(scheme) - 1, uri.size - (sizeof(scheme) - 1)};
    slash = memchr(rest.data, '/', rest.size);
    if (slash == NULL)
        return refuse(uri, err);
    node = (struct slice){slash, rest.size - (size_t)(slash - rest.data)};
    rest.size = (size_t)(slash - rest.data);
    if (!slice_starts(node, middle))
        return refuse(uri, err);
    node.data += sizeof(middle) - 1;
    node.size -= sizeof(middle) - 1;
    if (!org_read(rest, id->org, err) || !id_check(node, "node", err))
        return error_prefix(err, "the name of a gateway");
    memcpy(id->node, node.data, node.size);
    return true;
}

const char *gateway_id_print(const struct gateway_id *id, char uri[GATEWAY_URI_SIZE])
{
    snprintf(uri, GATEWAY_URI_SIZE, "%s%s%s%s", scheme, id->org, middle, id->node);
    return uri;
}
