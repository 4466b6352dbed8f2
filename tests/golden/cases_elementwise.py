import math

import torch
import torch.nn.functional as F

INF, NAN = math.inf, math.nan
EVERY = [0.0, INF, -INF, NAN]

# Name, function, range of its operand, special values where PyTorch's choice is ours. (F.hardsigmoid
# multiplies gradients by 1/6 as a float32.)
UNARY = [
    ("neg", torch.neg, -2, 2, EVERY),
    ("square", torch.square, -2, 2, EVERY),
    ("sqrt", torch.sqrt, 0.25, 4, [0.0, INF, NAN]),
    ("exp", torch.exp, -3, 3, [0.0, 80.0, -80.0, INF, -INF, NAN]),
    ("expm1", torch.expm1, -3, 3, [0.0, 1 / 64, INF, -INF, NAN]),
    ("exp2", torch.exp2, -3, 3, EVERY),
    ("log", torch.log, 0.25, 4, [0.0, 1.0, INF, NAN]),
    ("log1p", torch.log1p, -0.75, 4, [0.0, -1.0, INF, NAN]),
    ("log2", torch.log2, 0.25, 4, [0.0, 8.0, INF, NAN]),
    ("log10", torch.log10, 0.25, 4, [0.0, 100.0, INF, NAN]),
    ("sin", torch.sin, -7, 7, [0.0, 100.0, INF, NAN]),
    ("cos", torch.cos, -7, 7, [0.0, 100.0, INF, NAN]),
    ("tan", torch.tan, -1.4, 1.4, [0.0, 3.0, NAN]),
    ("asin", torch.asin, -0.95, 0.95, [0.0, 1.0, -1.0, NAN]),
    ("acos", torch.acos, -0.95, 0.95, [0.0, 1.0, -1.0, NAN]),
    ("atan", torch.atan, -3, 3, EVERY),
    ("sinh", torch.sinh, -3, 3, EVERY),
    ("cosh", torch.cosh, -3, 3, EVERY),
    ("tanh", torch.tanh, -3, 3, [0.0, 30.0, -30.0, INF, -INF, NAN]),
    ("asinh", torch.asinh, -3, 3, EVERY),
    ("acosh", torch.acosh, 1.25, 4, [INF, NAN]),
    ("atanh", torch.atanh, -0.95, 0.95, [0.0, 1.0, -1.0, NAN]),
    ("erf", torch.erf, -3, 3, EVERY),
    ("erfc", torch.erfc, -3, 3, [0.0, 5.0, INF, -INF, NAN]),
    ("lgamma", torch.lgamma, 0.25, 5, [7.5, 30.0]),
    ("abs", torch.abs, -2, 2, [0.0, INF, -INF]),
    ("sign", torch.sign, -2, 2, [0.0, INF, -INF]),
    ("floor", torch.floor, -3, 3, EVERY + [2.0, -2.0]),
    ("ceil", torch.ceil, -3, 3, EVERY + [2.0, -2.0]),
    ("round", torch.round, -3, 3, EVERY + [0.5, 1.5, -2.5]),
    ("sigmoid", torch.sigmoid, -4, 4, [0.0, 40.0, -80.0, INF, -INF, NAN]),
    ("softplus", F.softplus, -4, 4, [0.0, -80.0]),
    ("relu", torch.relu, -2, 2, [0.0, INF, -INF]),
    ("logsigmoid", F.logsigmoid, -4, 4, [0.0, 40.0, -40.0]),
    ("silu", F.silu, -4, 4, [0.0, 40.0, -40.0, NAN]),
    ("mish", F.mish, -4, 4, [0.0, 40.0, -40.0, NAN]),
    ("gelu", F.gelu, -3, 3, [0.0, 40.0, -40.0, NAN]),
    ("gelu_tanh", lambda x: F.gelu(x, approximate="tanh"), -3, 3, [0.0, 20.0, -20.0, NAN]),
    ("selu", F.selu, -3, 3, [0.0, 40.0, -40.0, INF, -INF]),
    ("hardsigmoid", lambda x: F.relu6(x + 3) / 6, -4, 4, [0.0, 3.0, -3.0, INF, -INF]),
    ("hardswish", F.hardswish, -4, 4, [0.0, 3.0, -3.0, INF]),
    ("softsign", F.softsign, -3, 3, [0.0]),
    ("relu6", F.relu6, -3, 8, [0.0, 6.0, INF, -INF]),
    ("tanhshrink", F.tanhshrink, -3, 3, [40.0, -40.0]),
    ("reciprocal", torch.reciprocal, 0.25, 4, [0.0, INF, -INF, NAN]),
    ("rsqrt", torch.rsqrt, 0.25, 4, [0.0, INF, NAN]),
    ("trunc", torch.trunc, -3, 3, EVERY + [2.0, -2.0]),
    ("frac", torch.frac, -3, 3, [0.0, 2.0, -2.5, NAN]),
    ("logit", torch.logit, 1 / 64, 1, [0.0, 0.5, 1.0]),
    ("sinc", torch.sinc, -3, 3, [0.0, 0.5, 1 / 64, NAN]),
    ("erfinv", torch.erfinv, -0.95, 0.95, [0.0, 1.0, -1.0, 2.0, NAN]),
    ("deg2rad", torch.deg2rad, -180, 180, EVERY),
    ("rad2deg", torch.rad2deg, -3, 3, EVERY),
]

QUESTIONS = [
    ("isnan", torch.isnan),
    ("isinf", torch.isinf),
    ("isfinite", torch.isfinite),
    ("logical_not", torch.logical_not),
]

# Name, function, ranges, pairs of special values.
BINARY = [
    ("add", torch.add, -2, 2, -2, 2, [(INF, -INF), (NAN, 1)]),
    ("sub", torch.sub, -2, 2, -2, 2, [(INF, INF), (1, NAN)]),
    ("mul", torch.mul, -2, 2, -2, 2, [(INF, 2), (NAN, 1)]),
    ("div", torch.div, -2, 2, 0.5, 2, [(1, 0), (1, INF), (NAN, 1)]),
    ("pow", torch.pow, 0.25, 3, -2, 2, [(0, 0), (0, 1), (0, 2), (0, 0.5), (0, -1), (1, INF), (-2, 3), (INF, 2)]),
    ("atan2", torch.atan2, -2, 2, -2, 2, [(0, 1), (0, -1), (1, 0), (-1, 0), (NAN, 1)]),
    ("hypot", torch.hypot, -2, 2, -2, 2, [(0, 2), (3, 4), (NAN, 1)]),
    ("max", torch.maximum, -2, 2, -2, 2, [(1, 1), (INF, INF), (-INF, 1)]),
    ("min", torch.minimum, -2, 2, -2, 2, [(1, 1), (INF, INF), (-INF, 1)]),
    ("fmod", torch.fmod, -7, 7, 0.75, 2.5, [(6, 2), (-6, 2), (-5, 3), (5, -3), (5, INF)]),
    ("remainder", torch.remainder, -7, 7, 0.75, 2.5, [(6, 2), (-6, 2), (-5, 3), (5, -3), (-5, -3), (5, INF)]),
    ("xlogy", torch.xlogy, -2, 2, 0.25, 3, [(0, 2), (0, 1), (1, 1), (1, 0), (2, INF), (NAN, 1), (0, NAN)]),
    ("logaddexp", torch.logaddexp, -3, 3, -3, 3, [(1, 1), (40, -40), (-INF, 1), (1, -INF), (NAN, 1)]),
]

COMPARISONS = [
    ("lt", torch.lt), ("le", torch.le), ("gt", torch.gt), ("ge", torch.ge), ("eq", torch.eq), ("ne", torch.ne),
    ("logical_and", torch.logical_and), ("logical_or", torch.logical_or), ("logical_xor", torch.logical_xor),
]

# A number is PyTorch's second operand; here it is an array without axes.
WITH_NUMBER = [
    ("elu", F.elu, -3, 3, [1, 0.5], [0.0, 40.0, -40.0, INF, -INF, NAN]),
    ("celu", F.celu, -3, 3, [1, 0.5], [0.0, 40.0, -40.0, INF, -INF, NAN]),
    ("leaky_relu", F.leaky_relu, -3, 3, [0.25, -0.5], [0.0, INF, -INF, NAN]),
    ("softshrink", F.softshrink, -2, 2, [0.5, 0.25], [0.0, 0.5, -0.5, INF, -INF]),
    ("hardshrink", F.hardshrink, -2, 2, [0.5, 0.25], [0.0, 0.5, -0.5, INF, -INF]),
]

PAIRS = [((3, 4), (4,)), ((2, 1, 3), (4, 1)), ((), (2, 3))]


def array(*values):
    return torch.tensor(values, dtype=torch.float64)


def columns(pairs):
    return array(*[p[0] for p in pairs]), array(*[p[1] for p in pairs])


def cases(family):
    for name, function, low, high, special in UNARY:
        family.case(name, function, family.uniform(low, high, 3, 4))
        family.case(name, function, array(*special))
    family.case("cbrt", lambda x: x.pow(1 / 3), family.uniform(0.25, 4, 3, 4))
    # (PyTorch's trigamma, the gradient, is 1000 ulps off; so are the gradients of polygamma.)
    family.case("digamma", torch.digamma, family.uniform(0.25, 5, 3, 4), gradient=False)
    family.case("heaviside", lambda x: torch.heaviside(x, torch.zeros(())), array(-2, 0, 3, INF), gradient=False)
    for name, function in QUESTIONS:
        family.case(name, function, array(*EVERY, 1.0, -2.0), gradient=False)
    for name, function, low, high, low_y, high_y, special in BINARY:
        for shape, shape_y in PAIRS:
            family.case(name, function, family.uniform(low, high, *shape), family.uniform(low_y, high_y, *shape_y))
        family.case(name, function, *columns(special))
    for name, function in COMPARISONS:
        x = array(0, 1, 1, -2, INF, INF, NAN, 1, NAN)
        family.case(name, function, x, array(0, 1, -1, 0, INF, 1, 1, NAN, NAN), gradient=False)
        family.case(name, function, family.uniform(-1, 1, 3, 2), family.uniform(-1, 1, 2), gradient=False)
    for name, function, low, high, numbers, special in WITH_NUMBER:
        for number in numbers:
            with_number = lambda x, y: function(x, y.item())
            family.case(name, with_number, family.uniform(low, high, 3, 4), array(number)[0], constant=(1,))
        family.case(name, with_number, array(*special), array(numbers[0])[0], constant=(1,))
    for shape, count in [((5,), 1), ((3, 4), 4), ((2, 3, 2), 3), ((2, 3, 2, 2), 3), ((2, 3, 2), 1)]:
        family.case("prelu", F.prelu, family.uniform(-2, 2, *shape), family.uniform(-1, 1, count))
    family.case("prelu", F.prelu, array(0, -1, 2), array(0.25))
    for n in range(3):
        whole = lambda n, x: torch.polygamma(int(n), x)
        family.case("polygamma", whole, array(n)[0], family.uniform(0.5, 5, 3, 3), gradient=False)
    three(family)


def wide(function):
    """PyTorch 1.13 cannot undo the broadcasting of clamp and lerp themselves."""
    return lambda x, y, z: function(*torch.broadcast_tensors(x, y, z))


def three(family):
    for shape, shape_y, shape_z in [((3, 4), (4,), ()), ((2, 1, 3), (4, 1), (1,))]:
        x, y, z = (family.uniform(-2, 2, *s) for s in (shape, shape_y, shape_z))
        family.case("lerp", wide(torch.lerp), x, y, z.abs() / 2)
        family.case("fma", lambda x, y, z: x * y + z, x, y, z)
        family.case("clamp", wide(torch.clamp), x, y - 1, z + 1)
        condition = family.whole(2, *shape)
        family.case("where", lambda c, y, z: torch.where(c.bool(), y, z), condition, y, z)
    family.case("lerp", torch.lerp, array(1, 1, 1, 1), array(3, 3, 3, 3), array(0, 1, 0.5, 2))
    x = array(-1, 0, 0.5, 1, 2, INF, -INF)
    family.case("clamp", wide(torch.clamp), x, array(0), array(1))
    family.case("clamp", wide(torch.clamp), x, array(2), array(0))
    numbers = lambda f: lambda x, y, z: f(x, y.item(), z.item())
    for function, name, y, z in [(F.hardtanh, "hardtanh", -1, 1), (F.hardtanh, "hardtanh", -0.5, 2),
                                 (F.threshold, "threshold", 0.5, -3), (F.threshold, "threshold", 0, 2)]:
        family.case(name, numbers(function), family.uniform(-3, 3, 3, 4), array(y)[0], array(z)[0], constant=(1, 2))
        family.case(name, numbers(function), array(y, z, 0, INF, -INF), array(y)[0], array(z)[0], constant=(1, 2))
