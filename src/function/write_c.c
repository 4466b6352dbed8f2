/* write_c.c: a function and its gradient as a C file. */
#include "base/bytes.h"
#include "function/c_file.h"

#include <stdio.h>
#include <string.h>

#define WG_MOST_STATEMENTS 20000

static bool is_identifier(const char *name) {
    static const char first[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    return name != NULL && *name != '\0' && strchr(first, *name) != NULL &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") ==
               strlen(name);
}

static const char *const mode_names[] = {
    [WG_MODE_value] = "value", [WG_MODE_gradient] = "gradient", [WG_MODE_vjp] = "vjp"};

/* The arguments of a mode's function, of a type. */
static void add_arguments(wg_text *text, wg_function_mode mode, const char *type, bool rules) {
    wg_text_add(text, "(const %s *x, ", type);
    if (mode == WG_MODE_vjp) {
        wg_text_add(text, "const %s *w, ", type);
    }
    wg_text_add(text, "%s *y, ", type);
    if (mode != WG_MODE_value) {
        wg_text_add(text, "%s *%s, ", type, mode == WG_MODE_vjp ? "g" : "dydx");
    }
    wg_text_add(text, rules ? "%s *work, const rule_loop *rule)" : "%s *work)", type);
}

static void add_body(wg_c_file *file, wg_function_mode mode, const wg_nest *nest,
                     const wg_c_arrays *arrays, const char *prefix, bool lanes) {
    const char *type = lanes ? "lanes" : "double";
    wg_text *text = &file->functions;
    wg_text_add(text, "void %s%s", prefix, lanes ? "_lanes" : "");
    add_arguments(text, mode, type, lanes);
    wg_text_add(text, " {\n    (void)x, (void)work%s%s;\n", mode == WG_MODE_vjp ? ", (void)w" : "",
                lanes ? ", (void)rule" : "");
    wg_c_body(text, nest, arrays, prefix, lanes, &file->uses);
    wg_text_add(text, "}\n\n");
}

/* One function, and the same on lanes. */
static bool add_function(wg_c_file *file, const wg_function *fn, wg_function_mode mode,
                         uint32_t most, bool lanes) {
    const uint32_t n = fn->value->inputs, m = fn->value->outputs;
    const uint32_t in_first[] = {0, n}, out_first[] = {0, m};
    const wg_c_arrays arrays = {
        .ports = {mode == WG_MODE_vjp ? 2 : 1, mode == WG_MODE_value ? 1 : 2, in_first, out_first},
        .in = {"x", "w"},
        .out = {"y", mode == WG_MODE_vjp ? "g" : "dydx"},
    };
    const wg_program *program = wg_function_program(fn, mode);
    wg_nest *nest =
        program != NULL ? wg_nest_new(program, &arrays.ports, fn->relaxed, most, file->call) : NULL;
    if (nest == NULL) {
        return false;
    }
    char prefix[256];
    (void)snprintf(prefix, sizeof prefix, "%.200s_%s", file->name, mode_names[mode]);
    wg_c_numbers(&file->functions, nest, prefix);
    wg_text_add(&file->prototypes, "void %s", prefix);
    add_arguments(&file->prototypes, mode, "double", false);
    wg_text_add(&file->prototypes, ";\n");
    add_body(file, mode, nest, &arrays, prefix, false);
    if (lanes) {
        wg_text_add(&file->prototypes, "void %s_lanes", prefix);
        add_arguments(&file->prototypes, mode, "lanes", true);
        wg_text_add(&file->prototypes, ";\n");
        add_body(file, mode, nest, &arrays, prefix, true);
    }
    file->work = nest->cells > file->work ? nest->cells : file->work;
    wg_nest_free(nest);
    return true;
}

static void add_heading(wg_text *text, const wg_function *fn, const wg_c_file *file) {
    wg_text_add(text,
                "/* %s: a recorded function of %u inputs and %u outputs, written by Wengert %s.\n"
                " * Self-contained: needs libm alone. */\n",
                file->name, fn->value->inputs, fn->value->outputs, wg_version());
}

/* The whole file as text; false (and wg_last_message) where there is none. */
bool wg_c_file_make(const wg_function *fn, const char *name, const char *call, uint32_t most,
                    bool lanes, wg_c_file *file) {
    memset(file, 0, sizeof *file);
    file->name = name;
    file->call = call;
    const wg_function_mode mode = fn->value->outputs == 1 ? WG_MODE_gradient : WG_MODE_vjp;
    if (!add_function(file, fn, WG_MODE_value, most, false) ||
        !add_function(file, fn, mode, most, lanes)) {
        return false;
    }
    add_heading(&file->text, fn, file);
    wg_c_preamble(&file->text, &file->uses);
    if (lanes) {
        wg_c_lanes_preamble(&file->text, &file->uses);
    }
    wg_text_add(&file->text, "enum { %s_inputs = %u, %s_outputs = %u, %s_work = %lld };\n", name,
                fn->value->inputs, name, fn->value->outputs, name, (long long)file->work);
    if (!file->prototypes.failed && !file->functions.failed) {
        wg_text_bytes(&file->text, file->prototypes.bytes, file->prototypes.length);
        wg_text_add(&file->text, "\n");
        wg_text_bytes(&file->text, file->functions.bytes, file->functions.length);
    }
    if (file->text.failed || file->prototypes.failed || file->functions.failed) {
        (void)wg_fail(WG_ERROR_MEMORY, "%s: no memory for the text", call);
        return false;
    }
    return true;
}

void wg_c_file_end(wg_c_file *file) {
    wg_text_free(&file->text);
    wg_text_free(&file->prototypes);
    wg_text_free(&file->functions);
}

wg_status wg_function_write_c(const wg_function *fn, const char *path, const char *name) {
    if (fn == NULL || path == NULL || !is_identifier(name) || strlen(name) > 200) {
        return wg_fail(WG_ERROR_ARGUMENT, "function_write_c: %s",
                       fn == NULL     ? "the function is NULL"
                       : path == NULL ? "the path is NULL"
                                      : "the name is no identifier of at most 200 characters");
    }
    wg_c_file file;
    const bool made =
        wg_c_file_make(fn, name, "function_write_c", WG_MOST_STATEMENTS, false, &file);
    const wg_status status =
        made ? wg_write_bytes("function_write_c", path, file.text.bytes, file.text.length)
             : wg_last_status();
    wg_c_file_end(&file);
    return status;
}
