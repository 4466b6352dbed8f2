/* progress.h: progress of long work, shown in the FILE the caller hands in: a bar redrawn in place
 * on a terminal, plain lines anywhere else (a log, a pipe, TERM=dumb).
 *
 *     wg_progress *progress = wg_progress_new(stderr, "epoch 1/20", batches);
 *     for (...) wg_progress_update(progress, done, "loss %.4f", loss);
 *     wg_progress_finish(progress, "loss %.4f, accuracy %.1f %%", loss, accuracy);
 *     wg_progress_restart(progress, "epoch %d/%d", 2, 20);
 *     ...
 *     wg_progress_free(progress);
 *
 * Showing progress never stops the work: no verb fails, and each takes NULL and does nothing. */
#ifndef WENGERT_PROGRESS_H
#define WENGERT_PROGRESS_H

#include "wengert/base.h"

#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wg_progress wg_progress;

/* Starts the clock for `total` steps; 0 or less where the total is unknown. `out` stays the
 * caller's. `title` is copied; NULL is taken as "". NULL where memory runs out or `out` is NULL. */
WG_API wg_progress *wg_progress_new(FILE *out, const char *title, int64_t total);

/* `done` steps are complete. `format` and what follows, as for printf, is shown behind the bar;
 * NULL keeps what is there. Cheap enough for every step: a bar is redrawn at most 10 times a
 * second; in plain lines the first comes after 10 seconds, later ones 10 seconds apart. */
WG_API void wg_progress_update(wg_progress *progress, int64_t done, const char *format, ...)
    WG_PRINTF(3, 4);

/* Ends the line: on a terminal the bar as it stands, elsewhere one line with the title, the steps,
 * the seconds taken and the text. `format` as for update. Does nothing when called again. */
WG_API void wg_progress_finish(wg_progress *progress, const char *format, ...) WG_PRINTF(2, 3);

/* Finishes what was begun, and starts anew with the same total, an empty text and a new title
 * (as for printf; NULL keeps the old one). */
WG_API void wg_progress_restart(wg_progress *progress, const char *title, ...) WG_PRINTF(2, 3);

/* Ends a bar's line that was not finished, and frees. */
WG_API void wg_progress_free(wg_progress *progress);

#ifdef __cplusplus
}
#endif

#endif
