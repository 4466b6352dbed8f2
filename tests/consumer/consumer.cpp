// consumer.cpp: the same from C++11 and up.
#include <wengert.h>

#include <cstdio>

int main() {
    const int64_t shape[] = {2, 3};
    wg_array *array = nullptr;
    if (wg_array_new(WG_F64, 2, shape, &array) != WG_OK) {
        std::fprintf(stderr, "%s\n", wg_last_message());
        return 1;
    }
    std::printf("C++: Wengert %s, %lld elements of %s\n", wg_version(),
                static_cast<long long>(wg_array_count(array)), wg_dtype_name(array->dtype));
    const bool wrong = wg_array_count(array) != 6;
    wg_array_free(array);
    return wrong ? 1 : 0;
}
