// SPDX-License-Identifier: Apache-2.0
#include "federation/link_codec.h"

#include "conf/memory.h"
#include "federation/sequence.h"
#include "federation/wire_shape.h"

#include <assert.h>
#include <string.h>

/* The record, with members that a shape can fill. */
struct stored {
    uint64_t version, state, isolation, end;
    char id[ULID_SIZE];
    char peer[ID_SIZE];
    char org[ORG_SIZE];
    char our_address[LINK_KEPT_ADDRESS_MAX + 1];
    uint64_t epoch, invite_epoch;
    bool is_inviter, is_joining, has_peer;
    bool confirmed_here, confirmed_there, suspended_here, suspended_there;
    bool end_is_known_there, only_we_dial, only_they_dial;
    uint8_t peer_root[LINK_DIGEST_SIZE], roots_there_digest[LINK_DIGEST_SIZE];
    uint64_t incarnation_here, incarnation_there;
    struct wire_list past;
    uint64_t taken_there, roots_here, roots_known_there, roots_there;
    uint64_t expires_wall_ms, since_wall_ms;
};

struct past {
    uint64_t incarnation;
};

static_assert((int)ORG_SIZE == (int)WIRE_ORG_SIZE && (int)LINK_DIGEST_SIZE == WIRE_DIGEST_SIZE,
              "a record's texts are a message's");

static const char *const state_names[] = {
    [LINK_NONE] = "none",           [LINK_INVITED] = "invited",   [LINK_PENDING] = "pending",
    [LINK_ACTIVE] = "active",       [LINK_DEGRADED] = "degraded", [LINK_ISOLATED] = "isolated",
    [LINK_SUSPENDED] = "suspended", [LINK_REVOKING] = "revoking", [LINK_REVOKED] = "revoked",
    [LINK_CLOSED] = "closed",       [LINK_EXPIRED] = "expired",   NULL,
};
static_assert(ARRAY_SIZE(state_names) == LINK_STATES + 1, "each state has its name");

static const char *const isolation_names[] = {
    [LINK_NOT_ISOLATED] = "no",
    [LINK_HAD_ANOTHER] = "had_another",
    [LINK_RESTORED_HERE] = "restored_here",
    [LINK_RESTORED_THERE] = "restored_there",
    [LINK_WENT_BACK] = "went_back",
    NULL,
};

static const char *const end_names[] = {
    [LINK_NOT_ENDED] = "no",
    [LINK_ENDED_HERE] = "here",
    [LINK_ENDED_THERE] = "there",
    [LINK_RAN_OUT] = "ran_out",
    [LINK_CANCELED] = "canceled",
    [LINK_NOT_LET_IN] = "not_let_in",
    NULL,
};

#define FIELD(text, of, type, member)                                                              \
    .name = (text), .kind = (of), .offset = offsetof(struct type, member)
#define NUMBER(member)                                                                             \
    {                                                                                              \
        FIELD(#member, WIRE_NUMBER, stored, member), .max = SEQUENCE_MAX, .is_optional = true      \
    }
#define FLAG(member)                                                                               \
    {                                                                                              \
        FIELD(#member, WIRE_BOOL, stored, member), .is_optional = true                             \
    }
#define INCARNATION(member)                                                                        \
    {                                                                                              \
        FIELD(#member, WIRE_INCARNATION, stored, member), .is_optional = true                      \
    }
#define NAME(member, list)                                                                         \
    {                                                                                              \
        FIELD(#member, WIRE_NAME, stored, member), .names = (list)                                 \
    }
#define DIGEST(member)                                                                             \
    {                                                                                              \
        FIELD(#member, WIRE_DIGEST, stored, member), .is_optional = true                           \
    }

static const struct wire_field past_fields[] = {
    {FIELD("n", WIRE_INCARNATION, past, incarnation)},
};
static const struct wire_shape past_shape = {"past", sizeof(struct past), past_fields, 1};

static const struct wire_field fields[] = {
    {FIELD("v", WIRE_VERSION, stored, version), .min = 1, .max = LINK_CODEC_VERSION},
    {FIELD("id", WIRE_ULID, stored, id)},
    {FIELD("peer", WIRE_ID, stored, peer)},
    {FIELD("org", WIRE_ORG, stored, org), .is_optional = true},
    {FIELD("our_address", WIRE_TEXT, stored, our_address), .max = LINK_KEPT_ADDRESS_MAX,
     .is_optional = true},
    NAME(state, state_names),
    NUMBER(epoch),
    NUMBER(invite_epoch),
    FLAG(is_inviter),
    FLAG(is_joining),
    FLAG(has_peer),
    DIGEST(peer_root),
    FLAG(confirmed_here),
    FLAG(confirmed_there),
    FLAG(suspended_here),
    FLAG(suspended_there),
    NAME(isolation, isolation_names),
    NAME(end, end_names),
    FLAG(end_is_known_there),
    FLAG(only_we_dial),
    FLAG(only_they_dial),
    INCARNATION(incarnation_here),
    INCARNATION(incarnation_there),
    {FIELD("past", WIRE_LIST, stored, past), .max = LINK_PAST_MAX, .shape = &past_shape,
     .is_optional = true},
    NUMBER(taken_there),
    NUMBER(roots_here),
    NUMBER(roots_known_there),
    NUMBER(roots_there),
    DIGEST(roots_there_digest),
    NUMBER(expires_wall_ms),
    NUMBER(since_wall_ms),
};

static const struct wire_shape shape = {"link", sizeof(struct stored), fields, ARRAY_SIZE(fields)};

/* Members of the same name and type. */
#define EACH_SAME(copy)                                                                            \
    copy(epoch) copy(invite_epoch) copy(is_inviter) copy(is_joining) copy(has_peer)                \
        copy(confirmed_here) copy(confirmed_there) copy(suspended_here) copy(suspended_there)      \
            copy(end_is_known_there) copy(only_we_dial) copy(only_they_dial)                       \
                copy(incarnation_here) copy(incarnation_there) copy(taken_there) copy(roots_here)  \
                    copy(roots_known_there) copy(roots_there) copy(expires_wall_ms)                \
                        copy(since_wall_ms)

static void put_past(struct stored *stored, const struct link_record *record)
{
    struct past *past = memory_alloc((size_t)LINK_PAST_MAX * sizeof(*past));

    stored->past.items = past;
    for (unsigned i = 0; i < LINK_PAST_MAX; i++)
        if (record->past[i] != 0)
            past[stored->past.count++].incarnation = record->past[i];
}

void link_codec_print(const struct link_kept *kept, struct text *out)
{
    const struct link_record *record = &kept->record;
    struct stored stored = {.version = LINK_CODEC_VERSION,
                            .state = record->state,
                            .isolation = record->isolation,
                            .end = record->end};

#define COPY(member) stored.member = record->member;
    EACH_SAME(COPY)
#undef COPY
    memcpy(stored.id, record->id, sizeof(stored.id));
    memcpy(stored.peer, record->peer, sizeof(stored.peer));
    memcpy(stored.org, kept->org, sizeof(stored.org));
    memcpy(stored.our_address, kept->our_address, sizeof(stored.our_address));
    memcpy(stored.peer_root, record->peer_root, sizeof(stored.peer_root));
    memcpy(stored.roots_there_digest, record->roots_there_digest,
           sizeof(stored.roots_there_digest));
    put_past(&stored, record);
    wire_put(&shape, &stored, out);
    wire_dispose(&shape, &stored);
}

static void take_past(struct link_record *record, const struct stored *stored)
{
    const struct past *past = stored->past.items;

    for (size_t i = 0; i < stored->past.count; i++)
        record->past[i] = past[i].incarnation;
}

bool link_codec_parse(struct link_kept *kept, struct slice bytes, struct error *err)
{
    struct link_record *record = &kept->record;
    struct stored stored = {0};
    unsigned unknown = 0;
    bool is_good = wire_read(&shape, bytes, (size_t)16 * 1024, &stored, &unknown, err);

    if (is_good && unknown > 0)
        is_good =
            error_set(err, ERROR_UNSUPPORTED,
                      "the link's record has %u members that this program does not know", unknown);
    *kept = (struct link_kept){0};
    if (is_good) {
#define COPY(member) record->member = stored.member;
        EACH_SAME(COPY)
#undef COPY
        record->state = (enum link_state)stored.state;
        record->isolation = (enum link_isolation)stored.isolation;
        record->end = (enum link_end)stored.end;
        memcpy(record->id, stored.id, sizeof(record->id));
        memcpy(record->peer, stored.peer, sizeof(record->peer));
        memcpy(kept->org, stored.org, sizeof(kept->org));
        memcpy(kept->our_address, stored.our_address, sizeof(kept->our_address));
        memcpy(record->peer_root, stored.peer_root, sizeof(record->peer_root));
        memcpy(record->roots_there_digest, stored.roots_there_digest,
               sizeof(record->roots_there_digest));
        take_past(record, &stored);
    }
    wire_dispose(&shape, &stored);
    return is_good;
}
