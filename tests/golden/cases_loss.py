import torch
import torch.nn.functional as F

REDUCTIONS = ["mean", "sum", "none", "batchmean"]


def signs(family, *shape):
    return family.whole(2, *shape).to(torch.float64) * 2 - 1


def classes(family):
    for shape, axis in [((5, 4), -1), ((2, 2, 7), -1), ((3, 5, 2), 1), ((6,), 0)]:
        sizes = list(shape)
        n = sizes.pop(axis)
        x = family.uniform(-3, 3, *shape)
        y = family.whole(n, *sizes)
        w = family.uniform(0.25, 2, n)
        back = len(shape) - 1 if axis == -1 else axis
        # PyTorch wants the classes on axis 1 (axis 0 of a vector).
        to = lambda a: a if a.dim() <= 1 or axis == 1 else a.movedim(-1, 1)
        for k, (smoothing, ignore, weighed) in enumerate(
                [(0, -100, False), (0.25, -100, False), (0, 1, True), (0.125, 1, True)]):
            r = (k + len(shape)) % 3
            kept = y.clone()
            if len(shape) == 1:
                kept = torch.tensor(2)
            else:
                kept.reshape(-1)[0] = 0
            options = dict(reduction=r, smoothing=smoothing, ignore=ignore, axis=0 if back == len(shape) - 1 else back)
            if weighed:
                family.case("cross_entropy", lambda x, y, w: F.cross_entropy(
                    to(x), y, w, ignore_index=ignore, reduction=REDUCTIONS[r], label_smoothing=smoothing),
                    x, kept, w, constant=(2,), **options)
            else:
                family.case("cross_entropy", lambda x, y: F.cross_entropy(
                    to(x), y, ignore_index=ignore, reduction=REDUCTIONS[r], label_smoothing=smoothing),
                    x, kept, **options)
            if smoothing == 0 and len(shape) > 1:
                family.case("nll", lambda x, y, w: F.nll_loss(to(x), y, w, ignore_index=ignore, reduction=REDUCTIONS[r]),
                            x, kept, w, constant=(2,), **options)
        p = family.uniform(0, 1, *shape)
        for r, smoothing in [(0, 0), (1, 0.25), (2, 0)]:
            family.case("cross_entropy", lambda x, p, w: F.cross_entropy(
                to(x), to(p), w, reduction=REDUCTIONS[r], label_smoothing=smoothing),
                x, p, w, constant=(2,), reduction=r, smoothing=smoothing, axis=0 if back == len(shape) - 1 else back)
    for p, margin, r in [(1, 1, 0), (2, 0.5, 1), (1, 1.5, 2)]:
        x = family.distinct(-3, 3, 4, 5)
        y = family.whole(5, 4)
        family.case("multi_margin", lambda x, y: F.multi_margin_loss(x, y, p, margin, reduction=REDUCTIONS[r]), x, y,
                    p=p, margin=margin, reduction=r)


def pairs(family):
    for shape, r in [((7,), 0), ((3, 5), 1), ((2, 9), 2), ((0, 3), 1)]:
        name = REDUCTIONS[r]
        a, b = family.uniform(-3, 3, *shape), family.uniform(-3, 3, *shape)
        family.case("mse", lambda a, b: F.mse_loss(a, b, reduction=name), a, b, reduction=r)
        family.case("l1", lambda a, b: F.l1_loss(a, b, reduction=name), a, b, reduction=r)
        family.case("huber", lambda a, b: F.huber_loss(a, b, reduction=name, delta=1.5), a, b, reduction=r, c=1.5)
        family.case("smooth_l1", lambda a, b: F.smooth_l1_loss(a, b, reduction=name, beta=0.5), a, b, reduction=r,
                    c=0.5)
        family.case("smooth_l1", lambda a, b: F.smooth_l1_loss(a, b, reduction=name, beta=0), a, b, reduction=r, c=0)
        p, t = family.uniform(0.02, 0.99, *shape), family.uniform(0, 1, *shape)
        w, pos = family.uniform(0.5, 2, *shape), family.uniform(0.5, 2, *shape[-1:])
        family.case("bce", lambda p, t: F.binary_cross_entropy(p, t, reduction=name), p, t, constant=(1,), reduction=r)
        family.case("bce", lambda p, t, w: F.binary_cross_entropy(p, t, w, reduction=name), p, t, w, constant=(1, 2),
                    reduction=r)
        family.case("bce_with_logits", lambda a, t: F.binary_cross_entropy_with_logits(a, t, reduction=name), a, t,
                    reduction=r)
        family.case("bce_with_logits", lambda a, t, w, pos: F.binary_cross_entropy_with_logits(
            a, t, w, reduction=name, pos_weight=pos), a, t, w, pos, constant=(1, 2, 3), reduction=r)
        y = signs(family, *shape)
        family.case("soft_margin", lambda a, y: F.soft_margin_loss(a, y, reduction=name), a, y, constant=(1,),
                    reduction=r)
        family.case("hinge_embedding", lambda a, y: F.hinge_embedding_loss(a, y, 1.25, reduction=name), a, y,
                    constant=(1,), reduction=r, margin=1.25)
        family.case("margin_ranking", lambda a, b, y: F.margin_ranking_loss(a, b, y, 0.3, reduction=name), a, b, y,
                    constant=(2,), reduction=r, margin=0.3)
        n = family.whole(5, *shape).to(torch.float64)
        for rate, full in [(0, 0), (1, 1)]:
            x = family.uniform(0.5, 3, *shape)
            family.case("poisson_nll", lambda x, n: F.poisson_nll_loss(x, n, rate == 0, full == 1, reduction=name), x, n,
                        constant=(1,), rate=rate, full=full, reduction=r)
        v = family.uniform(0.5, 2, *shape)
        family.case("gaussian_nll", lambda a, b, v: F.gaussian_nll_loss(a, b, v, r == 1, reduction=name), a, b, v,
                    full=int(r == 1), reduction=r)
    for r in range(4):
        x, t = family.uniform(-3, 0, 3, 5), family.uniform(0, 1, 3, 5)
        t[0, 1] = 0
        family.case("kl_div", lambda x, t: F.kl_div(x, t, reduction=REDUCTIONS[r]), x, t, constant=(1,), reduction=r,
                    log_target=0)
        t = family.uniform(-3, 0, 3, 5)
        family.case("kl_div", lambda x, t: F.kl_div(x, t, reduction=REDUCTIONS[r], log_target=True), x, t, reduction=r,
                    log_target=1)


def vectors(family):
    for axis in (0, 1, -1):
        a, b = family.uniform(-3, 3, 3, 4, 5), family.uniform(-3, 3, 3, 4, 5)
        family.case("cosine_similarity", lambda a, b: F.cosine_similarity(a, b, axis), a, b, axis=axis)
    for r in range(3):
        a, b, c = (family.uniform(-3, 3, 4, 5) for _ in range(3))
        y = torch.tensor([1.0, -1.0, -1.0, 1.0])
        family.case("cosine_embedding", lambda a, b, y: F.cosine_embedding_loss(
            a, b, y.to(a.dtype), -0.5, reduction=REDUCTIONS[r]), a, b, y.to(torch.float64), constant=(2,), margin=-0.5,
            reduction=r)
        for p, swap in [(2, 0), (3, 1), (1, 1)]:
            family.case("triplet_margin", lambda a, b, c: F.triplet_margin_loss(
                a, b, c, 1.5, p, swap=swap == 1, reduction=REDUCTIONS[r]), a, b, c, margin=1.5, p=p, swap=swap,
                reduction=r)


def sequences(family):
    for t, n, c, s, blank in [(5, 2, 4, 2, 0), (9, 3, 5, 4, 2), (3, 1, 3, 1, 0)]:
        x = family.uniform(-2, 2, t, n, c)
        y = family.whole(c - 1, n, s)
        y = y + (y >= blank)
        if s > 1:
            y[0, 1] = y[0, 0]
        lengths = torch.arange(n) % s + 1
        frames = t - torch.arange(n)
        for r in range(3):
            family.case("ctc", lambda x, y, f, l: F.ctc_loss(
                torch.log_softmax(x, -1), y, f, l, blank, reduction=REDUCTIONS[r]), x, y, frames, lengths, blank=blank,
                reduction=r)
    x = family.uniform(-2, 2, 3, 2, 4)  # the first is too short: infinite, or zero
    y = torch.tensor([[1, 1, 2], [3, 1, 2]])
    family.case("ctc", lambda x, y, f, l: F.ctc_loss(
        torch.log_softmax(x, -1), y, f, l, 0, reduction="sum", zero_infinity=True), x, y, torch.tensor([3, 3]),
        torch.tensor([3, 2]), blank=0, reduction=1, zero_infinity=1)


def cases(family):
    classes(family)
    pairs(family)
    vectors(family)
    sequences(family)
