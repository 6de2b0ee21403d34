// SPDX-License-Identifier: Apache-2.0
#include "federation/placement_weight.h"

#include "ipfs/hash.h"

#include <assert.h>

/* log2(1 + i/256) in units of 2^-32, rounded to the nearest. Numbers, not a computation: libraries
 * differ in their last bit. */
static const uint64_t logarithms[257] = {
    0,          24157255,   48220695,   72191046,   96069025,   119855343,  143550699,  167155786,
    190671291,  214097890,  237436253,  260687042,  283850912,  306928510,  329920477,  352827446,
    375650043,  398388887,  421044590,  443617759,  466108993,  488518883,  510848017,  533096975,
    555266330,  577356649,  599368495,  621302422,  643158981,  664938715,  686642163,  708269857,
    729822324,  751300086,  772703658,  794033552,  815290272,  836474320,  857586191,  878626374,
    899595355,  920493615,  941321628,  962079865,  982768792,  1003388871, 1023940559, 1044424306,
    1064840562, 1085189769, 1105472367, 1125688789, 1145839467, 1165924827, 1185945290, 1205901275,
    1225793196, 1245621463, 1265386481, 1285088654, 1304728379, 1324306051, 1343822060, 1363276795,
    1382670639, 1402003972, 1421277169, 1440490605, 1459644648, 1478739665, 1497776018, 1516754066,
    1535674166, 1554536671, 1573341930, 1592090289, 1610782092, 1629417679, 1647997388, 1666521551,
    1684990500, 1703404565, 1721764068, 1740069334, 1758320682, 1776518428, 1794662886, 1812754368,
    1830793181, 1848779632, 1866714024, 1884596657, 1902427829, 1920207835, 1937936969, 1955615520,
    1973243777, 1990822024, 2008350545, 2025829620, 2043259528, 2060640543, 2077972941, 2095256991,
    2112492963, 2129681124, 2146821738, 2163915068, 2180961373, 2197960912, 2214913940, 2231820712,
    2248681479, 2265496490, 2282265995, 2298990237, 2315669461, 2332303909, 2348893820, 2365439432,
    2381940981, 2398398701, 2414812824, 2431183582, 2447511201, 2463795910, 2480037932, 2496237492,
    2512394810, 2528510107, 2544583599, 2560615505, 2576606038, 2592555411, 2608463835, 2624331521,
    2640158677, 2655945509, 2671692221, 2687399018, 2703066101, 2718693670, 2734281925, 2749831063,
    2765341278, 2780812767, 2796245722, 2811640333, 2826996792, 2842315287, 2857596005, 2872839132,
    2888044853, 2903213350, 2918344806, 2933439400, 2948497313, 2963518722, 2978503803, 2993452732,
    3008365682, 3023242827, 3038084339, 3052890387, 3067661140, 3082396766, 3097097433, 3111763305,
    3126394546, 3140991321, 3155553791, 3170082117, 3184576458, 3199036973, 3213463820, 3227857155,
    3242217134, 3256543910, 3270837638, 3285098468, 3299326552, 3313522041, 3327685082, 3341815825,
    3355914416, 3369981001, 3384015725, 3398018732, 3411990165, 3425930167, 3439838878, 3453716438,
    3467562987, 3481378662, 3495163602, 3508917943, 3522641820, 3536335369, 3549998721, 3563632012,
    3577235372, 3590808933, 3604352825, 3617867177, 3631352118, 3644807776, 3658234277, 3671631748,
    3685000315, 3698340100, 3711651229, 3724933824, 3738188006, 3751413898, 3764611620, 3777781291,
    3790923031, 3804036958, 3817123189, 3830181840, 3843213029, 3856216870, 3869193478, 3882142967,
    3895065449, 3907961038, 3920829844, 3933671979, 3946487554, 3959276677, 3972039458, 3984776005,
    3997486426, 4010170828, 4022829316, 4035461997, 4048068976, 4060650357, 4073206244, 4085736740,
    4098241947, 4110721967, 4123176902, 4135606852, 4148011918, 4160392197, 4172747791, 4185078796,
    4197385310, 4209667431, 4221925255, 4234158878, 4246368396, 4258553902, 4270715492, 4282853259,
    4294967296,
};

const uint64_t placement_costs[PLACEMENT_CLASSES] = {
    65536,  77936,  92682,  110218, 131072, 155872, 185364, 220436,  262144,
    311744, 370728, 440872, 524288, 623487, 741455, 881744, 1048576, 1246974};

/* 2^(-i/4), the score in the middle of a class, and 2^(-(i + 1/2)/4), the least that is of it. */
static const uint32_t centres[PLACEMENT_CLASSES] = {1000000, 840896, 707107, 594604, 500000, 420448,
                                                    353553,  297302, 250000, 210224, 176777, 148651,
                                                    125000,  105112, 88388,  74325,  62500,  52556};
static const uint32_t edges[PLACEMENT_CLASSES - 1] = {
    917004, 771105, 648420, 545254, 458502, 385553, 324210, 272627, 229251,
    192776, 162105, 136313, 114626, 96388,  81052,  68157,  57313};

static uint64_t first_bytes(struct slice bytes)
{
    uint8_t digest[HASH_DIGEST_MAX];
    uint64_t number = 0;

    hash_block(HASH_SHA2_256, bytes, digest);
    for (int i = 0; i < 8; i++)
        number = number << 8 | digest[i];
    return number;
}

uint64_t placement_hash_object(struct slice root)
{
    return first_bytes(root);
}

uint64_t placement_hash_site(struct slice rule, struct slice site)
{
    char bytes[2 * ID_SIZE];

    assert(rule.size < ID_SIZE && site.size < ID_SIZE);
    memcpy(bytes, rule.data, rule.size);
    bytes[rule.size] = '\0';
    memcpy(bytes + rule.size + 1, site.data, site.size);
    return first_bytes((struct slice){bytes, rule.size + 1 + site.size});
}

/* 64 - log2(x), in units of 2^-32: the exponent is where the highest bit stands, the eight bits
 * behind it choose the place in the table, the next 32 lie between two places. */
uint64_t placement_depth(uint64_t x)
{
    unsigned exponent;
    uint64_t fraction, place, rest, low;

    if (x == 0)
        return UINT64_C(64) << 32;
    exponent = 63 - (unsigned)__builtin_clzll(x);
    fraction = exponent == 0 ? 0 : x << (64 - exponent); /* without the highest bit */
    place = fraction >> 56;
    rest = (fraction >> 24) & UINT32_MAX;
    low = logarithms[place];
    low += ((logarithms[place + 1] - low) * rest) >> 32;
    return (UINT64_C(64) << 32) - ((uint64_t)exponent << 32) - low;
}

uint64_t placement_distance(uint64_t object, uint64_t site, unsigned class)
{
    assert(class < PLACEMENT_CLASSES);
    return placement_depth(placement_draw(object, site)) * placement_costs[class];
}

unsigned placement_class(uint32_t score)
{
    unsigned class = 0;

    while (class < PLACEMENT_CLASSES - 1 && score < edges[class])
        class ++;
    return class;
}

/* Beyond an edge by more than half a step: past the middle of the class behind it. */
static bool is_beyond(unsigned class, uint32_t score)
{
    return (class + 1 < PLACEMENT_CLASSES && score < centres[class + 1]) ||
           (class > 0 && score > centres[class - 1]);
}

void placement_class_follow(struct placement_class_state *state, uint32_t score, uint64_t now_ms)
{
    if (!state->is_known) {
        *state = (struct placement_class_state){true, false, (uint8_t)placement_class(score), 0};
        return;
    }
    if (!is_beyond(state->class, score)) {
        state->is_leaving = false;
        return;
    }
    if (!state->is_leaving) {
        state->is_leaving = true;
        state->since_ms = now_ms;
    }
    if (now_ms - state->since_ms <= PLACEMENT_CLASS_HOLD_MS)
        return;
    state->class = (uint8_t)placement_class(score);
    state->is_leaving = false;
}
