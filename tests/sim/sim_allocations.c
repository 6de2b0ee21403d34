// SPDX-License-Identifier: Apache-2.0
/* sim_allocations SEED OPERATIONS     histories from this seed until there were so many steps
 * sim_allocations --history SEED [POINT]    one history, told step by step; with a point, as of
 * --points sim_allocations --points SEED OPERATIONS    short histories from this seed; each runs
 * once for every point that a process can end at, before and after each commit, and ends there
 * sim_allocations --forgetful SEED OPERATIONS    with journals that are not always written, which
 * must fail. Prints what happened as one JSON object; exit code 1 and the history's seed if
 * something that must hold did not. */
#include "allocations.h"

#include "conf/memory.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TROUBLED_MS = 15 * 60 * 1000,
    SHORT_MS = 90 * 1000,
    MEND_ROUNDS = 16,
    ROUND_MS = 30 * 60 * 1000
};

/* ---- chance and time */

uint64_t world_draw(struct world *world, uint64_t below)
{
    world->random ^= world->random << 13;
    world->random ^= world->random >> 7;
    world->random ^= world->random << 17;
    return (world->random >> 11) % below;
}

uint64_t world_wall(const struct world *world)
{
    return WORLD_WALL_START + world->now_ms;
}

unsigned world_number(const char *id)
{
    return (unsigned)strtoul(id, NULL, 10);
}

void world_draw_key(struct world *world, char key[ULID_SIZE])
{
    (void)snprintf(key, ULID_SIZE, "%026u", (unsigned)++world->next_key);
}

void world_check(struct world *world, bool holds, unsigned org, unsigned peer, const char *what)
{
    if (holds)
        return;
    fflush(stdout);
    fprintf(stderr,
            "history %" PRIu64 ", at %" PRIu64 " ms, org%u about org%u: not so: %s\n"
            "  (sim_allocations --history %" PRIu64 " tells it step by step)\n",
            world->seed, world->now_ms, org, peer, what, world->seed);
    if (world->is_counted)
        fprintf(stderr, "  with a crash at point %" PRIu64 " (--history %" PRIu64 " %" PRIu64 ")\n",
                world->crash_at, world->seed, world->crash_at);
    if (world->suspect != NULL)
        fprintf(stderr, "  allocation %s\n", world->suspect + 20);
    for (unsigned i = 0; i < 2 && org != peer; i++) {
        struct end *end = world_end(world, i == 0 ? org : peer, i == 0 ? peer : org);
        char why[ALLOCATION_WHY_SIZE];

        for (size_t n = 0; n < end->count; n++)
            if (!allocation_rests(&end->records[n]))
                fprintf(stderr, "  org%u %s %s: %s\n", i == 0 ? org : peer,
                        end->records[n].role == ALLOCATION_OWNER ? "placed" : "holds",
                        end->records[n].id + 20,
                        allocation_why(&end->records[n], world_wall(world), why));
    }
    exit(1);
}

void world_trace(struct world *world, unsigned org, unsigned peer, const char *format, ...)
{
    va_list arguments;

    if (!world->traces)
        return;
    printf("%10.3f s  org%u", (double)world->now_ms / 1000, org);
    if (peer != org)
        printf(" with org%u", peer);
    printf("  ");
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    printf("\n");
}

/* ---- the queue */

static bool is_before(const struct message *a, const struct message *b)
{
    return a->time_ms != b->time_ms ? a->time_ms < b->time_ms : a->order < b->order;
}

static void swap(struct message **a, struct message **b)
{
    struct message *kept = *a;

    *a = *b;
    *b = kept;
}

void world_push(struct world *world, const struct message *message)
{
    size_t place = world->count++;

    if (world->count > world->capacity) {
        world->capacity = world->capacity == 0 ? 256 : 2 * world->capacity;
        world->queue = memory_resize_array(world->queue, world->capacity, sizeof(struct message *));
    }
    world->queue[place] = memory_alloc(sizeof(*message));
    *world->queue[place] = *message;
    world->queue[place]->order = world->order++;
    while (place > 0 && is_before(world->queue[place], world->queue[(place - 1) / 2])) {
        swap(&world->queue[place], &world->queue[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
}

bool world_pop(struct world *world, struct message *message)
{
    size_t place = 0;

    if (world->count == 0)
        return false;
    *message = *world->queue[0];
    free(world->queue[0]);
    world->queue[0] = world->queue[--world->count];
    for (;;) {
        size_t least = place, left = 2 * place + 1;

        if (left < world->count && is_before(world->queue[left], world->queue[least]))
            least = left;
        if (left + 1 < world->count && is_before(world->queue[left + 1], world->queue[least]))
            least = left + 1;
        if (least == place)
            return true;
        swap(&world->queue[place], &world->queue[least]);
        place = least;
    }
}

/* ---- a history */

static void run_until(struct world *world, uint64_t end_ms)
{
    struct message message;

    while (world->count > 0 && world->queue[0]->time_ms <= end_ms && world_pop(world, &message)) {
        world->now_ms = message.time_ms;
        world_receive(world, &message);
    }
    world->now_ms = end_ms;
}

static uint64_t mix(uint64_t seed)
{
    seed += UINT64_C(0x9e3779b97f4a7c15);
    seed = (seed ^ (seed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    seed = (seed ^ (seed >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (seed ^ (seed >> 31)) | 1;
}

static void begin_object(struct world *world, unsigned org, unsigned number)
{
    struct object *object = &world->org[org].objects[number];
    uint8_t digest[32] = {(uint8_t)org, (uint8_t)number, 1, (uint8_t)world_draw(world, 256)};

    cid_make(&object->root, 1, CODEC_RAW, 0x12, digest, sizeof(digest));
    object->bytes = 1 + world_draw(world, 5000);
    object->blocks = 1 + world_draw(world, 12);
    object->copies = (unsigned)world_draw(world, 3);
}

static void begin(struct world *world)
{
    struct message trouble = {.kind = WORLD_TROUBLE, .time_ms = 20000};

    world->now_ms = 1;
    world->is_troubled = true;
    world->orgs = 2 + (unsigned)world_draw(world, WORLD_ORGS - 1);
    for (unsigned org = 0; org < world->orgs; org++) {
        for (unsigned i = 0; i < WORLD_OBJECTS; i++)
            begin_object(world, org, i);
        for (unsigned peer = 0; peer < world->orgs; peer++) {
            struct end *end = world_end(world, org, peer);

            end->disk.epoch = peer != org && world_draw(world, 8) != 0;
            end->here.ours = end->here.theirs = GRANT_OPEN;
            end->there.ours = end->there.theirs = GRANT_OPEN;
            end->here.ours.bytes = 20000 + world_draw(world, 40000);
        }
    }
    for (unsigned a = 0; a < world->orgs; a++)
        for (unsigned b = 0; b < a; b++)
            world_end(world, a, b)->disk.epoch = world_end(world, b, a)->disk.epoch;
    for (unsigned org = 0; org < world->orgs; org++)
        world_start(world, org);
    world_push(world, &trouble);
}

static void mend_round(struct world *world)
{
    for (unsigned a = 0; a < world->orgs; a++)
        for (unsigned b = 0; b < a; b++)
            world_reconcile(world, a, b);
    run_until(world, world->now_ms + ROUND_MS);
}

static void end(struct world *world)
{
    struct message message;

    while (world_pop(world, &message))
        ;
    for (unsigned org = 0; org < world->orgs; org++) {
        for (unsigned peer = 0; peer < world->orgs; peer++)
            replies_dispose(&world_end(world, org, peer)->replies);
        free(world->org[org].backup);
    }
    free(world->queue);
}

enum way { PLAIN, TRACED, FORGETFUL, COUNTED, COUNTED_TRACED };

/* crash_at: of a counted one; 0: it never crashes. Returns its points in troubled times. */
static uint64_t history(uint64_t seed, enum way way, uint64_t crash_at, struct world_counts *counts)
{
    struct world *world = memory_alloc(sizeof(*world));
    uint64_t points;

    world->seed = seed;
    world->random = mix(seed);
    world->traces = way == TRACED || way == COUNTED_TRACED;
    world->is_forgetful = way == FORGETFUL;
    world->is_counted = way == COUNTED || way == COUNTED_TRACED;
    world->crash_at = crash_at;
    world->counts = *counts;
    begin(world);
    run_until(world, world->is_counted ? SHORT_MS : TROUBLED_MS);
    points = world->points;
    world_mend(world);
    world_trace(world, 0, 0, "all is mended");
    for (unsigned round = 0; round < MEND_ROUNDS; round++)
        mend_round(world);
    world_check_rest(world);
    end(world);
    *counts = world->counts;
    free(world);
    return points;
}

/* One that never crashes says how many points there are. Where it begins among them is the seed's:
 * not all of them may be wanted. */
static uint64_t history_at_every_point(uint64_t seed, uint64_t wanted, struct world_counts *counts)
{
    uint64_t points = history(seed, COUNTED, 0, counts), done = 0;

    for (; done < points && counts->operations < wanted; done++)
        (void)history(seed, COUNTED, 1 + (mix(seed) + done) % points, counts);
    return done + 1;
}

static void print(const struct world_counts *counts, uint64_t histories)
{
    printf("{\"histories\":%" PRIu64 ",\"operations\":%" PRIu64 ",\"items\":%" PRIu64
           ",\"repeated\":%" PRIu64 ",\"placed\":%" PRIu64 ",\"evicted\":%" PRIu64
           ",\"crashes\":%" PRIu64 ",\"restores\":%" PRIu64 ",\"revocations\":%" PRIu64
           ",\"relinks\":%" PRIu64 ",\"refusals\":%" PRIu64 ",\"statements\":%" PRIu64
           ",\"learned\":%" PRIu64 ",\"rejected\":%" PRIu64 ",\"stuck\":%" PRIu64 "}\n",
           histories, counts->operations, counts->items, counts->repeated, counts->placed,
           counts->evicted, counts->crashes, counts->restores, counts->revocations, counts->relinks,
           counts->refusals, counts->statements, counts->learned, counts->rejected, counts->stuck);
}

int main(int argc, char **argv)
{
    struct world_counts counts = {0};
    enum way way = PLAIN;
    uint64_t first, wanted, histories = 0;

    if ((argc == 3 || argc == 4) && strcmp(argv[1], "--history") == 0) {
        (void)history(strtoull(argv[2], NULL, 10), argc == 3 ? TRACED : COUNTED_TRACED,
                      argc == 3 ? 0 : strtoull(argv[3], NULL, 10), &counts);
        print(&counts, 1);
        return 0;
    }
    if (argc == 4 && (strcmp(argv[1], "--forgetful") == 0 || strcmp(argv[1], "--points") == 0)) {
        way = strcmp(argv[1], "--points") == 0 ? COUNTED : FORGETFUL;
        argv++;
        argc--;
    }
    if (argc != 3) {
        fprintf(stderr,
                "sim_allocations [--forgetful | --points] SEED OPERATIONS | sim_allocations "
                "--history SEED [POINT]\n");
        return 2;
    }
    first = strtoull(argv[1], NULL, 10);
    wanted = strtoull(argv[2], NULL, 10);
    for (uint64_t seed = first; counts.operations < wanted; seed++) {
        if (way == COUNTED) {
            histories += history_at_every_point(seed, wanted, &counts);
        } else {
            (void)history(seed, way, 0, &counts);
            histories++;
        }
    }
    print(&counts, histories);
    return 0;
}
