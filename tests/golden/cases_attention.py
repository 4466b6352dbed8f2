import math

import torch


def attend(q, k, v, mask=None, scale=None, causal=False):
    """A query that sees no key has zeros."""
    n, s = q.shape[-2], k.shape[-2]
    if q.dim() > 2 and k.shape[-3] != q.shape[-3]:
        k = k.repeat_interleave(q.shape[-3] // k.shape[-3], -3)
        v = v.repeat_interleave(q.shape[-3] // v.shape[-3], -3)
    scores = q @ k.transpose(-1, -2) * (scale or 1 / math.sqrt(q.shape[-1]))
    if mask is not None:
        scores = scores + (mask if mask.is_floating_point() else torch.where(mask != 0, 0.0, -math.inf))
    if causal:
        scores = scores + torch.full((n, s), -math.inf).triu(1)
    blind = (scores == -math.inf).all(-1, True)
    return torch.softmax(torch.where(blind, 0.0, scores), -1).masked_fill(blind, 0) @ v


def operands(family, lead, n, s, depth, width, shared=None):
    q = family.uniform(-2, 2, *lead, n, depth)
    lead = lead if shared is None else (*lead[:-1], shared)
    return q, family.uniform(-2, 2, *lead, s, depth), family.uniform(-2, 2, *lead, s, width)


def cases(family):
    sizes = [((), 3, 4, 5, 2), ((2,), 5, 3, 4, 4), ((2, 3), 4, 4, 3, 2), ((1,), 67, 70, 1, 2)]
    for size in sizes:
        qkv = operands(family, *size)
        family.case("attention", lambda q, k, v: attend(q, k, v), *qkv)
        if size[1] < 10:
            family.case("attention", lambda q, k, v: attend(q, k, v, scale=-0.5), *qkv, scale=-0.5)
        family.case("causal", lambda q, k, v: attend(q, k, v, causal=True), *qkv)
    qkv = operands(family, (2, 4), 3, 5, 2, 3, 2)
    family.case("attention", lambda q, k, v: attend(q, k, v), *qkv)
    for shape in [(3, 5), (2, 1, 3, 5), (4, 1, 5), (2, 4, 3, 1)]:
        mask = family.uniform(-1, 1, *shape)
        same = shape[-1] == 1  # of all keys: its gradient is zero, but for rounding
        family.case("masked", lambda q, k, v, m: attend(q, k, v, m), *qkv, mask, constant=(3,) if same else ())
        family.case("masked", lambda q, k, v, m: attend(q, k, v, m, causal=True), *qkv, mask, causal=1, constant=(3,))
        open_keys = family.whole(2, *shape)
        family.case("masked", lambda q, k, v, m: attend(q, k, v, m), *qkv, open_keys)
