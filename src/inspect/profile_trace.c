/* profile_trace.c: the events of a profile as a Chrome trace. */
#include "base/text.h"
#include "inspect/profile.h"

/* Microseconds with three decimals, whatever the locale's decimal point. */
static void write_time(wg_text *text, const char *key, double seconds) {
    const long long ns = (long long)(seconds * 1e9);
    wg_text_add(text, ",\"%s\":%lld.%03lld", key, ns / 1000, ns % 1000);
}

/* Complete events ("ph": "X") of the Trace Event Format. */
static void write_events(const wg_profile *profile, wg_text *text) {
    static const char *const kinds[] = {"forward", "backward", "backward",
                                        "sweep",   "layer",    "step"};
    wg_text_put(text, "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[");
    for (uint64_t i = 0; i < profile->events; i++) {
        const wg_event *event = &profile->event[i];
        const char *layer = event->layer >= 0 ? profile->seen[event->layer].name : "";
        wg_text_put(text, i > 0 ? ",\n{\"name\":" : "\n{\"name\":");
        wg_text_json(text, layer[0] != '\0' ? layer : event->name);
        wg_text_add(text, ",\"cat\":\"%s\",\"ph\":\"X\",\"pid\":1,\"tid\":1", kinds[event->what]);
        write_time(text, "ts", event->start);
        write_time(text, "dur", event->seconds);
        if (event->layer >= 0) {
            wg_text_put(text, ",\"args\":{\"layer\":");
            wg_text_json(text, event->name);
            wg_text_letter(text, '}');
        }
        wg_text_letter(text, '}');
    }
    wg_text_put(text, "\n]}\n");
}

wg_status wg_profile_write_trace(const wg_profile *profile, const char *path) {
    if (path == NULL) {
        return wg_fail(WG_ERROR_ARGUMENT, "profile_write_trace: the path is NULL");
    }
    wg_text text = {NULL, 0, 0, false};
    write_events(profile, &text);
    return wg_text_write(&text, "profile_write_trace", path);
}
