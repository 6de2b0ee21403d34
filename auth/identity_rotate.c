// SPDX-License-Identifier: Apache-2.0
/* What is renewed and rotated at run time, and what is said of it. */
#include "auth/identity_keeper_private.h"

#include "conf/units.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

static const struct slice no_passphrase = {NULL, 0};

/* ---- saying */

struct moment {
    char text[UNITS_TIMESTAMP_SIZE];
};

static const char *print_s(struct moment *moment, int64_t at_s)
{
    return units_print_timestamp(moment->text, (uint64_t)at_s * 1000);
}

static void say(char said[IDENTITY_SAID_SIZE], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(char said[IDENTITY_SAID_SIZE], const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(said, IDENTITY_SAID_SIZE, format, arguments);
    va_end(arguments);
}

static void print_hash(const struct root *root, char text[17])
{
    for (size_t i = 0; i < 8; i++)
        snprintf(text + 2 * i, 3, "%02x", root->hash[i]);
}

static int64_t leaf_until_s(const struct identity *identity)
{
    EVP_PKEY *key;
    X509 *issuer;
    X509 *leaf = identity_leaf(identity, &key, &issuer);

    return leaf == NULL ? 0 : ca_until_s(leaf);
}

static int64_t issuer_until_s(const struct identity *identity, int64_t now_s)
{
    return identity_state(identity, now_s, false).issuer.until_s;
}

/* ---- what is due */

static struct renewal_plan plan_of(const struct identity *identity, int64_t now_s,
                                   bool is_known_to_all)
{
    struct renewal_state state = identity_state(identity, now_s, is_known_to_all);

    return renewal_step(&state);
}

static bool is_to_do(const struct renewal_plan *plan, enum renewal_what what)
{
    return plan->items[what].is_due && !plan->items[what].is_blocked;
}

bool identity_do_due(struct identity *identity, int64_t now_s, bool is_known_to_all,
                     bool *has_changed, struct identity_report *report, struct error *err)
{
    struct renewal_plan plan = plan_of(identity, now_s, is_known_to_all);
    bool is_done = true;
    struct moment until;

    *report = (struct identity_report){0};
    *has_changed = false;
    if (is_to_do(&plan, RENEWAL_ISSUER)) {
        is_done = identity_renew_issuer(identity, no_passphrase, now_s, err);
        *has_changed = is_done;
        plan = plan_of(identity, now_s, is_known_to_all);
    }
    if (is_to_do(&plan, RENEWAL_LEAF)) { /* the issuing CA that there is may be good for one more */
        struct error failed = {0};
        bool is_renewed = identity_renew_leaf(identity, now_s, &failed);

        if (!is_renewed && is_done)
            error_copy(err, &failed);
        is_done = is_done && is_renewed;
        *has_changed = *has_changed || is_renewed;
    }
    if (*has_changed)
        say(report->did, "The leaf was renewed; it is good until %s.",
            print_s(&until, leaf_until_s(identity)));
    return is_done;
}

/* ---- leaf, issuing CA, signing key */

static bool rotate_leaf(struct identity *identity, int64_t now_s, struct identity_report *report,
                        struct error *err)
{
    struct moment until;

    if (!identity_renew_leaf(identity, now_s, err))
        return false;
    say(report->did, "A new leaf is in force, good until %s.",
        print_s(&until, leaf_until_s(identity)));
    say(report->next, "Partners trust it by the root that they know: they have nothing to do. It "
                      "is renewed by itself at half its life.");
    return true;
}

/* With a leaf of it. passphrase: of the root that is first in force. */
static bool renew_issuer(struct identity *identity, struct slice passphrase, int64_t now_s,
                         struct error *err)
{
    return identity_renew_issuer(identity, passphrase, now_s, err) &&
           identity_renew_leaf(identity, now_s, err);
}

static bool rotate_issuer(struct identity *identity, const struct identity_order *order,
                          int64_t now_s, struct identity_report *report, struct error *err)
{
    struct moment until;

    if (!renew_issuer(identity, order->passphrase, now_s, err))
        return false;
    say(report->did, "A new issuing CA is in force, good until %s, and a new leaf of it.",
        print_s(&until, issuer_until_s(identity, now_s)));
    say(report->next, "Partners trust it by the root that they know: they have nothing to do. If "
                      "the root's key is kept elsewhere, take it away again.");
    return true;
}

static bool rotate_signing_key(struct identity *identity, const struct identity_order *order,
                               int64_t now_s, struct identity_report *report, struct error *err)
{
    if (!identity_renew_signing_key(identity, order->passphrase, now_s, err))
        return false;
    say(report->did,
        "A new signing key is in force from now on; roots document %" PRIu64
        " lists it, and the one before until now.",
        identity_roots(identity)->sequence);
    say(report->next, "Partners learn of it with the next heartbeats: they have nothing to do. "
                      "What was signed before stays good.");
    return true;
}

/* ---- root, one stage after the other */

/* Before it is due only by force. */
static bool check_due(const struct identity *identity, const struct identity_order *order,
                      enum renewal_what what, int64_t now_s, bool is_known_to_all,
                      struct error *err)
{
    const struct renewal_plan plan = plan_of(identity, now_s, is_known_to_all);
    const struct renewal_item *item = &plan.items[what];
    struct moment due;

    if (order->is_forced || item->is_due)
        return true;
    if (what == RENEWAL_RETIRE_ROOT)
        return error_set(err, ERROR_REFUSED,
                         "the old root stays in the document until %s, so that whoever was away "
                         "meanwhile can follow. Nothing was changed. With --force it is taken out "
                         "now; leaves of it are then trusted by nobody",
                         print_s(&due, item->due_s));
    return error_set(err, ERROR_REFUSED,
                     "the next root is announced; %s. It is to be put in force from %s on. Nothing "
                     "was changed. With --force it is put in force now: a partner that has not "
                     "taken the announcement refuses us until it has",
                     is_known_to_all ? "every partner has it, and it is to stand for a day"
                                     : "not every partner has taken the announcement",
                     print_s(&due, item->due_s));
}

static bool announce(struct identity *identity, const struct identity_order *order, int64_t now_s,
                     struct identity_report *report, struct error *err)
{
    struct moment latest;
    char hash[17];

    if (!identity_announce_root(identity, order->passphrase, order->next_passphrase, now_s, err))
        return false;
    print_hash(&identity_roots(identity)->next[0], hash);
    say(report->did,
        "A next root was made, root-%s.pem, and is announced in roots document %" PRIu64
        ". The one in force stays.",
        hash, identity_roots(identity)->sequence);
    say(report->next,
        "Partners take the announcement with the next heartbeats: they have nothing to do. A day "
        "after all of them have it, and at the latest from %s on, run `causeway link rotate root` "
        "once more: it puts the next root in force.",
        print_s(&latest, plan_of(identity, now_s, false).items[RENEWAL_SWITCH_ROOT].due_s));
    return true;
}

static bool switch_root(struct identity *identity, const struct identity_order *order,
                        int64_t now_s, bool is_known_to_all, struct identity_report *report,
                        struct error *err)
{
    struct moment due;
    char hash[17];

    if (!check_due(identity, order, RENEWAL_SWITCH_ROOT, now_s, is_known_to_all, err) ||
        !identity_switch_root(identity, order->passphrase, order->next_passphrase, now_s, err))
        return false;
    print_hash(&identity_roots(identity)->roots[0], hash);
    if (!renew_issuer(identity, order->next_passphrase, now_s, err))
        return error_prefix(err, "the next root is in force, but `causeway link rotate issuer` is "
                                 "to be run");
    say(report->did,
        "The root root-%s.pem is in force, by roots document %" PRIu64
        ", with a new issuing CA and leaf of it. The root before is still listed.",
        hash, identity_roots(identity)->sequence);
    say(report->next,
        "Partners have nothing to do. From %s on run `causeway link rotate root` once more: it "
        "takes the old root out of the document.",
        print_s(&due, plan_of(identity, now_s, is_known_to_all).items[RENEWAL_RETIRE_ROOT].due_s));
    return true;
}

static bool retire(struct identity *identity, const struct identity_order *order, int64_t now_s,
                   bool is_known_to_all, struct identity_report *report, struct error *err)
{
    char hash[17];

    print_hash(&identity_roots(identity)->roots[1], hash);
    if (!check_due(identity, order, RENEWAL_RETIRE_ROOT, now_s, is_known_to_all, err) ||
        !identity_retire_root(identity, order->passphrase, now_s, err))
        return false;
    say(report->did, "The old root is out of the roots document, which is now %" PRIu64 ".",
        identity_roots(identity)->sequence);
    say(report->next,
        "The rotation is over. The old root's key, root-%s.pem, is of no use any more: destroy it.",
        hash);
    return true;
}

static bool rotate_root(struct identity *identity, const struct identity_order *order,
                        int64_t now_s, bool is_known_to_all, struct identity_report *report,
                        struct error *err)
{
    const struct roots *roots = identity_roots(identity);

    if (roots->root_count > 1)
        return retire(identity, order, now_s, is_known_to_all, report, err);
    if (roots->next_count > 0)
        return switch_root(identity, order, now_s, is_known_to_all, report, err);
    return announce(identity, order, now_s, report, err);
}

bool identity_do_rotate(struct identity *identity, const struct identity_order *order,
                        int64_t now_s, bool is_known_to_all, struct identity_report *report,
                        struct error *err)
{
    *report = (struct identity_report){0};
    switch (order->what) {
    case IDENTITY_LEAF:
        return rotate_leaf(identity, now_s, report, err);
    case IDENTITY_ISSUER:
        return rotate_issuer(identity, order, now_s, report, err);
    case IDENTITY_ROOT:
        return rotate_root(identity, order, now_s, is_known_to_all, report, err);
    case IDENTITY_SIGNING_KEY:
        return rotate_signing_key(identity, order, now_s, report, err);
    }
    assert(false);
    return false;
}

/* ---- after a restore */

/* What the documents name and is not here. Without a passphrase, or an operator is asked. */
static bool mend(struct identity *identity, int64_t now_s, struct error *err)
{
    struct identity_report ignored;
    bool has_changed;

    if (identity_signing_key(identity) == NULL &&
        !identity_renew_signing_key(identity, no_passphrase, now_s, err))
        return error_prefix(err, "the newest signing key is not of this copy of the keys; "
                                 "`causeway link rotate signing-key` makes another");
    return identity_do_due(identity, now_s, false, &has_changed, &ignored, err);
}

bool identity_do_take(struct identity *identity, const struct slice *documents, size_t count,
                      int64_t now_s, struct identity_report *report, struct error *err)
{
    uint64_t before = identity_roots(identity)->sequence, taken;
    bool is_newer;
    bool is_taken = identity_adopt(identity, documents, count, &is_newer, err);

    *report = (struct identity_report){0};
    if (!is_newer)
        return is_taken;
    taken = identity_roots(identity)->sequence;
    say(report->did,
        "A partner knew roots document %" PRIu64 " of ours, and this gateway only %" PRIu64
        ": it was restored from an older copy. The newer one is in force again.",
        taken, before);
    return is_taken && mend(identity, now_s, err);
}
