import torch
import torch.nn.functional as F


def cases(family):
    for shape, axes in [((3, 5), 1), ((2, 3, 4), 2), ((5, 19), 1), ((2, 3, 17), 1), ((1, 9), 1)]:
        x = family.uniform(-4, 4, *shape)
        w = family.uniform(0.5, 2, *shape[-axes:])
        b = family.uniform(-1, 1, *shape[-axes:])
        family.case("layer_norm", lambda x, w, b: F.layer_norm(x, x.shape[-axes:], w, b), x, w, b, axes=axes)
        family.case("layer_norm_plain", lambda x: F.layer_norm(x, x.shape[-axes:]), x, axes=axes)
        family.case("rms_norm", lambda x, w: x / (x.square().mean(tuple(range(-axes, 0)), True) + 1e-5).sqrt() * w,
                    x, w, axes=axes)

    for shape, groups in [((2, 6, 5), 3), ((2, 4, 3, 2), 2), ((3, 6), 2), ((2, 3, 19), 1)]:
        x = family.uniform(-4, 4, *shape)
        w, b = family.uniform(0.5, 2, shape[1]), family.uniform(-1, 1, shape[1])
        family.case("group_norm", lambda x, w, b: F.group_norm(x, groups, w, b), x, w, b, groups=groups)
    for shape in [(2, 3, 7), (2, 2, 3, 4)]:
        x = family.uniform(-4, 4, *shape)
        w, b = family.uniform(0.5, 2, shape[1]), family.uniform(-1, 1, shape[1])
        family.case("instance_norm", lambda x, w, b: F.instance_norm(x, weight=w, bias=b), x, w, b)

    for shape in [(5, 3), (2, 3, 7), (2, 2, 3, 4), (3, 130)]:
        x = family.uniform(-4, 4, *shape)
        w, b = family.uniform(0.5, 2, shape[1]), family.uniform(-1, 1, shape[1])
        family.case("batch_norm", lambda x, w, b: F.batch_norm(x, None, None, w, b, True), x, w, b)
    for shape in [(5, 3), (2, 3, 7)]:
        x = family.uniform(-4, 4, *shape)
        mean, variance = family.uniform(-1, 1, 3), family.uniform(0.5, 3, 3)
        w, b = family.uniform(0.5, 2, 3), family.uniform(-1, 1, 3)

        def running(x, w, b, mean, variance):
            new = mean.detach().clone(), variance.detach().clone()
            y = F.batch_norm(x, new[0], new[1], w, b, True, 0.3)
            return y, new[0], new[1]

        family.case("batch_norm_running", running, x, w, b, mean, variance, constant=(3, 4), momentum=0.3)
        family.case("batch_norm_given", lambda x, mean, variance, w, b: F.batch_norm(x, mean, variance, w, b, False),
                    x, mean, variance, w, b, constant=(1, 2))

    for axis, shape in [(0, (5,)), (1, (3, 4)), (-2, (2, 3, 4))]:
        x = family.uniform(-4, 4, *shape)
        family.case("normalize", lambda x: F.normalize(x, dim=axis), x, axis=axis)
        family.case("softmin", lambda x: F.softmin(x, axis), x, axis=axis)
    family.case("normalize", lambda x: F.normalize(x, dim=1), torch.zeros(2, 3, dtype=torch.float64), axis=1)
    for size, shape in [(1, (2, 3, 1)), (3, (2, 5, 4)), (4, (1, 5, 2, 2)), (5, (2, 3, 3))]:
        x = family.uniform(-4, 4, *shape)
        family.case("local_response_norm", lambda x: F.local_response_norm(x, size, 0.1, 0.75, 2.0), x, size=size)
