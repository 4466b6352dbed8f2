#include "golden.h"

const golden_call golden_calls_linalg[] = {
    {0},
};
