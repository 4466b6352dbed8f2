"""What the generators of golden cases share: see generate.py."""
import math

import torch

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


class Family:
    """Collects one family's cases as text.

    Inputs are whole multiples of 1/64, exact in float32 too, so that one reference (PyTorch in
    float64) serves both float types.
    """

    def __init__(self, name):
        self.name = name
        self.lines = []
        self.counts = {}
        self.random = torch.Generator().manual_seed(sum(map(ord, name)))

    # ---- inputs ----
    def uniform(self, low, high, *shape):
        """Multiples of 1/64 in [low, high), which get a gradient."""
        steps = torch.randint(math.ceil(low * 64), math.ceil(high * 64), shape, generator=self.random)
        return steps.to(torch.float64) / 64

    def distinct(self, low, high, *shape):
        """As uniform, but no two elements equal: for what sorts or takes a maximum."""
        first, behind = math.ceil(low * 64), math.ceil(high * 64)
        count = math.prod(shape)
        assert behind - first >= count, "too few different multiples of 1/64"
        steps = torch.randperm(behind - first, generator=self.random)[:count] + first
        return steps.to(torch.float64).reshape(shape) / 64

    def whole(self, high, *shape):
        """Whole numbers in [0, high) (i64), which get no gradient."""
        return torch.randint(0, high, shape, generator=self.random)

    # ---- cases ----
    def case(self, op, function, *inputs, gradient=True, constant=(), **attributes):
        """One case: outputs of `function(*inputs)` (a tensor or a tuple of them), and the gradients
        of sum(seed * output) to every float input but those whose position is in `constant`.
        Attributes are numbers, or lists of numbers, which the C side looks up by name."""
        self.counts[op] = self.counts.get(op, 0) + 1
        self.lines.append(f"case {op}/{self.counts[op]} {op}")
        for key, value in attributes.items():
            values = value if isinstance(value, (list, tuple)) else [value]
            self.lines.append(f"attr {key} {len(values)} " + " ".join(number(float(v)) for v in values))
        xs = [x.clone() for x in inputs]
        wanted = [i for i, x in enumerate(xs) if gradient and x.is_floating_point() and i not in constant]
        for i in wanted:
            xs[i].requires_grad_(True)
        outputs = function(*xs)
        outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
        seeds = [self.uniform(-1, 1, *y.shape) if y.is_floating_point() else None for y in outputs]
        for x in inputs:
            self.array("in", x)
        for y in outputs:
            self.array("out", y.detach())
        if wanted:
            for k, seed in enumerate(seeds):
                if seed is not None:
                    self.array(f"seed {k}", seed)
            total = sum((y * s).sum() for y, s in zip(outputs, seeds) if s is not None and y.requires_grad)
            gradients = torch.autograd.grad(total, [xs[i] for i in wanted], allow_unused=True)
            for i, g in zip(wanted, gradients):
                self.array(f"grad {i}", torch.zeros_like(xs[i]) if g is None else g)
        self.lines.append("end")

    def array(self, label, x):
        kind = "f64" if x.is_floating_point() else "i64"
        x = x.to(torch.float64) if kind == "f64" else x.to(torch.int64)
        words = [label, kind, str(x.dim())] + [str(n) for n in x.shape]
        values = x.reshape(-1).tolist()
        self.lines.append(" ".join(words + [number(v) for v in values]))


def number(value):
    """The shortest text that reads back as the same number."""
    if isinstance(value, int):
        return str(value)
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 and str(value) != "-0.0" else repr(value)
