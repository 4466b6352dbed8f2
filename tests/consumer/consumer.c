/* consumer.c: a program that knows Wengert through pkg-config alone. */
#include <wengert.h>

#include <stdio.h>

int main(void) {
    const int64_t shape[] = {2, 3};
    wg_array *array = NULL;
    if (wg_array_new(WG_F64, 2, shape, &array) != WG_OK) {
        fprintf(stderr, "%s\n", wg_last_message());
        return 1;
    }
    printf("C: Wengert %s, %lld elements of %s\n", wg_version(), (long long)wg_array_count(array),
           wg_dtype_name(array->dtype));
    int wrong = wg_array_count(array) != 6;
    wg_array_free(array);
    return wrong;
}
