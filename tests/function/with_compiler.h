/* with_compiler.h: for tests that run the system's C compiler on what the library writes. */
#ifndef WG_TESTS_WITH_COMPILER_H
#define WG_TESTS_WITH_COMPILER_H

#include "wengert/base.h"

#include <stdbool.h>

/* Whether the command `compiler` runs. */
bool compiler_runs(const char *compiler);
/* Skips the test where there is none, or where code cannot be loaded. */
void need_compiler(void);
void need_loading(void);

/* A new folder that nobody else may write to, removed with all files in it by folder_remove. */
char *folder_new(void);
void folder_remove(char *folder);
int folder_count(const char *folder, const char *ending); /* files in it whose names end so */

/* The first file in it whose name ends so, as a path, or NULL; free it. */
char *folder_find(const char *folder, const char *ending);

/* A shell's command; its exit status. */
int shell(const char *format, ...) WG_PRINTF(1, 2);

/* A file's bytes and a final 0, or NULL; free it. */
char *file_read(const char *path, size_t *length);
void file_write(const char *path, const char *bytes, size_t length);

#endif
