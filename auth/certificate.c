// SPDX-License-Identifier: Apache-2.0
#include "auth/certificate.h"

#include <openssl/x509v3.h>

#include <stdio.h>

enum { DOMAIN_MAX = 253, LABEL_MAX = 63 }; /* RFC 1035, section 2.3.4, as text */

struct kind {
    int type; /* of a GENERAL_NAME */
    const char *prefix;
};

static const struct kind kinds[] = {
    {GEN_URI, "uri:"},
    {GEN_DNS, "dns:"},
    {GEN_EMAIL, "email:"},
};

static const struct kind *kind_of(int type)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (kinds[i].type == type)
            return &kinds[i];
    return NULL;
}

/* ---- one name */

/* Where a NUL, a space or a letter beyond ASCII is, two readers may see two names. */
static bool check_bytes(struct slice text, struct error *err)
{
    if (text.size == 0)
        return error_set(err, ERROR_SYNTAX, "it is empty");
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] <= ' ' || text.data[i] >= 0x7f)
            return error_set(err, ERROR_SYNTAX,
                             "byte %zu is 0x%02x: only visible ASCII can be meant", i + 1,
                             (unsigned char)text.data[i]);
    return true;
}

static bool is_label_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* Lower case already. */
static bool check_domain(struct slice domain, struct error *err)
{
    size_t label = 0; /* letters so far */

    if (memchr(domain.data, '*', domain.size) != NULL)
        return error_set(err, ERROR_UNSUPPORTED, "a wildcard names nobody");
    if (domain.size > DOMAIN_MAX)
        return error_set(err, ERROR_LIMIT, "a domain has at most %d letters", DOMAIN_MAX);
    for (size_t i = 0; i <= domain.size; i++) {
        if (i < domain.size && is_label_letter(domain.data[i])) {
            label++;
            continue;
        }
        if (i < domain.size && domain.data[i] != '.')
            return error_set(err, ERROR_SYNTAX, "'%c' does not belong in a domain", domain.data[i]);
        if (label == 0 || label > LABEL_MAX)
            return error_set(err, ERROR_SYNTAX,
                             "between the dots of a domain stand 1 to %d letters", LABEL_MAX);
        label = 0;
    }
    return true;
}

static void lower(char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] >= 'A' && text[i] <= 'Z')
            text[i] = (char)(text[i] - 'A' + 'a');
}

/* Where the domain of a name begins; false: the e-mail address has none, or could have two. */
static bool find_domain(int type, struct slice text, size_t *domain, struct error *err)
{
    const char *at;

    *domain = 0;
    if (type == GEN_DNS)
        return true;
    at = memchr(text.data, '@', text.size);
    if (at == NULL || at == text.data ||
        memchr(at + 1, '@', text.size - (size_t)(at + 1 - text.data)) != NULL)
        return error_set(err, ERROR_SYNTAX, "an e-mail address is local-part@domain");
    *domain = (size_t)(at - text.data) + 1;
    return true;
}

static bool check_uri(struct slice text, struct error *err)
{
    const char *colon = memchr(text.data, ':', text.size);

    if (colon == NULL || colon == text.data || colon == text.data + text.size - 1)
        return error_set(err, ERROR_SYNTAX, "a URI is scheme:rest");
    return true;
}

/* kind and text become the name, checked. */
static bool make_name(const struct kind *kind, struct slice text, struct arena *arena,
                      struct slice *name, struct error *err)
{
    size_t prefix_size = strlen(kind->prefix), domain;
    char *made;

    if (prefix_size + text.size >= CERTIFICATE_NAME_SIZE)
        return error_set(err, ERROR_LIMIT, "it has %zu bytes, and at most %zu may be", text.size,
                         CERTIFICATE_NAME_SIZE - 1 - prefix_size);
    if (!check_bytes(text, err))
        return false;
    made = arena_alloc(arena, prefix_size + text.size + 1);
    memcpy(made, kind->prefix, prefix_size);
    memcpy(made + prefix_size, text.data, text.size);
    made[prefix_size + text.size] = '\0';
    *name = (struct slice){made, prefix_size + text.size};
    if (kind->type == GEN_URI)
        return check_uri(text, err);
    if (!find_domain(kind->type, text, &domain, err))
        return false;
    made += prefix_size + domain;
    lower(made, text.size - domain);
    return check_domain((struct slice){made, text.size - domain}, err);
}

bool certificate_name_parse(struct slice text, struct arena *arena, struct slice *name,
                            struct error *err)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        size_t size = strlen(kinds[i].prefix);

        if (!slice_starts(text, kinds[i].prefix))
            continue;
        text = (struct slice){text.data + size, text.size - size};
        return make_name(&kinds[i], text, arena, name, err) ||
               error_prefix(err, "the %.*s name of a certificate", (int)size - 1, kinds[i].prefix);
    }
    return error_set(err, ERROR_SYNTAX,
                     "the name of a certificate begins with its kind: "
                     "uri:spiffe://example.org/ci, dns:build.example.org or "
                     "email:alice@example.org");
}

/* ---- the names of a certificate */

static bool read_name(const GENERAL_NAME *general, struct arena *arena,
                      struct slice names[CERTIFICATE_NAMES_MAX], size_t *count, struct error *err)
{
    int type;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(general, &type);
    const struct kind *kind = kind_of(type);
    struct slice text;

    if (kind == NULL)
        return true;
    text = (struct slice){(const char *)ASN1_STRING_get0_data(value),
                          (size_t)ASN1_STRING_length(value)};
    if (*count == CERTIFICATE_NAMES_MAX)
        return error_set(err, ERROR_LIMIT,
                         "the certificate has more than %d subject alternative names",
                         CERTIFICATE_NAMES_MAX);
    if (!make_name(kind, text, arena, &names[*count], err))
        return error_prefix(err, "a subject alternative name of the certificate (%.*s)",
                            (int)strlen(kind->prefix) - 1, kind->prefix);
    ++*count;
    return true;
}

bool certificate_names(const X509 *certificate, struct arena *arena,
                       struct slice names[CERTIFICATE_NAMES_MAX], size_t *count, struct error *err)
{
    int critical = 0;
    GENERAL_NAMES *all = X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, NULL);
    bool result = true;

    *count = 0;
    if (all == NULL && critical == -1)
        return true; /* it has none */
    if (all == NULL)
        return error_set(err, ERROR_SYNTAX,
                         "the certificate's subject alternative names are there twice, or cannot "
                         "be read");
    for (int i = 0; result && i < sk_GENERAL_NAME_num(all); i++)
        result = read_name(sk_GENERAL_NAME_value(all, i), arena, names, count, err);
    GENERAL_NAMES_free(all);
    return result;
}

/* ---- whose they are */

static bool refuse_unknown(const struct slice *names, size_t count, struct error *err)
{
    struct text list = {0};

    if (count == 0)
        return error_set(err, ERROR_NOT_FOUND,
                         "the certificate has no subject alternative name of the kinds URI, DNS "
                         "and e-mail, so it can stand for no member");
    for (size_t i = 0; i < count; i++) {
        text_put_text(&list, i > 0 ? ", " : "");
        text_put_slice(&list, names[i]);
    }
    error_set(err, ERROR_NOT_FOUND, "no member has any name of the certificate: %s", list.data);
    text_dispose(&list);
    return false;
}

bool certificate_map(const X509 *certificate, certificate_find_cb find, void *arg,
                     struct arena *arena, char id[ID_SIZE], struct slice *name, struct error *err)
{
    struct slice names[CERTIFICATE_NAMES_MAX] = {{0}};
    char found[ID_SIZE] = "";
    size_t count = 0;

    *name = (struct slice){0};
    if (!certificate_names(certificate, arena, names, &count, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!find(arg, names[i], found))
            continue;
        if (name->size > 0 && strcmp(found, id) != 0)
            return error_set(err, ERROR_REFUSED,
                             "the certificate names two members: %.*s is '%s', and %.*s is '%s'",
                             SLICE_ARGS(*name), id, SLICE_ARGS(names[i]), found);
        if (name->size == 0) {
            *name = names[i];
            snprintf(id, ID_SIZE, "%s", found);
        }
    }
    return name->size > 0 || refuse_unknown(names, count, err);
}
