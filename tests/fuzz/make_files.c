/* make_files.c: the part of the corpus that the library itself writes (make_corpus.py calls it).
 *
 *     fuzz-make-files FOLDER
 */
#include "tiny.h"
#include "wengert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *root;

static const char *path_of(const char *name) {
    static char path[1024];
    (void)snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static void need(wg_status status) {
    if (status != WG_OK) {
        (void)fprintf(stderr, "%s\n", wg_last_message());
        exit(1);
    }
}

static void small(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    y[0] = wg_mul(wg_sin(x[0]), x[1]);
    y[1] = wg_add(wg_exp(wg_mul(x[0], 0.5)), wg_square(x[1]));
}

static void branched(const wg_var *x, wg_var *y, void *context) {
    (void)context;
    y[0] = wg_value(x[0]) > 0 ? wg_log(wg_add(x[0], 1)) : wg_tanh(x[1]);
}

static void save_function(const char *name, void (*f)(const wg_var *, wg_var *, void *),
                          int outputs) {
    static const double at[2] = {0.5, -0.25};
    wg_function *fn = wg_function_record(f, NULL, 2, outputs, at, wg_function_defaults());
    need(fn != NULL ? WG_OK : WG_ERROR_STATE);
    need(wg_function_save(fn, path_of(name)));
    wg_function_free(fn);
}

static void save_vocabularies(void) {
    static const char text[] = "the cat and the hat, the c\xc3\xa4t";
    wg_vocabulary *vocabulary = NULL;
    need(wg_vocabulary_characters(text, strlen(text), (wg_character_options){.unknown = true},
                                  &vocabulary));
    need(wg_write_vocabulary(path_of("vocabulary/characters"), vocabulary));
    wg_vocabulary_free(vocabulary);
    need(wg_vocabulary_bpe(text, strlen(text), (wg_bpe_options){.size = 262}, &vocabulary));
    need(wg_write_vocabulary(path_of("vocabulary/pairs"), vocabulary));
    wg_vocabulary_free(vocabulary);
}

static void save_images(void) {
    wg_array *image = NULL;
    need(wg_array_new(WG_U8, WG_SHAPE(3, 2, 4), &image));
    for (int i = 0; i < 24; i++) {
        ((uint8_t *)image->data)[i] = (uint8_t)(i * 10);
    }
    need(wg_write_png(path_of("image/rgb.png"), image));
    need(wg_write_pnm(path_of("image/rgb.ppm"), image));
    wg_array_free(image);
}

static void save_checkpoint(void) {
    tiny_run run;
    tiny_new(&run);
    need(tiny_step(&run));
    need(wg_checkpoint_save(path_of("checkpoint/tiny"), &run.training));
    tiny_free(&run);
}

int main(int count, char **arguments) {
    if (count != 2) {
        return 2;
    }
    root = arguments[1];
    save_function("function/small", small, 2);
    save_function("function/branched", branched, 1);
    save_vocabularies();
    save_images();
    save_checkpoint();
    return 0;
}
