/* Addresses as text and back. */
#include "net/address.h"

#include "tests/unit/net/fixture.h"

static void expect(const char *host, int port, const char *text)
{
    struct address_list list;
    const char *error = os_resolve(host, port, true, &list);
    ck_assert_msg(error == NULL, "%s: %s", host, error);
    ck_assert_int_eq(list.count, 1);
    ck_assert_str_eq(address_text(&list.items[0]).text, text);
    ck_assert_int_eq(address_port(&list.items[0]), port);
}

START_TEST(numbers)
{
    expect("127.0.0.1", 9092, "127.0.0.1:9092");
    expect("::1", 1, "[::1]:1");
    expect("fe80:1:2:3:4:5:6:7", 65535, "[fe80:1:2:3:4:5:6:7]:65535");
    expect("::ffff:10.1.2.3", 80, "10.1.2.3:80"); /* IPv4 inside IPv6 */
    struct address nothing = {.len = 0};
    ck_assert_str_eq(address_host(&nothing).text, "unknown");
}
END_TEST

START_TEST(names)
{
    struct address_list list;
    ck_assert_ptr_nonnull(os_resolve("localhost", 1, true, &list));
    ck_assert_ptr_null(os_resolve("localhost", 1, false, &list));
    ck_assert_int_ge(list.count, 1);
    ck_assert_int_eq(list.items[0].storage.ss_family, AF_INET); /* first, if there is one */
    ck_assert_ptr_nonnull(os_resolve("no such host", 1, false, &list));
    ck_assert_int_eq(list.count, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("address");
    TCase *tc = tcase_create("address");
    tcase_add_test(tc, numbers);
    tcase_add_test(tc, names);
    suite_add_tcase(suite, tc);
    return fix_run(suite);
}
