/* test_progress.c: progress on a terminal (a pseudo-terminal) and in plain lines. */
#if !defined(_XOPEN_SOURCE)
#define _XOPEN_SOURCE 700
#endif

#include "../base/comma.h"
#include "wengert/progress.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static char *text;
static size_t bytes;

/* Writes T over the seconds in "3/3, 0.0 s": a busy machine may take some. */
static void hide_seconds(char *lines) {
    char *to = lines;
    for (char *from = lines; *from != '\0';) {
        int used = 0;
        *to++ = *from;
        if (sscanf(from, ", %*[0-9].%*[0-9] s%n", &used) == 0 && used > 0) {
            memcpy(to, " T", 2);
            to += 2;
            from += used;
        } else {
            from++;
        }
    }
    *to = '\0';
}

Test(progress, plain_lines) {
    FILE *out = open_memstream(&text, &bytes);
    wg_progress *p = wg_progress_new(out, "epoch 1/2", 45);
    for (int64_t i = 1; i <= 45; i++) {
        wg_progress_update(p, i, "loss %.3f", 1.0 / (double)i);
    }
    wg_progress_finish(p, "loss 0.123, accuracy %.1f %%", 97.5);
    wg_progress_finish(p, "again");
    wg_progress_restart(p, "epoch %d/%d", 2, 2);
    wg_progress_update(p, 45, "line\nbreak\x1b");
    wg_progress_free(p);
    (void)fclose(out);
    hide_seconds(text);
    cr_assert_str_eq(text, "epoch 1/2: 45/45, T, loss 0.123, accuracy 97.5 %\n", "%s", text);
    free(text);
}

Test(progress, seconds_have_a_point) {
    test_comma_locale();
    FILE *out = open_memstream(&text, &bytes);
    wg_progress *p = wg_progress_new(out, "x", 3);
    wg_progress_update(p, 3, "x");
    wg_progress_finish(p, "y");
    wg_progress_free(p);
    (void)fclose(out);
    hide_seconds(text);
    cr_assert_str_eq(text, "x: 3/3, T, y\n", "%s", text);
    free(text);
}

/* Text keeps to one line, and restart finishes what was begun, but leaves no line of nothing. */
Test(progress, restart) {
    FILE *out = open_memstream(&text, &bytes);
    wg_progress *p = wg_progress_new(out, "", 0);
    wg_progress_restart(p, "%s", "a");
    wg_progress_update(p, 3, "x\ny");
    wg_progress_restart(p, "b");
    wg_progress_finish(p, NULL);
    wg_progress_free(p);
    (void)fclose(out);
    hide_seconds(text);
    cr_assert_str_eq(text, "a: 3, T, x y\nb: 0, T\n", "%s", text);
    free(text);
}

Test(progress, tolerates_null) {
    cr_assert_null(wg_progress_new(NULL, "title", 3));
    wg_progress_update(NULL, 1, "x");
    wg_progress_finish(NULL, "x");
    wg_progress_restart(NULL, "x");
    wg_progress_free(NULL);
}

/* A pseudo-terminal of the given width; what is written is read back with read_all. */
static int open_terminal(unsigned short columns, FILE **out) {
    int keyboard = posix_openpt(O_RDWR | O_NOCTTY);
    if (keyboard < 0 || grantpt(keyboard) != 0 || unlockpt(keyboard) != 0) {
        cr_skip_test("no pseudo-terminals here");
    }
    int screen = open(ptsname(keyboard), O_RDWR | O_NOCTTY);
    cr_assert(screen >= 0);
    struct winsize size = {.ws_row = 24, .ws_col = columns};
    cr_assert_eq(ioctl(screen, TIOCSWINSZ, &size), 0);
    struct termios modes;
    cr_assert_eq(tcgetattr(screen, &modes), 0);
    modes.c_oflag &= ~(tcflag_t)OPOST; /* line ends as written */
    cr_assert_eq(tcsetattr(screen, TCSANOW, &modes), 0);
    cr_assert_eq(fcntl(keyboard, F_SETFL, O_NONBLOCK), 0);
    *out = fdopen(screen, "w");
    return keyboard;
}

static void read_all(int keyboard, char *to, size_t room) {
    size_t used = 0;
    ssize_t got;
    while (used + 1 < room && (got = read(keyboard, to + used, room - 1 - used)) > 0) {
        used += (size_t)got;
    }
    to[used] = '\0';
}

static void check_bar(unsigned short columns, const char *locale, const char *last_line) {
    char shown[8192];
    FILE *out;
    (void)setenv("TERM", "xterm", 1);
    (void)setenv("LC_ALL", locale, 1);
    int keyboard = open_terminal(columns, &out);
    wg_progress *p = wg_progress_new(out, "epoch 1", 200);
    for (int64_t i = 0; i <= 200; i++) {
        wg_progress_update(p, i, "loss %d", (int)i);
    }
    wg_progress_finish(p, "loss 1");
    wg_progress_free(p);
    read_all(keyboard, shown, sizeof shown);
    (void)fclose(out);
    (void)close(keyboard);
    cr_assert_eq(shown[0], '\r');
    int redraws = 0;
    for (char *at = shown; (at = strchr(at, '\r')) != NULL; at++) {
        redraws++;
    }
    cr_assert(redraws >= 2 && redraws < 100, "%d redraws of 200 updates", redraws);
    cr_assert_not_null(strstr(shown, last_line), "want %s in %s", last_line, shown);
    cr_assert_eq(shown[strlen(shown) - 1], '\n');
    cr_assert_null(strchr(shown, '\x1b'));
}

Test(progress, bar_in_ascii) {
    check_bar(80, "C", "\repoch 1 [########################################] 200/200  0:");
}

Test(progress, bar_in_utf8) {
    check_bar(50, "en_US.UTF-8", "\repoch 1 ▕█████████████████▏ 200/200  0:");
}

Test(progress, bar_gives_way_to_text) {
    check_bar(30, "C", "\repoch 1 200/200  0:");
    check_bar(12, "C", "\repoch 1 200");
}

Test(progress, dumb_terminals_get_lines) {
    char shown[1024];
    FILE *out;
    int keyboard = open_terminal(80, &out);
    (void)setenv("TERM", "dumb", 1);
    wg_progress *p = wg_progress_new(out, "work", 3);
    wg_progress_update(p, 3, NULL);
    wg_progress_finish(p, NULL);
    wg_progress_free(p);
    read_all(keyboard, shown, sizeof shown);
    (void)fclose(out);
    (void)close(keyboard);
    hide_seconds(shown);
    cr_assert_str_eq(shown, "work: 3/3, T\n");
}

/* A bar that is given up still ends its line. */
Test(progress, free_ends_the_line) {
    char shown[1024];
    FILE *out;
    (void)setenv("TERM", "xterm", 1);
    int keyboard = open_terminal(80, &out);
    wg_progress *p = wg_progress_new(out, "work", 3);
    wg_progress_update(p, 1, NULL);
    wg_progress_free(p);
    read_all(keyboard, shown, sizeof shown);
    (void)fclose(out);
    (void)close(keyboard);
    cr_assert_eq(shown[strlen(shown) - 1], '\n');
}
