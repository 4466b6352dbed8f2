import torch


def cases(family):
    for axis, shape in [(0, (5,)), (1, (3, 4)), (-2, (2, 3, 4)), (1, (3, 1)), (2, (2, 3, 17))]:
        x = family.uniform(-4, 4, *shape)
        family.case("softmax", lambda x: torch.softmax(x, axis), x, axis=axis)
        family.case("log_softmax", lambda x: torch.log_softmax(x, axis), x, axis=axis)
