import torch


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


def cases(family):
    takes(family)
