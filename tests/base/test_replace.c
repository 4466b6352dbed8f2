/* test_replace.c: files written whole or not at all. */
#define _POSIX_C_SOURCE 200809L

#include "../io/bytes.h"
#include "base/bytes.h"
#include "base/checksum.h"
#include "base/replace.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(replace, .fini = test_path_remove);

static void expect_content(const char *path, const char *text) {
    size_t size = 0;
    unsigned char *bytes = file_bytes(path, &size);
    cr_assert(size == strlen(text) && memcmp(bytes, text, size) == 0);
    free(bytes);
}

Test(replace, pieces_make_a_file_and_its_checksum) {
    wg_replacement r;
    const char *path = test_path("x");
    cr_assert_eq(wg_replace_begin(&r, "verb", path), WG_OK, "%s", wg_last_message());
    cr_assert_eq(wg_replace_add(&r, "12345", 5), WG_OK);
    cr_assert_eq(wg_replace_add(&r, NULL, 0), WG_OK);
    cr_assert_eq(wg_replace_add(&r, "6789", 4), WG_OK);
    cr_assert(r.size == 9 && r.crc == 0xcbf43926); /* the check value of CRC-32 */
    cr_assert_eq(access(path, F_OK), -1);
    cr_assert_eq(wg_replace_end(&r), WG_OK);
    expect_content(path, "123456789");
    cr_assert_eq(test_path_files(), 1);
}

Test(replace, what_is_given_up_leaves_nothing) {
    wg_replacement r;
    const char *path = test_path("x");
    cr_assert_eq(wg_write_bytes("verb", path, "old", 3), WG_OK);
    cr_assert_eq(wg_replace_begin(&r, "verb", path), WG_OK);
    cr_assert_eq(wg_replace_add(&r, "new", 3), WG_OK);
    cr_assert_eq(test_path_files(), 2);
    wg_replace_drop(&r);
    expect_content(path, "old");
    cr_assert_eq(test_path_files(), 1);
}

/* A link stays, and what it leads to is replaced; a link to nothing is refused. */
Test(replace, links_are_followed) {
    struct stat is;
    char link[512];
    (void)strcpy(link, test_path("link"));
    const char *path = test_path("x");
    cr_assert_eq(wg_write_bytes("verb", path, "old", 3), WG_OK);
    cr_assert_eq(symlink("x", link), 0);
    cr_assert_eq(wg_write_bytes("verb", link, "new", 3), WG_OK, "%s", wg_last_message());
    cr_assert(lstat(link, &is) == 0 && S_ISLNK(is.st_mode));
    expect_content(path, "new");
    cr_assert_eq(test_path_files(), 2);
    cr_assert_eq(unlink(path), 0);
    expect_refused(wg_write_bytes("verb", link, "new", 3), WG_ERROR_FILE, "link: ");
    cr_assert(lstat(link, &is) == 0 && S_ISLNK(is.st_mode));
    cr_assert_eq(test_path_files(), 1);
}

/* As long as a name may be: there is no room for the new file's number behind it. */
Test(replace, long_names) {
    char name[256];
    memset(name, 'n', 255);
    for (size_t length = 200; length <= 255; length += 5) {
        name[length] = '\0';
        const char *path = test_path(name);
        cr_assert_eq(wg_write_bytes("verb", path, "old", 3), WG_OK, "%s", wg_last_message());
        cr_assert_eq(wg_write_bytes("verb", path, "new", 3), WG_OK, "%s", wg_last_message());
        expect_content(path, "new");
        cr_assert_eq(unlink(path), 0);
        name[length] = 'n';
    }
    cr_assert_eq(test_path_files(), 0);
}

Test(replace, permissions_stay) {
    struct stat is;
    const char *path = test_path("x");
    cr_assert_eq(wg_write_bytes("verb", path, "old", 3), WG_OK);
    cr_assert_eq(chmod(path, 0640), 0);
    cr_assert_eq(wg_write_bytes("verb", path, "new", 3), WG_OK);
    cr_assert_eq(stat(path, &is), 0);
    cr_assert_eq(is.st_mode & 0777, 0640);
    expect_content(path, "new");
}

Test(replace, what_is_no_file_is_refused) {
    wg_replacement r;
    const char *path = test_path("folder");
    cr_assert_eq(mkdir(path, 0700), 0);
    expect_refused(wg_replace_begin(&r, "verb", path), WG_ERROR_FILE, "folder: ");
    cr_assert_eq(rmdir(path), 0);
    expect_refused(wg_replace_begin(&r, "verb", "/dev/null"), WG_ERROR_FILE, "neither a file");
    expect_refused(wg_replace_begin(&r, "verb", "/no/folder/x"), WG_ERROR_FILE, "/no/folder/x");
    expect_refused(wg_replace_begin(&r, "verb", NULL), WG_ERROR_ARGUMENT, "verb: the path");
}

/* A disk that is full after each number of bytes. */
Test(replace, a_full_disk_leaves_the_old_file) {
    char text[100];
    memset(text, 'n', sizeof text);
    const char *path = test_path("x");
    cr_assert_eq(wg_write_bytes("verb", path, "old", 3), WG_OK);
    (void)signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit;
    cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    for (rlim_t most = 0; most < sizeof text; most++) {
        cr_assert_eq(setrlimit(RLIMIT_FSIZE, &(struct rlimit){most, limit.rlim_max}), 0);
        const wg_status status = wg_write_bytes("verb", path, text, sizeof text);
        cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
        expect_refused(status, WG_ERROR_FILE, "x: ");
        expect_content(path, "old");
        cr_assert_eq(test_path_files(), 1);
    }
}

Test(replace, in_the_working_folder_and_at_the_root) {
    cr_assert_eq(chdir(test_path("")), 0);
    cr_assert_eq(wg_write_bytes("verb", "x", "1", 1), WG_OK, "%s", wg_last_message());
    expect_content(test_path("x"), "1");
}

Test(checksum, any_length_and_any_pieces) {
    unsigned char *bytes = malloc(70000);
    uint32_t crc = 0, slow = 0;
    for (size_t i = 0; i < 70000; i++) {
        bytes[i] = (unsigned char)(i * 7 + i / 256);
    }
    for (size_t i = 0; i < 70000; i++) {
        slow = wg_crc32_more(slow, bytes + i, 1);
    }
    cr_assert_eq(wg_crc32(bytes, 70000), slow);
    crc = wg_crc32_more(0, bytes, 33001);
    cr_assert_eq(wg_crc32_more(crc, bytes + 33001, 70000 - 33001), slow);
    cr_assert_eq(wg_crc32("123456789", 9), 0xcbf43926);
    cr_assert_eq(wg_crc32(NULL, 0), 0);
    free(bytes);
}
