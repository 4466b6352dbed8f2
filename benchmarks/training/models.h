/* models.h: the networks: the mean loss of a batch. */
#ifndef WG_BENCHMARKS_TRAINING_MODELS_H
#define WG_BENCHMARKS_TRAINING_MODELS_H

#include <wengert.h>

wg_var model_xor(wg_net net, wg_var x, wg_var t);
wg_var model_mlp(wg_net net, wg_var x, wg_var t);
wg_var model_big_mlp(wg_net net, wg_var x, wg_var t);
wg_var model_lenet(wg_net net, wg_var x, wg_var t);
wg_var model_cnn(wg_net net, wg_var x, wg_var t);
wg_var model_char_lstm(wg_net net, wg_var x, wg_var t);
wg_var model_gpt(wg_net net, wg_var x, wg_var t);

#endif
