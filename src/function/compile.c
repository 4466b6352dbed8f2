/* compile.c: functions through the system's C compiler into this process. */
#if defined(__unix__) && !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif

#include "function/c_file.h"
#include "function/compiled.h"

#include <string.h>

wg_compile_options wg_compile_defaults(void) {
    return (wg_compile_options){NULL, NULL, NULL};
}

bool wg_function_is_compiled(const wg_function *fn) {
    return fn != NULL && atomic_load(&fn->compiled) != NULL;
}

#if defined(WG_HAVE_DL)
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Sites beyond this keep a compiler busy for a minute. */
#define WG_MOST_COMPILED 4000
#define WG_MOST_PATH 4096
#define WG_MOST_ARGUMENTS 64

typedef struct wg_job {
    const char *compiler, *flags;
    char folder[WG_MOST_PATH];
    char source[WG_MOST_PATH + 64], object[WG_MOST_PATH + 64], log[WG_MOST_PATH + 64];
    char fresh[WG_MOST_PATH + 96]; /* the object while it is written */
} wg_job;

/* ---- The cache's folder ---------------------------------------------------------------------- */

static wg_status find_folder(wg_job *job, const char *cache) {
    const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int length;
    if (cache != NULL) {
        length = snprintf(job->folder, sizeof job->folder, "%s", cache);
    } else if (base != NULL && *base == '/') {
        length = snprintf(job->folder, sizeof job->folder, "%s/wengert", base);
    } else if (home != NULL && *home != '\0') {
        length = snprintf(job->folder, sizeof job->folder, "%s/.cache/wengert", home);
    } else {
        return wg_fail(WG_ERROR_STATE, "function_compile: no cache folder: neither XDG_CACHE_HOME "
                                       "nor HOME is set");
    }
    if (length < 0 || (size_t)length >= sizeof job->folder) {
        return wg_fail(WG_ERROR_ARGUMENT, "function_compile: the cache folder's path is too long");
    }
    return WG_OK;
}

/* Makes the folder and those above it. Code is loaded from here, so that nobody else may write to
 * it. */
static wg_status make_folder(wg_job *job) {
    for (char *slash = job->folder + 1; *slash != '\0'; slash++) {
        if (*slash == '/') {
            *slash = '\0';
            (void)mkdir(job->folder, 0700);
            *slash = '/';
        }
    }
    struct stat info;
    if ((mkdir(job->folder, 0700) != 0 && errno != EEXIST) || stat(job->folder, &info) != 0) {
        return wg_fail(WG_ERROR_FILE, "function_compile: %s: %s", job->folder, strerror(errno));
    }
    if (!S_ISDIR(info.st_mode) || info.st_uid != geteuid() || (info.st_mode & 0022) != 0) {
        return wg_fail(WG_ERROR_FILE,
                       "function_compile: %s must be a folder that belongs to this user and that "
                       "nobody else may write to",
                       job->folder);
    }
    return WG_OK;
}

/* ---- The compiler ---------------------------------------------------------------------------- */

/* Runs a program, its output into a file; its exit status, or -1 where it did not run. */
static int run(char *const *arguments, const char *output) {
    posix_spawn_file_actions_t actions;
    pid_t child;
    int status = -1;
    if (posix_spawn_file_actions_init(&actions) != 0) {
        return -1;
    }
    bool ready = posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC,
                                                  0600) == 0 &&
                 posix_spawn_file_actions_adddup2(&actions, 1, 2) == 0 &&
                 posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0) == 0;
    if (ready && posix_spawnp(&child, arguments[0], &actions, NULL, arguments, environ) == 0) {
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
        }
        status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    return status;
}

/* A file's beginning; "" where it cannot be read. */
static void read_start(const char *path, char *out, size_t bytes) {
    FILE *in = fopen(path, "rb");
    const size_t length = in != NULL ? fread(out, 1, bytes - 1, in) : 0;
    out[length] = '\0';
    if (in != NULL) {
        (void)fclose(in);
    }
}

static wg_status ask_version(const wg_job *job, char *version, size_t bytes) {
    char *const arguments[] = {(char *)(uintptr_t)job->compiler, (char *)(uintptr_t) "--version",
                               NULL};
    char path[WG_MOST_PATH + 64];
    (void)snprintf(path, sizeof path, "%s/version-%ld-%p", job->folder, (long)getpid(),
                   (void *)&path);
    const int status = run(arguments, path);
    read_start(path, version, bytes);
    (void)unlink(path);
    return status == 0 ? WG_OK
                       : wg_fail(WG_ERROR_STATE,
                                 "function_compile: the compiler '%s' does not run on this system",
                                 job->compiler);
}

static wg_status compile(const wg_job *job) {
    char flags[1024], *arguments[WG_MOST_ARGUMENTS], log[600];
    int count = 0;
    (void)snprintf(flags, sizeof flags, "%s", job->flags);
    arguments[count++] = (char *)(uintptr_t)job->compiler;
    for (char *rest = flags, *word; (word = strtok_r(rest, " ", &rest)) != NULL;) {
        if (count < WG_MOST_ARGUMENTS - 8) {
            arguments[count++] = word;
        }
    }
    static const char *const fixed[] = {"-shared", "-fPIC", "-x", "c", "-o"};
    for (size_t i = 0; i < WG_COUNT_OF(fixed); i++) {
        arguments[count++] = (char *)(uintptr_t)fixed[i];
    }
    arguments[count++] = (char *)(uintptr_t)job->fresh;
    arguments[count++] = (char *)(uintptr_t)job->source;
    arguments[count] = NULL;
    const int status = run(arguments, job->log);
    read_start(job->log, log, sizeof log);
    (void)unlink(job->log);
    if (status != 0) {
        (void)unlink(job->fresh);
        return wg_fail(WG_ERROR_STATE, "function_compile: %s failed with status %d: %.300s",
                       job->compiler, status, log);
    }
    if (rename(job->fresh, job->object) != 0) {
        const int reason = errno;
        (void)unlink(job->fresh);
        return wg_fail(WG_ERROR_FILE, "function_compile: %s: %s", job->object, strerror(reason));
    }
    return WG_OK;
}

/* ---- From the cache, or into it -------------------------------------------------------------- */

static uint64_t hash_of(uint64_t h, const char *bytes, size_t length) { /* FNV-1a */
    for (size_t i = 0; i < length; i++) {
        h = (h ^ (unsigned char)bytes[i]) * 0x100000001b3u;
    }
    return h;
}

/* Whether the file holds just these bytes: a hash may meet another by chance. */
static bool holds(const char *path, const char *bytes, size_t length) {
    FILE *in = fopen(path, "rb");
    bool same = in != NULL;
    for (size_t i = 0; i < length && same; i++) {
        same = getc(in) == (unsigned char)bytes[i];
    }
    same = same && getc(in) == EOF;
    if (in != NULL) {
        (void)fclose(in);
    }
    return same;
}

static wg_status load(const wg_job *job, const wg_function *fn, int64_t work, wg_compiled **out) {
    wg_compiled *compiled = wg_calloc(1, sizeof *compiled);
    if (compiled == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "function_compile: no memory");
    }
    compiled->handle = dlopen(job->object, RTLD_NOW | RTLD_LOCAL);
    if (compiled->handle == NULL) {
        wg_free(compiled);
        return wg_fail(WG_ERROR_STATE, "function_compile: %.400s", dlerror());
    }
    void *value = dlsym(compiled->handle, "recorded_value");
    void *gradient =
        dlsym(compiled->handle, fn->value->outputs == 1 ? "recorded_gradient" : "recorded_vjp");
    if (value == NULL || gradient == NULL) {
        (void)dlclose(compiled->handle);
        wg_free(compiled);
        return wg_fail(WG_ERROR_STATE, "function_compile: %s lacks its functions", job->object);
    }
    /* POSIX promises that a function's address survives in a void pointer; ISO C has no cast. */
    memcpy(&compiled->value, &value, sizeof value);
    if (fn->value->outputs == 1) {
        memcpy(&compiled->gradient, &gradient, sizeof gradient);
    } else {
        memcpy(&compiled->vjp, &gradient, sizeof gradient);
    }
    compiled->work = work;
    *out = compiled;
    return WG_OK;
}

static wg_status compile_text(wg_job *job, const wg_c_file *file) {
    char version[512];
    wg_status status = ask_version(job, version, sizeof version);
    if (status != WG_OK) {
        return status;
    }
    uint64_t h = hash_of(0xcbf29ce484222325u, file->text.bytes, file->text.length);
    h = hash_of(h, version, strlen(version));
    h = hash_of(h, job->flags, strlen(job->flags));
    h = hash_of(h, job->compiler, strlen(job->compiler));
    const unsigned long long name = h;
    const long own = (long)getpid();
    (void)snprintf(job->source, sizeof job->source, "%s/%016llx.c", job->folder, name);
    (void)snprintf(job->object, sizeof job->object, "%s/%016llx.so", job->folder, name);
    (void)snprintf(job->log, sizeof job->log, "%s/%016llx-%ld-%p.log", job->folder, name, own,
                   (void *)job);
    (void)snprintf(job->fresh, sizeof job->fresh, "%s/%016llx-%ld-%p.new", job->folder, name, own,
                   (void *)job);
    struct stat info;
    if (stat(job->object, &info) == 0 && holds(job->source, file->text.bytes, file->text.length)) {
        return WG_OK;
    }
    /* by way of a name of its own, so that another process never reads half a file */
    status = wg_write_file(job->fresh, file->text.bytes, file->text.length, "function_compile");
    if (status == WG_OK && rename(job->fresh, job->source) != 0) {
        status = wg_fail(WG_ERROR_FILE, "function_compile: %s: %s", job->source, strerror(errno));
    }
    return status == WG_OK ? compile(job) : status;
}

wg_status wg_function_compile(wg_function *fn, wg_compile_options options) {
    if (fn == NULL) {
        return wg_fail(WG_ERROR_ARGUMENT, "function_compile: the function is NULL");
    }
    if (wg_function_is_compiled(fn)) {
        return WG_OK;
    }
    wg_c_file file;
    wg_job *job = wg_calloc(1, sizeof *job);
    wg_compiled *compiled = NULL, *before = NULL;
    if (job == NULL) {
        return wg_fail(WG_ERROR_MEMORY, "function_compile: no memory");
    }
    job->compiler = options.compiler != NULL ? options.compiler : "cc";
    /* Strict functions keep their roundings; relaxed ones leave the choice to the compiler. */
    job->flags = options.flags != NULL ? options.flags
                 : fn->relaxed         ? "-O3 -march=native -ffp-contract=fast -fno-math-errno "
                                         "-fno-trapping-math -fno-signed-zeros"
                                       : "-O3 -march=native -ffp-contract=off -fno-math-errno "
                                         "-fno-trapping-math";
    wg_status status = wg_c_file_make(fn, "recorded", "function_compile", WG_MOST_COMPILED, &file)
                           ? find_folder(job, options.cache)
                           : wg_last_status();
    status = status == WG_OK ? make_folder(job) : status;
    status = status == WG_OK ? compile_text(job, &file) : status;
    status = status == WG_OK ? load(job, fn, file.work, &compiled) : status;
    wg_c_file_end(&file);
    wg_free(job);
    if (status == WG_OK && !atomic_compare_exchange_strong(&fn->compiled, &before, compiled)) {
        wg_compiled_free(compiled); /* another thread was first */
    }
    return status;
}

void wg_compiled_free(wg_compiled *compiled) {
    if (compiled != NULL) {
        wg_free(atomic_load(&compiled->spare));
        (void)dlclose(compiled->handle);
        wg_free(compiled);
    }
}

#else

wg_status wg_function_compile(wg_function *fn, wg_compile_options options) {
    (void)options;
    return wg_fail(fn == NULL ? WG_ERROR_ARGUMENT : WG_ERROR_STATE,
                   "function_compile: this build cannot load code");
}

void wg_compiled_free(wg_compiled *compiled) {
    wg_free(compiled);
}

#endif
