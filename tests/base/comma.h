/* comma.h: a locale whose decimals have a comma, for tests that files and pictures do not. */
#ifndef WG_TESTS_COMMA_H
#define WG_TESTS_COMMA_H

/* Brings the process into such a locale, of the system or made by localedef; skips the test where
 * neither is to be had. */
void test_comma_locale(void);

#endif
