import torch
import torch.nn.functional as functional


def takes(family):
    for axis, shape, taken in [(0, (5,), (7,)), (1, (3, 4), (3, 2)), (-2, (2, 3, 4), (2, 5, 4)), (2, (2, 3, 17), (2, 3, 3))]:
        x = family.uniform(-4, 4, *shape)
        indices = family.whole(shape[axis], *taken)
        family.case("take_along", lambda x, i: torch.take_along_dim(x, i, axis), x, indices, axis=axis)
        family.case("take_along", lambda x, i: torch.take_along_dim(x, i % shape[axis], axis), x,
                    indices - shape[axis] * family.whole(2, *taken), axis=axis)
        src = family.uniform(-4, 4, *taken)
        family.case("scatter_add", lambda x, i, y: x.scatter_add(axis, i, y), x, indices, src, axis=axis)
    for shape, taken in [((1, 4), (3, 2)), ((3, 4), (1, 2)), ((3, 4), (3, 0))]:
        x = family.uniform(-4, 4, *shape)
        family.case("take_along", lambda x, i: torch.take_along_dim(x, i, 1), x, family.whole(4, *taken), axis=1)
    for axis, shape, n in [(0, (5,), 3), (1, (3, 4), 2), (1, (2, 5, 3), 5)]:
        x = family.uniform(-4, 4, *shape)
        taken = list(shape)
        taken[axis] = n
        indices = torch.rand(*shape, generator=family.random).argsort(axis).narrow(axis, 0, n)
        src = family.uniform(-4, 4, *taken)
        family.case("scatter", lambda x, i, y: x.scatter(axis, i, y), x, indices, src, axis=axis)
        family.case("scatter", lambda x, i: x.scatter(axis, i, 1.5), x, indices, axis=axis, value=1.5)


def rows(family):
    for axis, shape, n in [(0, (5,), 3), (0, (4, 3), 6), (1, (2, 5, 3), 7), (-1, (3, 4), 5)]:
        x = family.uniform(-4, 4, *shape)
        indices = family.whole(shape[axis], n)
        taken = list(shape)
        taken[axis] = n
        src = family.uniform(-4, 4, *taken)
        family.case("index_select", lambda x, i: x.index_select(axis, i), x, indices, axis=axis)
        family.case("index_add", lambda x, i, y: x.index_add(axis, i, y), x, indices, src, axis=axis)
    for axis, shape, index in [(0, (5,), -1), (1, (2, 3, 4), 1), (-1, (3, 4), 0)]:
        x = family.uniform(-4, 4, *shape)
        family.case("select", lambda x: x.select(axis, index), x, axis=axis, index=index)
    for axis, shape, start, length in [(0, (5,), 1, 3), (1, (2, 7, 3), 4, 3), (-1, (3, 4), 2, 0)]:
        x = family.uniform(-4, 4, *shape)
        family.case("narrow", lambda x: x.narrow(axis, start, length), x, axis=axis, start=start, length=length)
    for axis, shape in [(0, (3,)), (1, (2, 3)), (-1, (2, 3)), (-2, (2, 1, 3))]:
        xs = [family.uniform(-4, 4, *shape) for _ in range(3)]
        family.case("stack_arrays", lambda *xs: torch.stack(xs, axis), *xs, axis=axis)
    x = family.uniform(-4, 4, 2, 7, 3)
    family.case("split_sizes", lambda x: x.split([2, 0, 5], 1), x, axis=1, sizes=[2, 0, 5])
    for n in [2, 4, 9]:
        family.case("chunk", lambda x: x.chunk(n, 1), x, axis=1, n=n)


def axes(family):
    x = family.uniform(-4, 4, 2, 1, 3, 1)
    family.case("squeeze", lambda x: x.squeeze(1), x, axis=1)
    family.case("squeeze", lambda x: x.squeeze(-1), x, axis=-1)
    family.case("squeeze_all", lambda x: x.squeeze(), x)
    x = family.uniform(-4, 4, 2, 3, 4)
    for axis in [0, 2, -1]:
        family.case("unsqueeze", lambda x: x.unsqueeze(axis), x, axis=axis)
    for a, b in [(0, 2), (2, 0), (-1, 1), (1, 1)]:
        family.case("movedim", lambda x: x.movedim(a, b), x, a=a, b=b)
        family.case("swapaxes", lambda x: x.swapaxes(a, b), x, a=a, b=b)
    for a, b in [(0, -1), (1, 2), (0, 1), (1, 1)]:
        family.case("flatten", lambda x: x.flatten(a, b), x, a=a, b=b)


def order(family):
    x = family.uniform(-4, 4, 2, 3, 4)
    for axes in [[0], [0, 2], [-1, 1]]:
        family.case("flip", lambda x: x.flip(axes), x, axes=axes)
    for shift, axis in [(1, 0), (-3, 2), (9, 1)]:
        family.case("roll", lambda x: x.roll(shift, axis), x, shift=shift, axis=axis)
    for counts in [[2], [2, 1, 3], [2, 1, 1, 2]]:
        family.case("tile", lambda x: x.tile(counts), x, counts=counts)
    for count, axis in [(3, 0), (2, 1), (2, -1), (0, 1)]:
        family.case("repeat", lambda x: x.repeat_interleave(count, axis), x, count=count, axis=axis)
    xs = [family.uniform(-4, 4, n) for n in (2, 3, 1)]
    family.case("meshgrid", lambda *xs: torch.meshgrid(*xs, indexing="ij"), *xs)


def pads(family):
    modes = ["constant", "reflect", "replicate", "circular"]
    x = family.uniform(-4, 4, 2, 4, 5)
    for widths in [[1, 2], [0, 3], [3, 1]]:
        for code, mode in enumerate(modes):
            family.case("pad", lambda x: functional.pad(x, widths, mode), x, mode=code, value=0, widths=widths)
    y = family.uniform(-4, 4, 1, 2, 3, 4)
    for widths in [[1, 2, 3, 0], [0, 1, 2, 2]]:
        for code, mode in enumerate(modes):
            # PyTorch begins with the last axis.
            turned = widths[2:] + widths[:2]
            family.case("pad", lambda x: functional.pad(x, turned, mode), y, mode=code, value=0, widths=widths)
    family.case("pad", lambda x: functional.pad(x, [-1, 2, 1, -2], "constant", 1.5), x,
                mode=0, value=1.5, widths=[1, -2, -1, 2])


def matrices(family):
    for shape in [(3, 4), (2, 4, 3)]:
        x = family.uniform(-4, 4, *shape)
        for k in [0, -1, 2, 5, -4]:
            family.case("tril", lambda x: x.tril(k), x, k=k)
            family.case("triu", lambda x: x.triu(k), x, k=k)
            family.case("diagonal", lambda x: x.diagonal(k, -2, -1), x, k=k, a=-2, b=-1)
    x = family.uniform(-4, 4, 2, 4, 3)
    family.case("diagonal", lambda x: x.diagonal(1, 2, 0), x, k=1, a=2, b=0)
    for k in [0, 1, -2]:
        family.case("diag", lambda x: x.diag(k), family.uniform(-4, 4, 3), k=k)
        family.case("diag", lambda x: x.diag(k), family.uniform(-4, 4, 3, 4), k=k)
    family.case("trace", lambda x: x.trace(), family.uniform(-4, 4, 3, 4))


def masks(family):
    for shape, over in [((5,), (5,)), ((2, 3), (2, 3)), ((2, 3, 4), (3, 1)), ((3, 1), (2, 1, 4))]:
        x = family.uniform(-4, 4, *shape)
        mask = family.whole(2, *over)
        family.case("masked_select", lambda x, m: x.masked_select(m != 0), x, mask)
        if len(over) <= len(shape):
            family.case("masked_fill", lambda x, m: x.masked_fill(m != 0, -2.5), x, mask, value=-2.5)
        family.case("nonzero", lambda m: m.nonzero(), mask)
    family.case("one_hot", lambda i: functional.one_hot(i, 5), family.whole(5, 2, 3), classes=5)


def cases(family):
    takes(family)
    rows(family)
    axes(family)
    order(family)
    pads(family)
    matrices(family)
    masks(family)
