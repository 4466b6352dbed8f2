/* augment.h: images changed at random, so that a network does not learn them by heart.
 *
 * Images are WG_F32 [n, ..., height, width]. What happens to image i depends on the key and on
 * rows[i] alone (its row in the data; NULL: i itself), so that neither order nor batch size nor
 * threads matter: give the key of the epoch, as a loader's batches have it. Each verb draws from a
 * stream of its own. No verb needs memory. Errors: DTYPE, SHAPE for a rank below 3, ARGUMENT; then
 * nothing has changed. */
#ifndef WENGERT_AUGMENT_H
#define WENGERT_AUGMENT_H

#include "wengert/loader.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Moves each image by up to `most` pixels up or down and by up to `most` to the left or right, all
 * alike likely. What comes in is `fill`. */
WG_API wg_status wg_augment_shift(wg_array *images, const int64_t *rows, wg_key key, int64_t most,
                                  float fill);

/* Turns each image left for right with this probability. */
WG_API wg_status wg_augment_flip(wg_array *images, const int64_t *rows, wg_key key,
                                 double probability);

/* Adds normal noise of this deviation, finite as a float, to each pixel. */
WG_API wg_status wg_augment_noise(wg_array *images, const int64_t *rows, wg_key key,
                                  double deviation);

/* Cuts a window of the size of `out`, which has the same axes but the last two, out of each image
 * with `padding` pixels of `fill` put around it; all places of the window are alike likely.
 * torchvision's RandomCrop. SHAPE also where the window is larger than the image with its padding.
 */
WG_API wg_status wg_augment_crop(const wg_array *images, const int64_t *rows, wg_key key,
                                 int64_t padding, float fill, wg_array *out);

/* Several of them, in this order. All zeros: nothing. */
typedef struct wg_augmentation {
    int field;     /* of the batch */
    int64_t shift; /* pixels */
    double flip;   /* probability */
    double noise;  /* deviation */
    float fill;
} wg_augmentation;

/* A wg_batch_transform: `augmentation` points to a wg_augmentation. */
WG_API wg_status wg_augment(const wg_batch *batch, void *augmentation);

#ifdef __cplusplus
}
#endif

#endif
