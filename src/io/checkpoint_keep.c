/* checkpoint_keep.c: the last checkpoints of a run, and the newest that is whole. */
#if !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif

#include "base/grow.h"
#include "io/checkpoint.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SUFFIX ".safetensors"
#define PART ".part" /* of base/replace.c */
#define DIGITS 12
#define NUMBER_BYTES 24 /* room for '-' and a number */

/* The checkpoints of a stem, by number. */
typedef struct series {
    const char *verb, *stem, *base; /* base: the stem behind its folder */
    char *path;                     /* room for the name of a checkpoint and of its parts */
    size_t room;
    uint64_t *number;
    size_t count;
    int64_t capacity;
} series;

static wg_status no_memory(const series *s) {
    return wg_fail(WG_ERROR_MEMORY, "%s: %s: no memory for names", s->verb, s->stem);
}

static wg_status series_new(series *s, const char *verb, const char *stem) {
    if (stem == NULL || stem[0] == '\0') {
        return wg_fail(WG_ERROR_ARGUMENT, "%s: the stem is NULL or empty", verb);
    }
    const char *slash = strrchr(stem, '/');
    *s = (series){.verb = verb, .stem = stem, .base = slash != NULL ? slash + 1 : stem};
    s->room = strlen(stem) + NUMBER_BYTES + sizeof SUFFIX + 256; /* a name has 255 at most */
    s->path = wg_calloc(s->room, 1);
    return s->path != NULL ? WG_OK : no_memory(s);
}

static void series_free(series *s) {
    wg_free(s->path);
    wg_free(s->number);
}

static const char *path_of(series *s, uint64_t number) {
    (void)snprintf(s->path, s->room, "%s-%0*" PRIu64 SUFFIX, s->stem, DIGITS, number);
    return s->path;
}

/* What follows "BASE-NUMBER.safetensors" in a name; NULL where it is no such name. */
static const char *behind_number(const series *s, const char *name, uint64_t *number) {
    const size_t length = strlen(s->base);
    if (strncmp(name, s->base, length) != 0 || name[length] != '-') {
        return NULL;
    }
    const char *digits = name + length + 1;
    const size_t count = strspn(digits, "0123456789");
    if (count < DIGITS || strncmp(digits + count, SUFFIX, sizeof SUFFIX - 1) != 0) {
        return NULL;
    }
    errno = 0;
    *number = strtoull(digits, NULL, 10);
    /* As path_of writes it, and no other way. */
    return errno == 0 && (count == DIGITS || digits[0] != '0') ? digits + count + sizeof SUFFIX - 1
                                                               : NULL;
}

static wg_status series_add(series *s, uint64_t number) {
    uint64_t *numbers = wg_grown(s->number, (int64_t)s->count, &s->capacity, sizeof *numbers);
    if (numbers == NULL) {
        return no_memory(s);
    }
    s->number = numbers;
    s->number[s->count++] = number;
    return WG_OK;
}

/* Whether a name is what a writer that was killed left: "NAME.PID-NUMBER.part". */
static bool is_part(const char *behind) {
    const size_t length = strlen(behind), part = sizeof PART - 1;
    return length > part && behind[0] == '.' && strcmp(behind + length - part, PART) == 0;
}

static void remove_part(series *s, const char *name) {
    const int folder = (int)(s->base - s->stem);
    (void)snprintf(s->path, s->room, "%.*s%s", folder, s->stem, name);
    (void)unlink(s->path);
}

static int by_number(const void *a, const void *b) {
    const uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

/* Lists the checkpoints; removes parts where `clean`. */
static wg_status series_list(series *s, bool clean) {
    const int folder = (int)(s->base - s->stem);
    (void)snprintf(s->path, s->room, "%.*s.", folder, s->stem);
    DIR *listing = opendir(s->path);
    if (listing == NULL && errno == ENOENT) {
        return WG_OK; /* a run that has written nothing yet */
    }
    if (listing == NULL) {
        return wg_fail(WG_ERROR_FILE, "%s: %s: %s", s->verb, s->path, strerror(errno));
    }
    wg_status status = WG_OK;
    for (;;) {
        uint64_t number = 0;
        errno = 0;
        const struct dirent *entry = status == WG_OK ? readdir(listing) : NULL;
        if (entry == NULL) {
            break;
        }
        const char *behind = behind_number(s, entry->d_name, &number);
        if (behind != NULL && *behind == '\0') {
            status = series_add(s, number);
        } else if (behind != NULL && clean && is_part(behind)) {
            remove_part(s, entry->d_name);
        }
    }
    if (status == WG_OK && errno != 0) {
        status = wg_fail(WG_ERROR_FILE, "%s: %s: listing its folder failed: %s", s->verb, s->stem,
                         strerror(errno));
    }
    (void)closedir(listing);
    if (s->count > 0) {
        qsort(s->number, s->count, sizeof *s->number, by_number);
    }
    return status;
}

wg_status wg_checkpoint_keep(const char *stem, uint64_t number, int keep,
                             const wg_training *training) {
    series s;
    if (keep < 1) {
        return wg_fail(WG_ERROR_ARGUMENT, "checkpoint_keep: %d checkpoints are to be kept", keep);
    }
    wg_status status = series_new(&s, "checkpoint_keep", stem);
    if (status != WG_OK) {
        return status;
    }
    status = wg_checkpoint_save(path_of(&s, number), training);
    status = status == WG_OK ? series_list(&s, true) : status;
    for (size_t i = 0; i + (size_t)keep < s.count && status == WG_OK; i++) {
        if (s.number[i] != number && unlink(path_of(&s, s.number[i])) != 0 && errno != ENOENT) {
            status = wg_fail(WG_ERROR_FILE, "checkpoint_keep: %s: %s", s.path, strerror(errno));
        }
    }
    series_free(&s);
    return status;
}

wg_status wg_checkpoint_resume(const char *stem, const wg_training *training, bool *found) {
    series s;
    if (found != NULL) {
        *found = false;
    }
    wg_status status = series_new(&s, "checkpoint_resume", stem);
    if (status != WG_OK) {
        return status;
    }
    status = series_list(&s, false);
    if (status == WG_OK && s.count > 0) {
        status = WG_ERROR_FORMAT;
        for (size_t i = s.count; i-- > 0 && status == WG_ERROR_FORMAT;) {
            status = wg_checkpoint_load(path_of(&s, s.number[i]), training);
        }
        if (found != NULL) {
            *found = status == WG_OK;
        }
    }
    series_free(&s);
    return status;
}
