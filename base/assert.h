/* Assertions about our own code; always on, release builds too.
 *
 * ASSERT: O(1), one condition each, never about bytes from disk, wire or configuration (those are
 * errors, see base/err.h). VERIFY: O(n) checks of a whole structure, compiled in when
 * CRAFT_VERIFY is defined (tests, simulator). UNREACHABLE: a branch that cannot be. */
#ifndef BASE_ASSERT_H
#define BASE_ASSERT_H

_Noreturn void assert_failed(const char *what, const char *file, int line);

#define ASSERT(cond) ((cond) ? (void)0 : assert_failed(#cond, __FILE__, __LINE__))
#define UNREACHABLE() assert_failed("unreachable", __FILE__, __LINE__)

#ifdef CRAFT_VERIFY
#define VERIFY(cond) ASSERT(cond)
#else
#define VERIFY(cond) ((void)0)
#endif

#endif
