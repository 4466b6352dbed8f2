/* golden.c: reads the files of cases. */
#define _DEFAULT_SOURCE /* strsep, getline */

#include "golden.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

double golden_number(const golden_case *c, const char *key, double otherwise) {
    for (int i = 0; i < c->attributes; i++) {
        if (strcmp(c->attribute[i].key, key) == 0) {
            return c->attribute[i].number[0];
        }
    }
    return otherwise;
}

int golden_integer(const golden_case *c, const char *key, int otherwise) {
    return (int)golden_number(c, key, otherwise);
}

int golden_integers(const golden_case *c, const char *key, int64_t *out) {
    for (int i = 0; i < c->attributes; i++) {
        for (int k = 0; strcmp(c->attribute[i].key, key) == 0; k++) {
            if (k == c->attribute[i].count) {
                return k;
            }
            out[k] = (int64_t)c->attribute[i].number[k];
        }
    }
    return 0;
}

static char *next_word(char **text, const char *file) {
    char *word = strsep(text, " ");
    cr_assert_not_null(word, "%s ends in the middle of a line", file);
    return word;
}

static int next_int(char **text, const char *file) {
    return atoi(next_word(text, file));
}

/* DTYPE RANK SIZE... VALUE... */
static void read_array(char *text, golden_array *to, const char *file) {
    to->given = true;
    to->dtype = strcmp(next_word(&text, file), "i64") == 0 ? WG_I64 : WG_F64;
    to->rank = next_int(&text, file);
    to->count = 1;
    cr_assert(to->rank >= 0 && to->rank <= WG_MAX_RANK, "%s: rank %d", file, to->rank);
    for (int i = 0; i < to->rank; i++) {
        to->shape[i] = next_int(&text, file);
        to->count *= to->shape[i];
    }
    to->values = calloc((size_t)to->count + 1, sizeof *to->values);
    for (int64_t i = 0; i < to->count; i++) {
        to->values[i] = strtod(next_word(&text, file), NULL);
    }
}

static void read_attribute(char *text, golden_case *c, const char *file) {
    cr_assert_lt(c->attributes, GOLDEN_MOST_ATTRIBUTES);
    golden_attribute *to = &c->attribute[c->attributes++];
    snprintf(to->key, sizeof to->key, "%s", next_word(&text, file));
    to->count = next_int(&text, file);
    cr_assert(to->count <= GOLDEN_MOST_NUMBERS, "%s: %d numbers of %s", file, to->count, to->key);
    for (int i = 0; i < to->count; i++) {
        to->number[i] = strtod(next_word(&text, file), NULL);
    }
}

static golden_array *indexed(golden_array *arrays, char **text, const char *file) {
    const int i = next_int(text, file);
    cr_assert(i >= 0 && i < GOLDEN_MOST_ARRAYS, "%s: array %d", file, i);
    return &arrays[i];
}

static void read_line(char *text, golden_case *c, const char *file) {
    const char *word = next_word(&text, file);
    if (strcmp(word, "attr") == 0) {
        read_attribute(text, c, file);
    } else if (strcmp(word, "in") == 0) {
        cr_assert_lt(c->inputs, GOLDEN_MOST_ARRAYS);
        read_array(text, &c->in[c->inputs++], file);
    } else if (strcmp(word, "out") == 0) {
        cr_assert_lt(c->outputs, GOLDEN_MOST_ARRAYS);
        read_array(text, &c->out[c->outputs++], file);
    } else if (strcmp(word, "seed") == 0) {
        golden_array *to = indexed(c->seed, &text, file);
        read_array(text, to, file);
    } else if (strcmp(word, "grad") == 0) {
        golden_array *to = indexed(c->grad, &text, file);
        read_array(text, to, file);
    } else {
        cr_assert_str_eq(word, "end", "%s: %s", file, word);
    }
}

const golden_case *golden_read(const char *family, int *count) {
    char file[512];
    snprintf(file, sizeof file, "%s/%s.txt", WG_GOLDEN_DATA, family);
    FILE *stream = fopen(file, "r");
    cr_assert_not_null(stream, "%s is missing", file);
    golden_case *cases = NULL;
    char *line = NULL;
    size_t room = 0;
    *count = 0;
    while (getline(&line, &room, stream) > 0) {
        line[strcspn(line, "\n")] = 0;
        char *text = line;
        if (line[0] == '#') {
            continue;
        }
        if (strncmp(line, "case ", 5) == 0) {
            cases = realloc(cases, (size_t)(*count + 1) * sizeof *cases);
            golden_case *c = &cases[(*count)++];
            memset(c, 0, sizeof *c);
            (void)next_word(&text, file);
            snprintf(c->name, sizeof c->name, "%s", next_word(&text, file));
            snprintf(c->op, sizeof c->op, "%s", next_word(&text, file));
        } else {
            cr_assert(*count > 0, "%s: a line before the first case", file);
            read_line(text, &cases[*count - 1], file);
        }
    }
    free(line);
    fclose(stream);
    return cases;
}

void golden_free(const golden_case *cases, int count) {
    for (int i = 0; i < count; i++) {
        for (int k = 0; k < GOLDEN_MOST_ARRAYS; k++) {
            free(cases[i].in[k].values);
            free(cases[i].out[k].values);
            free(cases[i].seed[k].values);
            free(cases[i].grad[k].values);
        }
    }
    free((void *)cases);
}
