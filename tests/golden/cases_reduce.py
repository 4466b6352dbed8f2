import math

import torch

# axes ([] for all) and shapes; one with a single element a fold, one with many
PLACES = [([], (5,)), ([0], (3, 4)), ([-1], (2, 3, 5)), ([0, 2], (2, 3, 4)), ([1], (3, 1, 2)), ([1], (2, 17, 3)), ([], (2, 33))]


def axes_of(axes, x):
    return axes if axes else list(range(x.dim()))


def sums(family):
    for axes, shape in PLACES:
        for name in ["sum", "mean", "amax", "amin"]:
            x = family.distinct(-4, 4, *shape)
            f = getattr(torch, name)
            family.case(name, lambda x: f(x, axes_of(axes, x), keepdim=True), x, axes=axes, keep=1)
    for axes, shape in [([], (5,)), ([0], (3, 4)), ([1], (2, 3, 2))]:
        x = family.uniform(-2, 2, *shape)
        family.case("prod", lambda x: x.prod() if not axes else x.prod(axes[0]), x, axes=axes)
    family.case("prod", lambda x: x.prod(1), torch.tensor([[0.5, 0.0, 2.0], [0.0, 0.0, 1.0], [-1.0, 3.0, 0.25]]), axes=[1])
    # equal extremes share the gradient
    x = torch.tensor([[1.0, 3.0, 3.0, 0.0], [2.0, 2.0, 2.0, 2.0]])
    family.case("amax", lambda x: x.amax([1]), x, axes=[1])
    family.case("amin", lambda x: x.amin([1]), x, axes=[1])


def searches(family):
    for axis, shape in [(0, (7,)), (1, (3, 4)), (0, (5, 3)), (-2, (2, 3, 4)), (1, (2, 40))]:
        x = family.distinct(-4, 4, *shape)
        family.case("argmax", lambda x: x.argmax(axis), x, gradient=False, axis=axis)
        family.case("argmin", lambda x: x.argmin(axis), x, gradient=False, axis=axis)
    x = torch.tensor([[1.0, math.nan, 3.0], [2.0, -math.inf, 0.0], [math.inf, 1.0, -1.0]])
    family.case("argmax", lambda x: x.argmax(1), x, gradient=False, axis=1)
    family.case("argmin", lambda x: x.argmin(1), x, gradient=False, axis=1)
    for axis, shape in [(0, (6,)), (1, (3, 5)), (0, (4, 3))]:
        x = family.whole(2, *shape).to(torch.float64)
        x.view(-1)[0] = math.nan
        family.case("any", lambda x: x.bool().any(axis), x, gradient=False, axis=axis)
        family.case("all", lambda x: x.bool().all(axis), x, gradient=False, axis=axis)
        family.case("count_nonzero", lambda x: x.count_nonzero(axis), x, gradient=False, axis=axis)


def logsumexp(family):
    for axes, shape in PLACES:
        x = family.uniform(-4, 4, *shape)
        family.case("logsumexp", lambda x: torch.logsumexp(x, axes_of(axes, x)), x, axes=axes)
    x = torch.tensor([[1.0, -math.inf, 3.0], [20.0, 21.0, -90.0], [-10.0, -11.0, -12.0]])
    family.case("logsumexp", lambda x: torch.logsumexp(x, 1), x, axes=[1])
    x = torch.tensor([[-math.inf, -math.inf], [math.inf, 1.0], [math.inf, -math.inf]])
    family.case("logsumexp", lambda x: torch.logsumexp(x, 1), x, gradient=False, axes=[1])


def moments(family):
    for axes, shape in PLACES:
        for correction in [1, 0]:
            if correction == 1 and shape == (3, 1, 2):
                continue
            x = family.distinct(-4, 4, *shape)
            how = dict(axes=axes, correction=correction)
            family.case("variance", lambda x: torch.var(x, axes_of(axes, x), correction=correction), x, **how)
            family.case("std", lambda x: torch.std(x, axes_of(axes, x), correction=correction), x, **how)
    # equal elements: no variance
    x = torch.tensor([[1.5, 1.5, 1.5], [1.0, 2.0, 4.0]])
    family.case("std", lambda x: torch.std(x, [1], correction=1), x, axes=[1], correction=1)
    family.case("variance", lambda x: torch.var(x, [1], correction=1), torch.ones(3, 1), gradient=False, axes=[1], correction=1)


def norms(family):
    for p in [0, 1, 2, 3, 0.5, 1.5, -1, math.inf, -math.inf]:
        for axes, shape in [([], (5,)), ([0], (3, 4)), ([0, 2], (2, 3, 4))]:
            x = family.distinct(-4, 4, *shape)
            x = torch.where(x == 0, torch.full_like(x, 4.5), x)
            family.case("norm", lambda x: torch.linalg.vector_norm(x, p, axes if axes else None), x, p=p, axes=axes)
    zeros = torch.tensor([[0.0, 0.0, 0.0], [3.0, 0.0, -4.0]])
    for p in [1, 2, 3, math.inf]:
        family.case("norm", lambda x: torch.linalg.vector_norm(x, p, 1), zeros, p=p, axes=[1])


SCANS = [(0, (5,)), (1, (3, 4)), (0, (3, 4)), (-2, (2, 3, 4)), (1, (9, 2)), (1, (2, 19)), (1, (3, 1))]


def scans(family):
    for axis, shape in SCANS:
        x = family.distinct(-2, 2, *shape)
        family.case("cumsum", lambda x: x.cumsum(axis), x, axis=axis)
        family.case("cumprod", lambda x: x.cumprod(axis), x, axis=axis)
        family.case("logcumsumexp", lambda x: x.logcumsumexp(axis), x, axis=axis)
        family.case("cummax", lambda x: tuple(x.cummax(axis)), x, axis=axis)
        family.case("cummin", lambda x: tuple(x.cummin(axis)), x, axis=axis)
    zeros = torch.tensor([[2.0, 0.0, 3.0, 0.5], [0.0, 1.0, 0.0, -2.0], [1.0, -1.0, 2.0, 0.0]])
    family.case("cumprod", lambda x: x.cumprod(1), zeros, axis=1)
    x = torch.tensor([[-math.inf, 1.0, -math.inf, 2.0], [30.0, -30.0, 31.0, 0.0]])
    family.case("logcumsumexp", lambda x: x.logcumsumexp(1), x, gradient=False, axis=1)
    x = torch.tensor([[1.0, 3.0, 3.0, 2.0, math.nan, 5.0], [2.0, 2.0, 1.0, 2.0, 1.0, math.inf]])
    family.case("cummax", lambda x: tuple(x.cummax(1)), x, gradient=False, axis=1)
    family.case("cummin", lambda x: tuple(x.cummin(1)), x, gradient=False, axis=1)


def orders(family):
    for axis, shape in [(0, (7,)), (1, (3, 5)), (0, (4, 3)), (1, (2, 5, 2)), (1, (2, 41))]:
        x = family.distinct(-4, 4, *shape)
        for down in [0, 1]:
            how = dict(axis=axis, down=down)
            family.case("sort", lambda x: tuple(x.sort(axis, bool(down))), x, **how)
            family.case("topk", lambda x: tuple(x.topk(2, axis, bool(down))), x, k=2, **how)
        family.case("max_along", lambda x: tuple(x.max(axis)), x, axis=axis)
        family.case("min_along", lambda x: tuple(x.min(axis)), x, axis=axis)
        family.case("median", lambda x: tuple(x.median(axis)), x, axis=axis)
        for q in [0.0, 0.3, 0.5, 1.0]:
            family.case("quantile", lambda x: x.quantile(q, axis), x, axis=axis, q=q)
    # equal elements, infinities, zeros of both signs, NaN
    x = torch.tensor([[1.0, 0.0, math.nan, -0.0, 1.0, -math.inf, 0.0, math.inf, math.nan, 1.0]])
    for down in [0, 1]:
        family.case("sort", lambda x: tuple(x.sort(stable=True, dim=1, descending=bool(down))), x, gradient=False, axis=1, down=down)
    family.case("max_along", lambda x: tuple(x.max(1)), x, gradient=False, axis=1)
    family.case("min_along", lambda x: tuple(x.min(1)), x, gradient=False, axis=1)
    family.case("median", lambda x: tuple(x.median(1)), x, gradient=False, axis=1)
    family.case("quantile", lambda x: x.quantile(0.5, 1), x, gradient=False, axis=1, q=0.5)


def cases(family):
    sums(family)
    searches(family)
    logsumexp(family)
    moments(family)
    norms(family)
    scans(family)
    orders(family)
