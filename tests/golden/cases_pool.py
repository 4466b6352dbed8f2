import torch
import torch.nn.functional as F

MAX = [F.max_pool1d, F.max_pool2d, F.max_pool3d]
AVG = [F.avg_pool1d, F.avg_pool2d, F.avg_pool3d]
ADAPTIVE_MAX = [F.adaptive_max_pool1d, F.adaptive_max_pool2d, F.adaptive_max_pool3d]
ADAPTIVE_AVG = [F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d]


def pools(family):
    for shape, kernel, stride, padding, dilation, up in [
            ((2, 9), [3], [2], [1], [1], 0), ((2, 1, 10), [3], [2], [1], [2], 1), ((2, 2, 4, 6), [2, 2], [2, 2], [0, 0], [1, 1], 0),
            ((1, 5, 7), [2, 2], [2, 2], [0, 0], [1, 1], 0), ((2, 7, 6), [3, 3], [2, 2], [1, 1], [1, 1], 0),
            ((1, 7, 6), [3, 2], [2, 3], [1, 0], [1, 2], 1), ((1, 6, 6), [2, 2], [2, 2], [1, 1], [1, 1], 1),
            ((1, 2, 4, 5, 4), [2, 3, 2], [1, 2, 2], [1, 1, 0], [1, 1, 2], 1)]:
        n = len(kernel)
        x = family.distinct(-3, 3, *shape)
        family.case("max_pool", lambda x: MAX[n - 1](x, kernel, stride, padding, dilation, ceil_mode=up == 1), x, n=n,
                    kernel=kernel, stride=stride, padding=padding, dilation=dilation, ceil=up)
        x = family.uniform(-3, 3, *shape)
        for exclude in (0, 1):
            family.case("avg_pool", lambda x: AVG[n - 1](
                x, kernel, stride, padding, ceil_mode=up == 1, count_include_pad=exclude == 0), x, n=n, kernel=kernel,
                stride=stride, padding=padding, ceil=up, exclude=exclude)
        if n > 1:
            family.case("avg_pool", lambda x: AVG[n - 1](
                x, kernel, stride, padding, ceil_mode=up == 1, divisor_override=5), x, n=n, kernel=kernel, stride=stride,
                padding=padding, ceil=up, divisor=5)
    x = torch.zeros(1, 4, 4)  # equals: the first
    family.case("max_pool", lambda x: F.max_pool2d(x, [2, 2], [1, 1]), x, n=2, kernel=[2, 2], stride=[1, 1])
    x = family.uniform(0.5, 3, 2, 5, 6)
    family.case("lp_pool", lambda x: F.lp_pool2d(x, 3, [2, 3], [2, 1]), x, n=2, p=3, kernel=[2, 3], stride=[2, 1])


def adaptive(family):
    for shape, sizes in [((2, 7), [3]), ((1, 2, 5), [7]), ((2, 5, 7), [3, 2]), ((1, 2, 6, 6), [1, 1]), ((1, 5, 4), [2, 6]),
                         ((1, 1, 4, 5, 3), [2, 3, 2])]:
        n = len(sizes)
        family.case("adaptive_max_pool", lambda x: ADAPTIVE_MAX[n - 1](x, sizes), family.distinct(-3, 3, *shape), n=n,
                    sizes=sizes)
        family.case("adaptive_avg_pool", lambda x: ADAPTIVE_AVG[n - 1](x, sizes), family.uniform(-3, 3, *shape), n=n,
                    sizes=sizes)


def interpolations(family):
    modes = [["nearest", "linear", None, "area"], ["nearest", "bilinear", "bicubic", "area"],
             ["nearest", "trilinear", None, "area"]]
    for shape, sizes, scales in [((1, 2, 5), [8], None), ((1, 2, 6), None, [1.5]), ((1, 2, 4, 5), [7, 3], None),
                                 ((2, 1, 5, 4), None, [0.6, 2.5]), ((1, 1, 3, 4, 2), [5, 3, 4], None),
                                 ((1, 1, 3, 1), [5, 4], None)]:
        n = len(shape) - 2
        for k, mode in enumerate(modes[n - 1]):
            for align in (0, 1):
                if mode is None or (mode in ("nearest", "area") and align):
                    continue
                x = family.uniform(-3, 3, *shape)
                extra = dict(align_corners=align == 1) if mode not in ("nearest", "area") else {}
                attributes = dict(size=sizes) if sizes else dict(scale=scales)
                family.case("interpolate", lambda x: F.interpolate(
                    x, size=sizes, scale_factor=scales, mode=mode, **extra), x, n=n, mode=k, align=align, **attributes)


def windows(family):
    for shape, axis, size, step in [((7,), 0, 3, 2), ((2, 6, 3), 1, 3, 1), ((3, 5), -1, 2, 3)]:
        family.case("unfold", lambda x: x.unfold(axis, size, step), family.uniform(-3, 3, *shape), axis=axis, size=size,
                    step=step)
    for shape, kernel, stride, padding, dilation in [((1, 2, 5, 6), [2, 3], [1, 1], [0, 0], [1, 1]),
                                                     ((2, 1, 5, 4), [3, 2], [2, 1], [1, 1], [1, 2])]:
        x = family.uniform(-3, 3, *shape)
        attributes = dict(kernel=kernel, stride=stride, padding=padding, dilation=dilation)
        family.case("unfold2d", lambda x: F.unfold(x, kernel, dilation, padding, stride), x, **attributes)
        y = family.uniform(-3, 3, *F.unfold(x, kernel, dilation, padding, stride).shape)
        family.case("fold2d", lambda y: F.fold(y, shape[2:], kernel, dilation, padding, stride), y, size=list(shape[2:]),
                    **attributes)
    family.case("pixel_shuffle", lambda x: F.pixel_shuffle(x, 2), family.uniform(-3, 3, 2, 8, 2, 3), r=2)
    family.case("pixel_unshuffle", lambda x: F.pixel_unshuffle(x, 2), family.uniform(-3, 3, 1, 2, 4, 6), r=2)


def cases(family):
    pools(family)
    adaptive(family)
    interpolations(family)
    windows(family)
