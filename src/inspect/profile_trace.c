/* profile_trace.c: the events of a profile as a Chrome trace. */
#include "inspect/profile.h"

#include <errno.h>
#include <string.h>

static void write_string(FILE *file, const char *text) {
    (void)fputc('"', file);
    for (; *text != '\0'; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') {
            (void)fprintf(file, "\\%c", c);
        } else if (c < 0x20) {
            (void)fprintf(file, "\\u%04x", c);
        } else {
            (void)fputc(c, file);
        }
    }
    (void)fputc('"', file);
}

/* Microseconds with three decimals, whatever the locale's decimal point. */
static void write_time(FILE *file, const char *key, double seconds) {
    const long long ns = (long long)(seconds * 1e9);
    (void)fprintf(file, ",\"%s\":%lld.%03lld", key, ns / 1000, ns % 1000);
}

/* Complete events ("ph": "X") of the Trace Event Format. */
static void write_events(const wg_profile *profile, FILE *file) {
    static const char *const kinds[] = {"forward", "backward", "backward",
                                        "sweep",   "layer",    "step"};
    (void)fputs("{\"displayTimeUnit\":\"ms\",\"traceEvents\":[", file);
    for (uint64_t i = 0; i < profile->events; i++) {
        const wg_event *event = &profile->event[i];
        const char *layer = event->layer >= 0 ? profile->seen[event->layer].name : "";
        (void)fputs(i > 0 ? ",\n{\"name\":" : "\n{\"name\":", file);
        write_string(file, layer[0] != '\0' ? layer : event->name);
        (void)fprintf(file, ",\"cat\":\"%s\",\"ph\":\"X\",\"pid\":1,\"tid\":1", kinds[event->what]);
        write_time(file, "ts", event->start);
        write_time(file, "dur", event->seconds);
        if (event->layer >= 0) {
            (void)fputs(",\"args\":{\"layer\":", file);
            write_string(file, event->name);
            (void)fputc('}', file);
        }
        (void)fputc('}', file);
    }
    (void)fputs("\n]}\n", file);
}

wg_status wg_profile_write_trace(const wg_profile *profile, const char *path) {
    if (path == NULL) {
        return wg_fail(WG_ERROR_ARGUMENT, "profile_write_trace: the path is NULL");
    }
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        return wg_fail(WG_ERROR_FILE, "profile_write_trace: %s: %s", path, strerror(errno));
    }
    errno = 0;
    write_events(profile, file);
    const bool failed = ferror(file) != 0;
    if (fclose(file) != 0 || failed) {
        const int reason = errno;
        (void)remove(path);
        return wg_fail(WG_ERROR_FILE, "profile_write_trace: %s: %s", path, strerror(reason));
    }
    return WG_OK;
}
