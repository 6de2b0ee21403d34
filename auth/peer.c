// SPDX-License-Identifier: Apache-2.0
#include "auth/peer.h"

#include "auth/certificate.h"
#include "conf/memory.h"
#include "conf/units.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    CHAIN_SIZE = 3,        /* leaf, issuing CA, root */
    OTHERS_MAX = 4,        /* some send their root too */
    SERIAL_BYTES_MAX = 20, /* RFC 5280, section 4.1.2.2 */
};

struct peer_trust {
    X509_STORE *store;
    char org[ORG_SIZE];
};

struct peer_trust *peer_trust_create(const struct roots *roots)
{
    struct peer_trust *trust = memory_alloc(sizeof(*trust));
    const struct root *listed[ROOTS_MAX + ROOTS_NEXT_MAX];
    struct error ignored = {0};
    size_t count = 0;

    snprintf(trust->org, sizeof(trust->org), "%s", roots->org);
    trust->store = X509_STORE_new();
    assert(trust->store != NULL);
    for (size_t i = 0; i < roots->root_count; i++)
        listed[count++] = &roots->roots[i];
    for (size_t i = 0; i < roots->next_count; i++)
        listed[count++] = &roots->next[i];
    for (size_t i = 0; i < count; i++) {
        X509 *root = ca_read_der(listed[i]->der, &ignored);
        int is_added = root != NULL && X509_STORE_add_cert(trust->store, root) == 1;

        assert(is_added); /* roots_read took it */
        X509_free(root);
    }
    return trust;
}

void peer_trust_destroy(struct peer_trust **trust)
{
    if (*trust == NULL)
        return;
    X509_STORE_free((*trust)->store);
    free(*trust);
    *trust = NULL;
}

/* ---- what it claims */

static bool read_one_name(const X509 *leaf, struct arena *arena, struct slice *name,
                          struct error *err)
{
    GENERAL_NAMES *all = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    int kinds = all != NULL ? sk_GENERAL_NAME_num(all) : 0;
    struct slice names[CERTIFICATE_NAMES_MAX] = {{0}};
    size_t count = 0;

    GENERAL_NAMES_free(all);
    if (!certificate_names(leaf, arena, names, &count, err))
        return false;
    if (kinds != 1 || count != 1 || !slice_starts(names[0], "uri:"))
        return error_set(err, ERROR_SYNTAX,
                         "the certificate has %d alternative names; that of a gateway has one, "
                         "spiffe://<organization>/gateway/<node>",
                         kinds);
    *name = (struct slice){names[0].data + 4, names[0].size - 4};
    return true;
}

bool peer_claim(const X509 *leaf, struct gateway_id *id, struct error *err)
{
    struct arena arena = {0};
    struct slice name = {0};
    bool result = read_one_name(leaf, &arena, &name, err) && gateway_id_parse(name, id, err);

    ERR_clear_error();
    arena_dispose(&arena);
    return result;
}

/* ---- what may be wrong with a chain before anything is trusted */

static bool check_form(const X509 *certificate, struct error *err)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(certificate);
    const EVP_PKEY *key = X509_get0_pubkey(certificate);

    if (key == NULL || !key_is(key, KEY_P256))
        return error_set(err, ERROR_UNSUPPORTED, "its key is not ECDSA on P-256");
    if (X509_get_signature_nid(certificate) != NID_ecdsa_with_SHA256)
        return error_set(err, ERROR_UNSUPPORTED, "it is not signed by ECDSA with SHA-256");
    if (ASN1_STRING_length(serial) > SERIAL_BYTES_MAX || ASN1_STRING_length(serial) < 1 ||
        ASN1_STRING_type(serial) != V_ASN1_INTEGER)
        return error_set(err, ERROR_SYNTAX,
                         "its serial number is negative, or longer than %d bytes",
                         SERIAL_BYTES_MAX);
    return true;
}

static bool check_forms(const struct peer_question *question, struct error *err)
{
    int count = question->others != NULL ? sk_X509_num(question->others) : 0;

    if (count > OTHERS_MAX)
        return error_set(err, ERROR_LIMIT, "it sent %d certificates, and at most %d may be", count,
                         OTHERS_MAX);
    if (!check_form(question->leaf, err))
        return error_prefix(err, "the certificate");
    for (int i = 0; i < count; i++)
        if (!check_form(sk_X509_value(question->others, i), err))
            return error_prefix(err, "certificate %d of its chain", i + 1);
    return true;
}

/* Both uses, in the leaf itself: what is missing there means "any" to OpenSSL. */
static bool check_uses(X509 *leaf, struct error *err)
{
    uint32_t uses = X509_get_extended_key_usage(leaf);

    if ((X509_get_extension_flags(leaf) & EXFLAG_XKUSAGE) == 0 || (uses & XKU_SSL_CLIENT) == 0 ||
        (uses & XKU_SSL_SERVER) == 0)
        return error_set(err, ERROR_REFUSED,
                         "the certificate is not for TLS clients and servers both (extended key "
                         "usage)");
    if ((X509_get_key_usage(leaf) & KU_DIGITAL_SIGNATURE) == 0)
        return error_set(err, ERROR_REFUSED, "the certificate's key is not for signatures");
    if (X509_check_ca(leaf) != 0)
        return error_set(err, ERROR_REFUSED, "the certificate is a CA's, and not a gateway's");
    return true;
}

/* ---- what OpenSSL finds */

struct finding {
    int code; /* of X509_verify_cert */
    enum peer_verdict verdict;
    enum error_code error;
    const char *text;
};

static const struct finding findings[] = {
    {X509_V_ERR_CERT_HAS_EXPIRED, PEER_EXPIRED, ERROR_REFUSED, "has expired"},
    {X509_V_ERR_CERT_NOT_YET_VALID, PEER_NOT_YET, ERROR_REFUSED,
     "is not valid yet: a clock is wrong, there or here"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, PEER_UNKNOWN_ROOT, ERROR_NOT_FOUND,
     "leads to no root that is known of this organization"},
    {X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, PEER_UNKNOWN_ROOT, ERROR_NOT_FOUND,
     "leads to no root that is known of this organization"},
    {X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN, PEER_UNKNOWN_ROOT, ERROR_NOT_FOUND,
     "leads to no root that is known of this organization"},
    {X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, PEER_UNKNOWN_ROOT, ERROR_NOT_FOUND,
     "is signed by itself, and by no root that is known of this organization"},
    {X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE, PEER_UNKNOWN_ROOT, ERROR_NOT_FOUND,
     "came without its issuing CA"},
    {X509_V_ERR_CERT_SIGNATURE_FAILURE, PEER_FORGED, ERROR_MISMATCH, "has a wrong signature"},
    {X509_V_ERR_PATH_LENGTH_EXCEEDED, PEER_REFUSED, ERROR_REFUSED,
     "is signed by a CA that may not have another below it"},
    {X509_V_ERR_PERMITTED_VIOLATION, PEER_REFUSED, ERROR_REFUSED,
     "has a name that its CA may not give"},
    {X509_V_ERR_EXCLUDED_VIOLATION, PEER_REFUSED, ERROR_REFUSED,
     "has a name that its CA may not give"},
    {X509_V_ERR_INVALID_PURPOSE, PEER_REFUSED, ERROR_REFUSED, "is not for this side of TLS"},
    {X509_V_ERR_INVALID_CA, PEER_REFUSED, ERROR_REFUSED,
     "is used to sign another, and is no CA that may"},
};

static enum peer_verdict explain(int code, int depth, struct error *err)
{
    static const char *const places[CHAIN_SIZE] = {"certificate", "issuing CA", "root"};
    const char *place = depth >= 0 && depth < CHAIN_SIZE ? places[depth] : "chain";

    for (size_t i = 0; i < ARRAY_SIZE(findings); i++) {
        if (findings[i].code != code)
            continue;
        error_set(err, findings[i].error, "the %s %s", place, findings[i].text);
        return findings[i].verdict;
    }
    error_set(err, ERROR_REFUSED, "the %s: %s", place, X509_verify_cert_error_string(code));
    return PEER_MALFORMED;
}

static void set_terms(X509_STORE_CTX *context, const struct peer_question *question)
{
    X509_VERIFY_PARAM *terms = X509_STORE_CTX_get0_param(context);

    X509_VERIFY_PARAM_set_time(terms, (time_t)question->now_s);
    /* counted below: with a bound here, a root that is sent and not known would be "too long" */
    X509_VERIFY_PARAM_set_depth(terms, OTHERS_MAX);
    X509_VERIFY_PARAM_set_flags(terms, X509_V_FLAG_X509_STRICT | X509_V_FLAG_TRUSTED_FIRST);
    X509_VERIFY_PARAM_set_purpose(terms, question->side == PEER_IS_CLIENT
                                             ? X509_PURPOSE_SSL_CLIENT
                                             : X509_PURPOSE_SSL_SERVER);
}

static void note_chain(X509_STORE_CTX *context, struct peer_identity *identity)
{
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(context);
    int count = sk_X509_num(chain);

    identity->until_s = INT64_MAX;
    for (int i = 0; i < count; i++) {
        int64_t until_s = ca_until_s(sk_X509_value(chain, i));

        identity->until_s = until_s < identity->until_s ? until_s : identity->until_s;
    }
    ca_hash(sk_X509_value(chain, 0), identity->leaf);
    ca_hash(sk_X509_value(chain, count - 1), identity->root);
    ca_print_serial(sk_X509_value(chain, 0), identity->serial);
}

static enum peer_verdict refuse_length(int length, struct error *err)
{
    if (length < CHAIN_SIZE)
        error_set(err, ERROR_REFUSED,
                  "the certificate is signed by the root itself, and not by an issuing CA");
    else
        error_set(err, ERROR_REFUSED,
                  "the certificate is %d steps from its root; one issuing CA may be between",
                  length - 1);
    return PEER_REFUSED;
}

static enum peer_verdict verify_chain(const struct peer_trust *trust,
                                      const struct peer_question *question,
                                      struct peer_identity *identity, struct error *err)
{
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    enum peer_verdict verdict = PEER_ACCEPTED;
    int is_ready = context != NULL && X509_STORE_CTX_init(context, trust->store, question->leaf,
                                                          question->others) == 1;

    assert(is_ready);
    set_terms(context, question);
    if (X509_verify_cert(context) != 1)
        verdict = explain(X509_STORE_CTX_get_error(context),
                          X509_STORE_CTX_get_error_depth(context), err);
    else if (sk_X509_num(X509_STORE_CTX_get0_chain(context)) != CHAIN_SIZE)
        verdict = refuse_length(sk_X509_num(X509_STORE_CTX_get0_chain(context)), err);
    else
        note_chain(context, identity);
    X509_STORE_CTX_free(context);
    ERR_clear_error();
    return verdict;
}

/* ---- all of it */

static enum peer_verdict check_org(const struct peer_trust *trust, const struct gateway_id *id,
                                   struct error *err)
{
    if (strcmp(id->org, trust->org) == 0)
        return PEER_ACCEPTED;
    error_set(err, ERROR_REFUSED, "the certificate is of '%s', and this link is with '%s'", id->org,
              trust->org);
    return PEER_WRONG_ORG;
}

static enum peer_verdict check_denied(const struct peer_question *question,
                                      const struct peer_identity *identity, struct error *err)
{
    if (question->denied == NULL ||
        !question->denied(question->arg, identity->root, identity->serial))
        return PEER_ACCEPTED;
    error_set(err, ERROR_REFUSED,
              "the certificate with the serial number %s is denied on this link", identity->serial);
    return PEER_DENIED;
}

enum peer_verdict peer_verify(const struct peer_trust *trust, const struct peer_question *question,
                              struct peer_identity *identity, struct error *err)
{
    enum peer_verdict verdict;

    memset(identity, 0, sizeof(*identity));
    verdict = peer_claim(question->leaf, &identity->id, err) && check_forms(question, err)
                  ? check_org(trust, &identity->id, err)
                  : PEER_MALFORMED;
    if (verdict == PEER_ACCEPTED)
        verdict = verify_chain(trust, question, identity, err);
    if (verdict == PEER_ACCEPTED && !check_uses(question->leaf, err))
        verdict = PEER_REFUSED;
    if (verdict == PEER_ACCEPTED)
        verdict = check_denied(question, identity, err);
    ERR_clear_error(); /* another connection of this thread would take it for its own */
    return verdict;
}

const char *peer_verdict_name(enum peer_verdict verdict)
{
    static const char *const names[] = {
        [PEER_ACCEPTED] = "accepted",   [PEER_MALFORMED] = "malformed",
        [PEER_WRONG_ORG] = "wrong_org", [PEER_UNKNOWN_ROOT] = "unknown_root",
        [PEER_EXPIRED] = "expired",     [PEER_NOT_YET] = "not_yet",
        [PEER_DENIED] = "denied",       [PEER_REFUSED] = "refused",
        [PEER_FORGED] = "forged",
    };

    assert(verdict < ARRAY_SIZE(names));
    return names[verdict];
}
