/* The persistent map against a plain array, with many versions alive at once. */
#include "base/pmap.h"

#include "base/mem.h"
#include "base/prng.h"
#include "base/ref.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

enum { KEYS = 700, VERSIONS = 12, STEPS = 8000 };

/* An item that counts how many of its kind are alive. */
struct thing {
    struct ref refs;
    uint64_t key;
    uint64_t value;
    int *alive;
};

static int thing_compare(const void *key, const void *item)
{
    uint64_t a = *(const uint64_t *)key;
    uint64_t b = ((const struct thing *)item)->key;
    return a < b ? -1 : a > b;
}

static const void *thing_key(const void *item)
{
    return &((const struct thing *)item)->key;
}

static void thing_ref(void *item)
{
    ref_get(&((struct thing *)item)->refs);
}

static void thing_unref(void *item)
{
    struct thing *t = item;
    if (ref_put(&t->refs)) {
        (*t->alive)--;
        mem_free(t);
    }
}

static const struct pmap_ops thing_ops = {thing_compare, thing_key, thing_ref, thing_unref};

static struct thing *thing_new(uint64_t key, uint64_t value, int *alive)
{
    struct thing *t = MEM_NEW(struct thing);
    ref_init(&t->refs);
    t->key = key;
    t->value = value;
    t->alive = alive;
    (*alive)++;
    return t;
}

/* A version of the map and what should be in it; value 0: the key is absent. */
struct version {
    struct pmap map;
    uint64_t model[KEYS];
};

static void expect_equal(const struct version *v)
{
    pmap_verify(&v->map);
    struct pmap_iter it = pmap_first(&v->map);
    void *item;
    for (uint64_t key = 0; key < KEYS; key++) {
        struct thing *t = pmap_get(&v->map, &key);
        ck_assert_uint_eq(t == NULL ? 0 : t->value, v->model[key]);
        if (v->model[key] != 0) {
            ck_assert(pmap_next(&it, &item));
            ck_assert_ptr_eq(item, t);
        }
    }
    ck_assert(!pmap_next(&it, &item));
}

static void change(struct version *v, struct prng *rng, uint64_t value, int *alive)
{
    uint64_t key = prng_below(rng, KEYS);
    uint64_t what = prng_below(rng, 8);
    if (what < 4) {
        pmap_put(&v->map, thing_new(key, value, alive));
        v->model[key] = value;
    } else if (what < 7) {
        ck_assert_int_eq(pmap_remove(&v->map, &key), v->model[key] != 0);
        v->model[key] = 0;
    } else {
        struct thing **slot = (struct thing **)pmap_edit(&v->map, &key);
        ck_assert_int_eq(slot != NULL, v->model[key] != 0);
        if (slot != NULL && !ref_shared(&(*slot)->refs)) {
            (*slot)->value = value; /* ours alone: no other version may see this */
            v->model[key] = value;
        }
    }
}

START_TEST(versions_do_not_see_each_other)
{
    uint64_t seed = 0xb7ee + (uint64_t)_i;
    printf("seed %" PRIu64 "\n", seed);
    struct prng rng;
    prng_init(&rng, seed);
    int alive = 0;
    struct version *v = mem_zalloc(VERSIONS, sizeof *v);
    for (size_t i = 0; i < VERSIONS; i++) {
        pmap_init(&v[i].map, &thing_ops);
    }
    for (uint64_t step = 1; step <= STEPS; step++) {
        size_t i = prng_below(&rng, VERSIONS);
        if (prng_chance(&rng, 1, 200)) {
            size_t from = prng_below(&rng, VERSIONS);
            struct pmap copy = pmap_copy(&v[from].map);
            pmap_fini(&v[i].map);
            v[i].map = copy;
            memcpy(v[i].model, v[from].model, sizeof v[i].model);
        }
        change(&v[i], &rng, step, &alive);
        if (step % 1000 == 0) {
            for (size_t j = 0; j < VERSIONS; j++) {
                expect_equal(&v[j]);
            }
        }
    }
    for (size_t i = 0; i < VERSIONS; i++) {
        pmap_fini(&v[i].map);
    }
    ck_assert_int_eq(alive, 0);
    mem_free(v);
}
END_TEST

struct diff_check {
    const struct version *before;
    const struct version *after;
    uint64_t next_key; /* keys below it must have been equal or reported */
    size_t calls;
};

static void skip_equal(struct diff_check *c, uint64_t until)
{
    for (; c->next_key < until; c->next_key++) {
        ck_assert_uint_eq(c->before->model[c->next_key], c->after->model[c->next_key]);
    }
}

static void on_diff(void *arg, void *before, void *after)
{
    struct diff_check *c = arg;
    uint64_t key = ((struct thing *)(before != NULL ? before : after))->key;
    ck_assert(key >= c->next_key);
    skip_equal(c, key);
    ck_assert_uint_eq(before == NULL ? 0 : ((struct thing *)before)->value, c->before->model[key]);
    ck_assert_uint_eq(after == NULL ? 0 : ((struct thing *)after)->value, c->after->model[key]);
    c->next_key = key + 1;
    c->calls++;
}

START_TEST(diff_reports_exactly_the_changes)
{
    uint64_t seed = 0xd1ff + (uint64_t)_i;
    printf("seed %" PRIu64 "\n", seed);
    struct prng rng;
    prng_init(&rng, seed);
    int alive = 0;
    struct version *v = mem_zalloc(2, sizeof *v);
    pmap_init(&v[0].map, &thing_ops);
    for (uint64_t round = 1; round < 120; round++) {
        v[1].map = pmap_copy(&v[0].map);
        memcpy(v[1].model, v[0].model, sizeof v[1].model);
        uint64_t changes = prng_below(&rng, round % 7 == 0 ? 500 : 5);
        for (uint64_t i = 0; i < changes; i++) {
            change(&v[1], &rng, round * 1000 + i, &alive);
        }
        struct diff_check c = {.before = &v[0], .after = &v[1]};
        pmap_diff(&v[0].map, &v[1].map, on_diff, &c);
        skip_equal(&c, KEYS);
        ck_assert_uint_le(c.calls, changes);
        struct diff_check back = {.before = &v[1], .after = &v[0]};
        pmap_diff(&v[1].map, &v[0].map, on_diff, &back);
        skip_equal(&back, KEYS);
        pmap_fini(&v[0].map);
        v[0] = v[1];
    }
    pmap_fini(&v[0].map);
    ck_assert_int_eq(alive, 0);
    mem_free(v);
}
END_TEST

/* Numbers in place of pointers. */

static int number_compare(const void *key, const void *item)
{
    uintptr_t a = (uintptr_t)key;
    uintptr_t b = (uintptr_t)item;
    return a < b ? -1 : a > b;
}

static const void *number_key(const void *item)
{
    return item;
}

static int comparisons;

static int number_compare_counted(const void *key, const void *item)
{
    comparisons++;
    return number_compare(key, item);
}

static const struct pmap_ops number_ops = {.compare = number_compare, .key = number_key};
static const struct pmap_ops counted_ops = {.compare = number_compare_counted, .key = number_key};

START_TEST(ascending_numbers_fill_the_nodes)
{
    struct pmap m;
    pmap_init(&m, &number_ops);
    enum { N = 100000 };
    for (uintptr_t i = 1; i <= N; i++) {
        pmap_put(&m, (void *)(i * 2));
    }
    pmap_verify(&m);
    printf("%.2f bytes per number\n", (double)pmap_memory(&m) / N);
    ck_assert_uint_lt(pmap_memory(&m), N * 10);
    struct pmap_iter it = pmap_seek(&m, (void *)(uintptr_t)99999);
    void *item;
    ck_assert(pmap_next(&it, &item) && (uintptr_t)item == 100000);
    it = pmap_seek(&m, (void *)(uintptr_t)(2 * N));
    ck_assert(pmap_next(&it, &item) && (uintptr_t)item == 2 * N);
    ck_assert(!pmap_next(&it, &item));
    it = pmap_seek(&m, (void *)(uintptr_t)(2 * N + 1));
    ck_assert(!pmap_next(&it, &item));
    for (uintptr_t i = N; i >= 1; i--) { /* the sparse edge, too, is mended when it shrinks */
        ck_assert(pmap_remove(&m, (void *)(i * 2)));
        if (i % 5000 == 0) {
            pmap_verify(&m);
        }
    }
    ck_assert_ptr_null(m.root);
}
END_TEST

static void on_number(void *arg, void *before, void *after)
{
    ck_assert_ptr_null(before);
    ck_assert_uint_eq((uintptr_t)after, 777777);
    (*(int *)arg)++;
}

START_TEST(diff_skips_what_is_shared)
{
    struct pmap m;
    pmap_init(&m, &counted_ops);
    for (uintptr_t i = 1; i <= 800000; i += 2) {
        if (i != 777777) {
            pmap_put(&m, (void *)i);
        }
    }
    struct pmap old = pmap_copy(&m);
    pmap_put(&m, (void *)(uintptr_t)777777);
    comparisons = 0;
    int calls = 0;
    pmap_diff(&old, &m, on_number, &calls);
    ck_assert_int_eq(calls, 1);
    ck_assert_int_lt(comparisons, 300);
    pmap_fini(&m);
    pmap_fini(&old);
}
END_TEST

START_TEST(empty_maps_work)
{
    struct pmap m;
    pmap_init(&m, &number_ops);
    struct pmap copy = pmap_copy(&m);
    void *item;
    struct pmap_iter it = pmap_first(&m);
    ck_assert(!pmap_next(&it, &item));
    ck_assert_ptr_null(pmap_get(&m, (void *)(uintptr_t)1));
    ck_assert_ptr_null(pmap_edit(&m, (void *)(uintptr_t)1));
    ck_assert(!pmap_remove(&m, (void *)(uintptr_t)1));
    pmap_diff(&m, &copy, on_number, NULL);
    pmap_verify(&m);
    pmap_fini(&m);
    pmap_fini(&copy);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pmap");
    TCase *tc = tcase_create("pmap");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, empty_maps_work);
    tcase_add_loop_test(tc, versions_do_not_see_each_other, 0, 4);
    tcase_add_loop_test(tc, diff_reports_exactly_the_changes, 0, 4);
    tcase_add_test(tc, ascending_numbers_fill_the_nodes);
    tcase_add_test(tc, diff_skips_what_is_shared);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
