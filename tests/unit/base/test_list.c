/* The intrusive list. */
#include "base/list.h"

#include "tests/unit/unit.h"

struct element {
    int number;
    struct list node;
};

/* The numbers of the list as digits of one number; both directions must agree. */
static int digits(const struct list *head)
{
    int forward = 0;
    int backward = 0;
    int place = 1;
    for (const struct list *at = head->next; at != head; at = at->next) {
        forward = forward * 10 + LIST_ENTRY(at, struct element, node)->number;
    }
    for (const struct list *at = head->prev; at != head; at = at->prev, place *= 10) {
        backward += place * LIST_ENTRY(at, struct element, node)->number;
    }
    ck_assert_int_eq(forward, backward);
    return forward;
}

START_TEST(an_empty_list_is_empty)
{
    struct list head;
    list_init(&head);
    ck_assert(list_empty(&head));
    LIST_EACH(at, &head)
    {
        ck_abort_msg("there is nothing");
    }
    list_remove(&head);
    ck_assert(list_empty(&head));
}
END_TEST

START_TEST(both_ends_and_the_middle)
{
    struct list head;
    struct element e[] = {{.number = 1}, {.number = 2}, {.number = 3}, {.number = 4}};
    list_init(&head);
    list_add_tail(&head, &e[1].node);
    list_add_head(&head, &e[0].node);
    list_add_tail(&head, &e[3].node);
    list_add_before(&e[3].node, &e[2].node);
    ck_assert_int_eq(digits(&head), 1234);
    list_remove(&e[1].node);
    ck_assert_int_eq(digits(&head), 134);
    list_remove(&e[1].node);
    ck_assert_msg(digits(&head) == 134, "a second removal does nothing");
    list_remove(&e[0].node);
    list_remove(&e[3].node);
    ck_assert_int_eq(digits(&head), 3);
    list_remove(&e[2].node);
    ck_assert(list_empty(&head));
}
END_TEST

START_TEST(elements_may_leave_while_iterating)
{
    struct list head;
    struct element e[9];
    list_init(&head);
    for (int i = 0; i < 9; i++) {
        e[i].number = i + 1;
        list_add_tail(&head, &e[i].node);
    }
    int seen = 0;
    LIST_EACH(at, &head)
    {
        seen++;
        if (LIST_ENTRY(at, struct element, node)->number % 2 == 0) {
            list_remove(at);
        }
    }
    ck_assert_int_eq(seen, 9);
    ck_assert_int_eq(digits(&head), 13579);
    LIST_EACH(at, &head)
    {
        list_remove(at);
    }
    ck_assert(list_empty(&head));
}
END_TEST

UNIT_MAIN("list", an_empty_list_is_empty, both_ends_and_the_middle,
          elements_may_leave_while_iterating)
