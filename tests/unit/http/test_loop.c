// SPDX-License-Identifier: Apache-2.0
#include "clock.h"
#include "conf/text.h"
#include "http/loop.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

#include <cmocka.h>

enum { LATE_MS = 8 };

struct probe {
    struct timer timer;
    struct loop *loop;
    unsigned int fired;
    uint64_t fired_ms;
    struct probe *other;
};

static void on_fire(struct timer *timer)
{
    struct probe *probe = CONTAINER_OF(timer, struct probe, timer);

    assert_false(timer_is_armed(timer));
    assert_true(loop_now_ms(probe->loop) >= timer->due_ms); /* never early */
    probe->fired++;
    probe->fired_ms = loop_now_ms(probe->loop);
}

static struct probe probe_on(struct loop *loop)
{
    return (struct probe){.timer = {.fire = on_fire}, .loop = loop};
}

static int setup(void **state)
{
    *state = loop_create(NULL);
    return 0;
}

static int teardown(void **state)
{
    struct loop *loop = *state;

    loop_destroy(&loop);
    assert_null(loop);
    return 0;
}

static void advance(struct loop *loop, uint64_t ms)
{
    clock_advance_ms(ms);
    loop_turn(loop, 0);
}

/* ---- timers */

static void test_loop_timers_fire_when_due_near_and_far(void **state)
{
    static const uint64_t delays_ms[] = {60,
                                         100,
                                         252,
                                         255,
                                         256,
                                         257,
                                         260,
                                         1000,
                                         4 * 4095,
                                         4 * 4096,
                                         4 * 4097,
                                         60000,
                                         4 * 262143,
                                         4 * 262144,
                                         4 * 262145,
                                         3600000,
                                         24 * 3600000,
                                         4 * 16777215ULL,
                                         4 * 16777216ULL,
                                         4 * 16777217ULL};
    struct loop *loop = *state;

    for (size_t i = 0; i < ARRAY_SIZE(delays_ms); i++)
        for (uint64_t offset = 0; offset < (delays_ms[i] > 3600000 ? 40 : 300);
             offset += 37) { /* wherever the wheel stands */
            struct probe probe = probe_on(loop);

            advance(loop, offset);
            timer_arm(loop, &probe.timer, delays_ms[i]);
            assert_true(timer_is_armed(&probe.timer));
            advance(loop, delays_ms[i] - 50);
            assert_int_equal(probe.fired, 0);
            advance(loop, 50 + LATE_MS);
            if (probe.fired != 1)
                fail_msg("%llu ms after %llu", (unsigned long long)delays_ms[i],
                         (unsigned long long)offset);
            advance(loop, 10000);
            assert_int_equal(probe.fired, 1);
        }
}

static void test_loop_timers_fire_on_the_way_of_a_long_wait(void **state)
{
    struct loop *loop = *state;
    struct probe probe = probe_on(loop);

    timer_arm(loop, &probe.timer, 20 * 3600000ULL); /* beyond the wheel */
    for (int i = 0; i < 20 * 60 - 1; i++)
        advance(loop, 60000);
    assert_int_equal(probe.fired, 0);
    advance(loop, 60000 + LATE_MS);
    assert_int_equal(probe.fired, 1);
}

static void test_loop_timers_fire_all_after_a_jump(void **state)
{
    struct loop *loop = *state;
    struct probe probes[50];

    for (size_t i = 0; i < ARRAY_SIZE(probes); i++) {
        probes[i] = probe_on(loop);
        timer_arm(loop, &probes[i].timer, i * i * 100);
    }
    advance(loop, 3600000);
    for (size_t i = 0; i < ARRAY_SIZE(probes); i++)
        assert_int_equal(probes[i].fired, 1);
}

static void test_loop_timers_of_no_delay_fire_in_a_later_turn(void **state)
{
    struct loop *loop = *state;
    struct probe probe = probe_on(loop);

    timer_arm(loop, &probe.timer, 0);
    assert_int_equal(probe.fired, 0);
    advance(loop, LATE_MS);
    assert_int_equal(probe.fired, 1);
}

static void test_loop_timers_can_be_put_off(void **state)
{
    struct loop *loop = *state;
    struct probe probe = probe_on(loop);

    timer_arm(loop, &probe.timer, 1000);
    for (int i = 0; i < 20; i++) {
        advance(loop, 500);
        timer_arm(loop, &probe.timer, 1000);
    }
    assert_int_equal(probe.fired, 0);
    advance(loop, 900);
    assert_int_equal(probe.fired, 0);
    advance(loop, 100 + LATE_MS);
    assert_int_equal(probe.fired, 1);
}

static void test_loop_timers_can_be_brought_forward(void **state)
{
    struct loop *loop = *state;
    struct probe probe = probe_on(loop);

    timer_arm(loop, &probe.timer, 3600000);
    timer_arm(loop, &probe.timer, 100);
    advance(loop, 100 + LATE_MS);
    assert_int_equal(probe.fired, 1);
    advance(loop, 4000000);
    assert_int_equal(probe.fired, 1);
}

static void test_loop_timers_put_off_and_brought_forward_again(void **state)
{
    struct loop *loop = *state;
    struct probe probe = probe_on(loop);

    timer_arm(loop, &probe.timer, 1000);
    timer_arm(loop, &probe.timer, 5000); /* stays in its slot */
    timer_arm(loop, &probe.timer, 2000);
    advance(loop, 1900);
    assert_int_equal(probe.fired, 0);
    advance(loop, 100 + LATE_MS);
    assert_int_equal(probe.fired, 1);
}

static void test_loop_timers_can_be_disarmed(void **state)
{
    struct loop *loop = *state;
    struct probe probe = probe_on(loop);

    timer_disarm(&probe.timer); /* idle ones too */
    timer_arm(loop, &probe.timer, 100);
    timer_disarm(&probe.timer);
    timer_disarm(&probe.timer);
    assert_false(timer_is_armed(&probe.timer));
    advance(loop, 1000);
    assert_int_equal(probe.fired, 0);
}

static void fire_and_disarm_other(struct timer *timer)
{
    struct probe *probe = CONTAINER_OF(timer, struct probe, timer);

    on_fire(timer);
    timer_disarm(&probe->other->timer);
}

/* Both are due in the same slot: whichever comes first, the other must not fire, nor be touched any
 * more. */
static void test_loop_timers_can_disarm_each_other_while_firing(void **state)
{
    struct loop *loop = *state;
    struct probe a = probe_on(loop), b = probe_on(loop);

    a.timer.fire = b.timer.fire = fire_and_disarm_other;
    a.other = &b;
    b.other = &a;
    timer_arm(loop, &a.timer, 100);
    timer_arm(loop, &b.timer, 100);
    advance(loop, 100 + LATE_MS);
    assert_int_equal(a.fired + b.fired, 1);
}

static void fire_and_free_other(struct timer *timer)
{
    struct probe *probe = CONTAINER_OF(timer, struct probe, timer);

    on_fire(timer);
    timer_disarm(&probe->other->timer);
    free(probe->other);
    probe->other = NULL;
}

static void test_loop_timers_may_go_away_while_others_fire(void **state)
{
    struct loop *loop = *state;
    struct probe *probes[2] = {malloc(sizeof(struct probe)), malloc(sizeof(struct probe))};
    struct probe *left;

    for (size_t i = 0; i < 2; i++) {
        *probes[i] = probe_on(loop);
        probes[i]->timer.fire = fire_and_free_other;
        probes[i]->other = probes[1 - i];
    }
    left = probes[1]; /* the newest of a slot comes first */
    timer_arm(loop, &probes[0]->timer, 100);
    timer_arm(loop, &probes[1]->timer, 100);
    advance(loop, 100 + LATE_MS);
    assert_int_equal(left->fired, 1);
    free(left);
}

static void fire_and_rearm(struct timer *timer)
{
    struct probe *probe = CONTAINER_OF(timer, struct probe, timer);

    on_fire(timer);
    timer_arm(probe->loop, timer, 100);
}

static void test_loop_timers_can_arm_themselves_again(void **state)
{
    struct loop *loop = *state;
    struct probe probe = probe_on(loop);

    probe.timer.fire = fire_and_rearm;
    timer_arm(loop, &probe.timer, 100);
    for (unsigned int i = 1; i <= 20; i++) {
        advance(loop, 100 + LATE_MS);
        assert_int_equal(probe.fired, i);
    }
    timer_disarm(&probe.timer);
}

/* Thousands of timers under a random course, each held to its own promise. */
static void test_loop_timers_keep_their_promise_whatever_happens(void **state)
{
    enum { TIMERS = 500, STEPS = 4000 };
    struct loop *loop = *state;
    struct probe *probes = calloc(TIMERS, sizeof(*probes));
    uint64_t *due_ms = calloc(TIMERS, sizeof(*due_ms));
    unsigned int seed = 1;

    for (size_t i = 0; i < TIMERS; i++)
        probes[i] = probe_on(loop);
    for (int step = 0; step < STEPS; step++) {
        size_t i = (size_t)rand_r(&seed) % TIMERS;
        uint64_t now_ms;

        if (rand_r(&seed) % 4 == 0) {
            timer_disarm(&probes[i].timer);
            due_ms[i] = 0;
        } else {
            uint64_t delay_ms = (uint64_t)rand_r(&seed) % ((uint64_t)1 << rand_r(&seed) % 28);

            timer_arm(loop, &probes[i].timer, delay_ms);
            due_ms[i] = loop_now_ms(loop) + delay_ms;
            assert_int_equal(probes[i].timer.due_ms, due_ms[i]);
        }
        for (size_t j = 0; j < TIMERS; j++)
            probes[j].fired = 0;
        advance(loop, (uint64_t)rand_r(&seed) % ((uint64_t)1 << rand_r(&seed) % 16));
        now_ms = loop_now_ms(loop);
        for (size_t j = 0; j < TIMERS; j++) {
            assert_true(probes[j].fired <= 1);
            if (probes[j].fired == 1) {
                assert_true(due_ms[j] != 0 && due_ms[j] <= now_ms);
                due_ms[j] = 0;
            }
            assert_true(due_ms[j] == 0 || due_ms[j] + LATE_MS >= now_ms - 5);
            assert_int_equal(timer_is_armed(&probes[j].timer), due_ms[j] != 0);
        }
    }
    for (size_t i = 0; i < TIMERS; i++)
        timer_disarm(&probes[i].timer);
    free(probes);
    free(due_ms);
}

static uint64_t real_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void test_loop_sleeps_until_a_timer_is_due(void **state)
{
    struct loop *loop = *state;
    struct probe probe = probe_on(loop);
    uint64_t begin;
    int turns = 0;

    loop_turn(loop, 0); /* the loop's own now is that of its creation until then */
    begin = real_ms();
    timer_arm(loop, &probe.timer, 300);
    for (; probe.fired == 0; turns++)
        loop_turn(loop, 10000);
    assert_true(real_ms() - begin >= 299);
    assert_true(real_ms() - begin < 5000);
    assert_true(turns < 10); /* it slept */
}

static void test_loop_sleeps_no_longer_than_it_may(void **state)
{
    struct loop *loop = *state;
    uint64_t begin = real_ms();

    loop_turn(loop, 20);
    assert_true(real_ms() - begin < 2000);
}

static void on_signal(int number)
{
}

static void test_loop_takes_a_signal_for_nothing(void **state)
{
    struct loop *loop = *state;
    struct sigaction action = {.sa_handler = on_signal};
    struct itimerval soon = {.it_value.tv_usec = 10000};

    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &soon, NULL);
    for (int i = 0; i < 3; i++)
        loop_turn(loop, 30);
}

/* ---- later */

struct task {
    struct later later;
    struct loop *loop;
    unsigned int ran;
    struct task *other;
};

static unsigned int order;

static void on_run(struct later *later)
{
    CONTAINER_OF(later, struct task, later)->ran = ++order;
}

static void test_loop_runs_later_calls_once_in_order(void **state)
{
    struct loop *loop = *state;
    struct task a = {.later = {.run = on_run}}, b = {.later = {.run = on_run}};

    order = 0;
    loop_later(loop, &a.later);
    loop_later(loop, &b.later);
    loop_later(loop, &a.later); /* idempotent */
    assert_int_equal(a.ran, 0);
    loop_turn(loop, 1000);
    assert_int_equal(a.ran, 1);
    assert_int_equal(b.ran, 2);
    loop_turn(loop, 0);
    assert_int_equal(order, 2);
}

static void run_and_cancel_other(struct later *later)
{
    struct task *task = CONTAINER_OF(later, struct task, later);

    on_run(later);
    later_cancel(&task->other->later);
}

static void test_loop_later_calls_can_be_cancelled_by_others_of_the_turn(void **state)
{
    struct loop *loop = *state;
    struct task a = {.later = {.run = run_and_cancel_other}}, b = {.later = {.run = on_run}};

    order = 0;
    a.other = &b;
    loop_later(loop, &a.later);
    loop_later(loop, &b.later);
    loop_turn(loop, 0);
    assert_int_equal(b.ran, 0);
    later_cancel(&b.later); /* idle ones too */
    loop_later(loop, &b.later);
    later_cancel(&b.later);
    loop_turn(loop, 0);
    assert_int_equal(b.ran, 0);
}

static void run_and_again(struct later *later)
{
    struct task *task = CONTAINER_OF(later, struct task, later);

    on_run(later);
    loop_later(task->loop, later);
}

static void test_loop_later_calls_from_later_calls_wait_for_the_next_turn(void **state)
{
    struct loop *loop = *state;
    struct task a = {.later = {.run = run_and_again}, .loop = loop};
    uint64_t begin = real_ms();

    order = 0;
    loop_later(loop, &a.later);
    for (unsigned int i = 1; i <= 5; i++) {
        loop_turn(loop, 1000);
        assert_int_equal(order, i);
    }
    assert_true(real_ms() - begin < 2000); /* no turn slept */
    later_cancel(&a.later);
}

/* ---- messages */

enum { SENDERS = 4, MESSAGES = 5000 };

struct inbox {
    struct loop *loop;
    unsigned int received, last[SENDERS];
};

struct letter {
    struct message message;
    unsigned int sender, number;
};

struct sender {
    struct loop *loop;
    unsigned int id;
};

static void on_deliver(struct message *message, void *receiver)
{
    struct letter *letter = CONTAINER_OF(message, struct letter, message);
    struct inbox *inbox = receiver;

    assert_int_equal(letter->number,
                     inbox->last[letter->sender] + 1); /* in the order of each sender */
    inbox->last[letter->sender]++;
    inbox->received++;
    free(letter);
}

static void *send_letters(void *sender_)
{
    struct sender *sender = sender_;

    for (unsigned int i = 1; i <= MESSAGES; i++) {
        struct letter *letter = malloc(sizeof(*letter));

        *letter =
            (struct letter){.message = {.deliver = on_deliver}, .sender = sender->id, .number = i};
        loop_post(sender->loop, &letter->message);
    }
    return NULL;
}

static void test_loop_delivers_messages_of_all_threads_in_order(void **state)
{
    struct inbox inbox = {0};
    struct loop *loop = loop_create(&inbox);
    struct sender senders[SENDERS];
    pthread_t threads[SENDERS];

    for (unsigned int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){loop, i};
        pthread_create(&threads[i], NULL, send_letters, &senders[i]);
    }
    while (inbox.received < SENDERS * MESSAGES)
        loop_turn(loop, 1000); /* a message wakes it */
    for (unsigned int i = 0; i < SENDERS; i++)
        pthread_join(threads[i], NULL);
    loop_turn(loop, 0);
    assert_int_equal(inbox.received, SENDERS * MESSAGES);
    loop_destroy(&loop);
}

static void *send_one_soon(void *sender_)
{
    struct sender *sender = sender_;
    struct timespec soon = {.tv_nsec = 20 * 1000000};
    struct letter *letter = malloc(sizeof(*letter));

    nanosleep(&soon, NULL);
    *letter = (struct letter){.message = {.deliver = on_deliver}, .sender = 0, .number = 1};
    loop_post(sender->loop, &letter->message);
    return NULL;
}

static void test_loop_is_woken_by_a_message(void **state)
{
    struct inbox inbox = {0};
    struct loop *loop = loop_create(&inbox);
    struct sender sender = {loop, 0};
    uint64_t begin = real_ms();
    pthread_t thread;

    pthread_create(&thread, NULL, send_one_soon, &sender);
    while (inbox.received == 0)
        loop_turn(loop, 60000);
    assert_true(real_ms() - begin < 10000);
    pthread_join(thread, NULL);
    loop_destroy(&loop);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_loop_timers_fire_when_due_near_and_far),
        TEST(test_loop_timers_fire_on_the_way_of_a_long_wait),
        TEST(test_loop_timers_fire_all_after_a_jump),
        TEST(test_loop_timers_of_no_delay_fire_in_a_later_turn),
        TEST(test_loop_timers_can_be_put_off),
        TEST(test_loop_timers_can_be_brought_forward),
        TEST(test_loop_timers_put_off_and_brought_forward_again),
        TEST(test_loop_timers_can_be_disarmed),
        TEST(test_loop_timers_can_disarm_each_other_while_firing),
        TEST(test_loop_timers_may_go_away_while_others_fire),
        TEST(test_loop_timers_can_arm_themselves_again),
        TEST(test_loop_timers_keep_their_promise_whatever_happens),
        TEST(test_loop_sleeps_until_a_timer_is_due),
        TEST(test_loop_sleeps_no_longer_than_it_may),
        TEST(test_loop_takes_a_signal_for_nothing),
        TEST(test_loop_runs_later_calls_once_in_order),
        TEST(test_loop_later_calls_can_be_cancelled_by_others_of_the_turn),
        TEST(test_loop_later_calls_from_later_calls_wait_for_the_next_turn),
        cmocka_unit_test(test_loop_delivers_messages_of_all_threads_in_order),
        cmocka_unit_test(test_loop_is_woken_by_a_message),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
