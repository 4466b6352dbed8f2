#!/usr/bin/env python3
"""Prints the table in tests/optim/golden.h: what PyTorch's optimizers make of three weights.

    python3 tests/golden/optimizers.py > tests/optim/golden.h

The gradient of weight i before step t (from 0) is sin(0.7 t + i) + 0.1 w.
"""
import math
import torch

RUNS = [
    ("sgd", torch.optim.SGD, dict(lr=0.05)),
    ("sgd_decay", torch.optim.SGD, dict(lr=0.05, weight_decay=0.1)),
    ("sgd_momentum", torch.optim.SGD, dict(lr=0.05, momentum=0.9)),
    ("sgd_nesterov", torch.optim.SGD,
     dict(lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.1)),
    ("adam", torch.optim.Adam, dict(lr=0.05)),
    ("adam_decay", torch.optim.Adam,
     dict(lr=0.05, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1)),
    ("adamw", torch.optim.AdamW, dict(lr=0.05, weight_decay=0.1)),
]
STEPS = (1, 2, 10, 50)

print("/* golden.h: made by tests/golden/optimizers.py with PyTorch %s, in f64. */"
      % torch.__version__.split("a")[0].split("+")[0])
print("static const int golden_steps[] = {%s};" % ", ".join(map(str, STEPS)))
print("static const struct golden {")
print("    const char *name;")
print("    double weight[%d][3]; /* after each of golden_steps */" % len(STEPS))
print("} golden[] = {")
for name, kind, options in RUNS:
    w = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64, requires_grad=True)
    optimizer = kind([w], **options)
    rows = []
    for t in range(max(STEPS)):
        slopes = [math.sin(0.7 * t + i) for i in range(3)]
        w.grad = torch.tensor(slopes, dtype=torch.float64) + 0.1 * w.detach()
        optimizer.step()
        if t + 1 in STEPS:
            rows.append("{" + ", ".join(repr(float(x)) for x in w.detach()) + "}")
    print('    {"%s",\n     {%s}},' % (name, ",\n      ".join(rows)))
print("};")
