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
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Sites beyond this keep a compiler busy for a minute. */
#define WG_MOST_COMPILED 4000
#define WG_MOST_PATH 4096
#define WG_MOST_ARGUMENTS 128
#define WG_MOST_FLAGS 4096

typedef struct wg_job {
    const char *compiler, *flags;
    char folder[WG_MOST_PATH];
    /* What is kept: the object, and its source with the object's hash at the end. */
    char source[WG_MOST_PATH + 64], object[WG_MOST_PATH + 64];
    /* Names of this call alone, so that another process never reads half a file. */
    char fresh_source[WG_MOST_PATH + 96], fresh_object[WG_MOST_PATH + 96], log[WG_MOST_PATH + 96];
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
        pid_t ended;
        do {
            ended = waitpid(child, &status, 0);
        } while (ended < 0 && errno == EINTR);
        /* where SIGCHLD is ignored nobody learns the status: what was written has to tell */
        status = ended < 0 ? 0 : WIFEXITED(status) ? WEXITSTATUS(status) : -1;
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
    return status == 0 && *version != '\0'
               ? WG_OK
               : wg_fail(WG_ERROR_STATE,
                         "function_compile: the compiler '%s' does not run on this system",
                         job->compiler);
}

/* The command line: words of `flags` (which are cut up) among what is always there. */
static wg_status list_arguments(const wg_job *job, char *flags, char **arguments) {
    static const char *const fixed[] = {"-shared", "-fPIC", "-x", "c", "-o"};
    int count = 0;
    arguments[count++] = (char *)(uintptr_t)job->compiler;
    for (char *rest = flags, *word; (word = strtok_r(rest, " \t\n", &rest)) != NULL;) {
        if (count >= WG_MOST_ARGUMENTS - 12) {
            return wg_fail(WG_ERROR_ARGUMENT, "function_compile: more than %d flags",
                           WG_MOST_ARGUMENTS - 13);
        }
        arguments[count++] = word;
    }
    for (size_t i = 0; i < WG_COUNT_OF(fixed); i++) {
        arguments[count++] = (char *)(uintptr_t)fixed[i];
    }
    arguments[count++] = (char *)(uintptr_t)job->fresh_object;
    arguments[count++] = (char *)(uintptr_t)job->fresh_source;
    /* who loads the library may not have shown libm's names to all */
    arguments[count++] = (char *)(uintptr_t) "-x";
    arguments[count++] = (char *)(uintptr_t) "none";
    arguments[count++] = (char *)(uintptr_t) "-lm";
    arguments[count] = NULL;
    return WG_OK;
}

/* The fresh source into the fresh object. */
static wg_status compile(const wg_job *job) {
    char flags[WG_MOST_FLAGS], *arguments[WG_MOST_ARGUMENTS], log[600];
    if (strlen(job->flags) >= sizeof flags) {
        return wg_fail(WG_ERROR_ARGUMENT, "function_compile: flags of more than %d characters",
                       WG_MOST_FLAGS - 1);
    }
    memcpy(flags, job->flags, strlen(job->flags) + 1);
    const wg_status listed = list_arguments(job, flags, arguments);
    if (listed != WG_OK) {
        return listed;
    }
    const int status = run(arguments, job->log);
    read_start(job->log, log, sizeof log);
    return status == 0
               ? WG_OK
               : wg_fail(WG_ERROR_STATE, "function_compile: %s failed with status %d: %.300s",
                         job->compiler, status, log);
}

/* ---- From the cache, or into it -------------------------------------------------------------- */

#define WG_HASH_BEGIN 0xcbf29ce484222325u

static uint64_t hash_of(uint64_t h, const char *bytes, size_t length) { /* FNV-1a */
    for (size_t i = 0; i < length; i++) {
        h = (h ^ (unsigned char)bytes[i]) * 0x100000001b3u;
    }
    return h;
}

static uint64_t hash_text(uint64_t h, const char *text) {
    return hash_of(h, text, strlen(text) + 1);
}

/* What -march=native may mean: folders are shared by machines. */
static uint64_t hash_machine(uint64_t h) {
    static const char *const telling[] = {"model name", "flags", "Features", "CPU", "isa", "uarch"};
    struct utsname system;
    char line[4096];
    FILE *in = fopen("/proc/cpuinfo", "rb");
    bool known = false;
    while (in != NULL && fgets(line, sizeof line, in) != NULL && *line != '\n') {
        for (size_t i = 0; i < WG_COUNT_OF(telling); i++) {
            if (strncmp(line, telling[i], strlen(telling[i])) == 0) {
                h = hash_text(h, line);
                known = true;
            }
        }
    }
    if (in != NULL) {
        (void)fclose(in);
    }
    if (uname(&system) == 0) {
        h = hash_text(hash_text(h, system.sysname), system.machine);
        h = known ? h : hash_text(h, system.nodename);
    }
    return h;
}

/* The line that ends a source in the cache; false where there is no object. */
static bool object_line(const char *object, char *line, size_t bytes) {
    char buffer[4096];
    uint64_t h = WG_HASH_BEGIN;
    unsigned long long total = 0;
    FILE *in = fopen(object, "rb");
    for (size_t got; in != NULL && (got = fread(buffer, 1, sizeof buffer, in)) > 0;) {
        h = hash_of(h, buffer, got);
        total += got;
    }
    const bool read = in != NULL && ferror(in) == 0 && total > 0;
    if (in != NULL) {
        (void)fclose(in);
    }
    (void)snprintf(line, bytes, "/* object: %llu bytes, %016llx */\n", total,
                   (unsigned long long)h);
    return read;
}

static bool reads(FILE *in, const char *bytes, size_t length) {
    bool same = true;
    for (size_t i = 0; i < length && same; i++) {
        same = getc(in) == (unsigned char)bytes[i];
    }
    return same;
}

/* Whether the cache has the object of just this text, whole: half an object would end the process
 * that loads it, and a hash may meet another by chance. */
static bool is_cached(const wg_job *job, const wg_text *text) {
    char line[96];
    FILE *in = object_line(job->object, line, sizeof line) ? fopen(job->source, "rb") : NULL;
    const bool same = in != NULL && reads(in, text->bytes, text->length) &&
                      reads(in, line, strlen(line)) && getc(in) == EOF;
    if (in != NULL) {
        (void)fclose(in);
    }
    return same;
}

static wg_status put(const char *from, const char *to) {
    return rename(from, to) == 0
               ? WG_OK
               : wg_fail(WG_ERROR_FILE, "function_compile: %s: %s", to, strerror(errno));
}

/* A fresh file, which counts once it has been renamed. */
static wg_status write_fresh(const char *path, const char *bytes, size_t length) {
    FILE *out = fopen(path, "wb");
    if (out == NULL) {
        return wg_fail(WG_ERROR_FILE, "function_compile: %s: %s", path, strerror(errno));
    }
    const bool wrote = fwrite(bytes, 1, length, out) == length;
    const bool closed = fclose(out) == 0;
    return wrote && closed
               ? WG_OK
               : wg_fail(WG_ERROR_FILE, "function_compile: %s: %s", path, strerror(errno));
}

/* Compiles the text; the source comes last, and with it the object counts. */
static wg_status make_object(const wg_job *job, wg_text *text) {
    const size_t length = text->length;
    char line[96] = "";
    wg_status status = write_fresh(job->fresh_source, text->bytes, length);
    status = status == WG_OK ? compile(job) : status;
    if (status == WG_OK && !object_line(job->fresh_object, line, sizeof line)) {
        status = wg_fail(WG_ERROR_STATE, "function_compile: %s made no code", job->compiler);
    }
    if (status == WG_OK) {
        wg_text_add(text, "%s", line);
        status = text->failed ? wg_fail(WG_ERROR_MEMORY, "function_compile: no memory")
                              : write_fresh(job->fresh_source, text->bytes, text->length);
        text->length = length;
        text->failed = false;
    }
    status = status == WG_OK ? put(job->fresh_object, job->object) : status;
    status = status == WG_OK ? put(job->fresh_source, job->source) : status;
    (void)unlink(job->fresh_source);
    (void)unlink(job->fresh_object);
    (void)unlink(job->log);
    return status;
}

static wg_status load(const wg_job *job, const wg_function *fn, const wg_c_file *file,
                      wg_compiled **out) {
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
    void *lanes = dlsym(compiled->handle,
                        fn->value->outputs == 1 ? "recorded_gradient_lanes" : "recorded_vjp_lanes");
    if (value == NULL || gradient == NULL || lanes == NULL) {
        (void)dlclose(compiled->handle);
        wg_free(compiled);
        return wg_fail(WG_ERROR_STATE, "function_compile: %s lacks its functions", job->object);
    }
    /* POSIX promises that a function's address survives in a void pointer; ISO C has no cast. */
    memcpy(&compiled->value, &value, sizeof value);
    if (fn->value->outputs == 1) {
        memcpy(&compiled->gradient, &gradient, sizeof gradient);
        memcpy(&compiled->gradient_lanes, &lanes, sizeof lanes);
    } else {
        memcpy(&compiled->vjp, &gradient, sizeof gradient);
        memcpy(&compiled->vjp_lanes, &lanes, sizeof lanes);
    }
    for (int i = 0; i < WG_RULE_COUNT; i++) {
        if (file->uses.rule[i]) {
            compiled->rule[wg_c_rule_number(&file->uses, i)] = wg_kernel_rule_loops()[i].value[1];
        }
    }
    compiled->work = file->work;
    *out = compiled;
    return WG_OK;
}

/* Files' names: by the text and all else that decides what the object is. */
static wg_status name_files(wg_job *job, const wg_c_file *file) {
    char version[512];
    const wg_status status = ask_version(job, version, sizeof version);
    if (status != WG_OK) {
        return status;
    }
    uint64_t h = hash_of(WG_HASH_BEGIN, file->text.bytes, file->text.length);
    h = hash_text(hash_text(hash_text(h, version), job->flags), job->compiler);
    const unsigned long long name = hash_machine(h);
    const long own = (long)getpid();
    void *here = job; /* another thread's is another */
    (void)snprintf(job->source, sizeof job->source, "%s/%016llx.c", job->folder, name);
    (void)snprintf(job->object, sizeof job->object, "%s/%016llx.so", job->folder, name);
    (void)snprintf(job->log, sizeof job->log, "%s/%016llx-%ld-%p.log", job->folder, name, own,
                   here);
    (void)snprintf(job->fresh_source, sizeof job->fresh_source, "%s/%016llx-%ld-%p.c", job->folder,
                   name, own, here);
    (void)snprintf(job->fresh_object, sizeof job->fresh_object, "%s/%016llx-%ld-%p.so", job->folder,
                   name, own, here);
    return WG_OK;
}

/* From the cache where it is there and can be loaded, else compiled. */
static wg_status find_code(wg_job *job, const wg_function *fn, wg_c_file *file, wg_compiled **out) {
    wg_status status = name_files(job, file);
    if (status == WG_OK && is_cached(job, &file->text) && load(job, fn, file, out) == WG_OK) {
        return WG_OK;
    }
    status = status == WG_OK ? make_object(job, &file->text) : status;
    return status == WG_OK ? load(job, fn, file, out) : status;
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
    wg_status status =
        wg_c_file_make(fn, "recorded", "function_compile", WG_MOST_COMPILED, true, &file)
            ? find_folder(job, options.cache)
            : wg_last_status();
    status = status == WG_OK ? make_folder(job) : status;
    status = status == WG_OK ? find_code(job, fn, &file, &compiled) : status;
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
