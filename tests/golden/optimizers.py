#!/usr/bin/env python3
"""Writes tests/golden/data/optimizers.txt: what PyTorch's optimizers and learning-rate schedulers
make of some weights and steps, in float64; and for rules that PyTorch 1.13 does not have, what the
formulas of their papers give in NumPy's float64.

    python3 tests/golden/optimizers.py        (Debian 12: python3-torch, PyTorch 1.13)

A line "run NAME" begins a run, and each line behind it is a step and what was true after it: the
weights of a [1], m [2, 3] and t [3, 2], or a learning rate (and a momentum).

Weight i of all 13 begins at cos(2i + 1); its gradient before step k (from 0) is
sin(0.7k + i) + 0.1w, or for L-BFGS that of the chained function of Rosenbrock.
"""
import math
import pathlib

import numpy as np
import torch

torch.set_default_dtype(torch.float64)  # for NAdam keeps a product in it

SHAPES = {"a": (1,), "m": (2, 3), "t": (3, 2)}
STEPS = (1, 2, 10, 50, 100)
lines = []
optim = torch.optim


def run(name, rows):
    lines.append(f"run {name}")
    for step, values in rows:
        lines.append(" ".join([str(step)] + [repr(float(v)) for v in values]))


def start():
    i, weights = 0, {}
    for name, shape in SHAPES.items():
        count = math.prod(shape)
        weights[name] = np.cos(2.0 * np.arange(i, i + count) + 1).reshape(shape)
        i += count
    return weights


def slopes(weights, step):
    i, gradients = 0, {}
    for name, w in weights.items():
        gradients[name] = np.sin(0.7 * step + np.arange(i, i + w.size)).reshape(w.shape) + 0.1 * w
        i += w.size
    return gradients


def flat(weights):
    return np.concatenate([np.asarray(w).ravel() for w in weights.values()])


# ---- PyTorch's rules ---------------------------------------------------------------------------

def tensors():
    return {name: torch.tensor(w, requires_grad=True) for name, w in start().items()}


def torch_run(name, kind, groups=None, cycle=False, **options):
    weights = tensors()
    parameters = groups(weights) if groups else list(weights.values())
    optimizer = kind(parameters, **options)
    scheduler = optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=120) if cycle else None
    rows = []
    for step in range(max(STEPS)):
        arrays = {n: w.detach().numpy() for n, w in weights.items()}
        for n, g in slopes(arrays, step).items():
            weights[n].grad = torch.tensor(g)
        optimizer.step()
        if cycle:
            scheduler.step()
        if step + 1 in STEPS:
            rows.append((step + 1, flat({n: w.detach() for n, w in weights.items()})))
    run(name, rows)


torch_run("sgd", optim.SGD, lr=0.05)
torch_run("sgd_decay", optim.SGD, lr=0.05, weight_decay=0.1)
torch_run("sgd_momentum", optim.SGD, lr=0.05, momentum=0.9)
torch_run("sgd_dampening", optim.SGD, lr=0.05, momentum=0.9, dampening=0.5, weight_decay=0.1)
torch_run("sgd_nesterov", optim.SGD, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.1)
torch_run("adam", optim.Adam, lr=0.05)
torch_run("adam_decay", optim.Adam, lr=0.05, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1)
torch_run("adam_amsgrad", optim.Adam, lr=0.05, betas=(0.8, 0.95), weight_decay=0.1, amsgrad=True)
torch_run("adamw", optim.AdamW, lr=0.05, weight_decay=0.1)
torch_run("adamw_amsgrad", optim.AdamW, lr=0.05, betas=(0.8, 0.95), amsgrad=True)
# With foreach: without it 1.13 multiplies mu in twice.
torch_run("nadam", optim.NAdam, lr=0.05, foreach=True)
torch_run("nadam_decay", optim.NAdam, lr=0.05, betas=(0.8, 0.95), momentum_decay=0.1, eps=1e-3,
          weight_decay=0.1, foreach=True)
torch_run("radam", optim.RAdam, lr=0.05)
torch_run("radam_decay", optim.RAdam, lr=0.05, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1)
torch_run("adamax", optim.Adamax, lr=0.05)
torch_run("adamax_decay", optim.Adamax, lr=0.05, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.1)
torch_run("rmsprop", optim.RMSprop, lr=0.01)
torch_run("rmsprop_momentum", optim.RMSprop, lr=0.01, alpha=0.9, momentum=0.8, weight_decay=0.1)
torch_run("rmsprop_centered", optim.RMSprop, lr=0.01, alpha=0.9, centered=True)
torch_run("rmsprop_all", optim.RMSprop, lr=0.01, alpha=0.9, eps=1e-3, centered=True, momentum=0.8,
          weight_decay=0.1)
torch_run("adagrad", optim.Adagrad, lr=0.05)
torch_run("adagrad_all", optim.Adagrad, lr=0.05, lr_decay=0.1, initial_accumulator_value=0.5,
          eps=1e-3, weight_decay=0.1)
torch_run("adadelta", optim.Adadelta)
torch_run("adadelta_decay", optim.Adadelta, lr=0.5, rho=0.8, eps=1e-3, weight_decay=0.1)
torch_run("groups", optim.AdamW, lambda w: [{"params": [w["a"]], "weight_decay": 0},
                                            {"params": [w["t"]], "lr": 0.025},
                                            {"params": [w["m"]]}],
          lr=0.05, weight_decay=0.1)
torch_run("cycle_sgd", optim.SGD, lr=0.05, momentum=0.9, cycle=True)
torch_run("cycle_adamw", optim.AdamW, lr=0.05, cycle=True)


# ---- Rules by their papers ---------------------------------------------------------------------

def paper_run(name, rule):
    weights = start()
    states = {n: {} for n in weights}
    rows = []
    for step in range(max(STEPS)):
        gradients = slopes(weights, step)
        weights = {n: rule(w, gradients[n], states[n], step + 1) for n, w in weights.items()}
        if step + 1 in STEPS:
            rows.append((step + 1, flat(weights)))
    run(name, rows)


def lion(lr, beta1, beta2, decay):
    def rule(w, g, s, t):
        m = s.get("m", np.zeros_like(w))
        w = w - lr * (np.sign(beta1 * m + (1 - beta1) * g) + decay * w)
        s["m"] = beta2 * m + (1 - beta2) * g
        return w
    return rule


def moments(g, s, t, beta1, beta2):
    s["m"] = beta1 * s.get("m", np.zeros_like(g)) + (1 - beta1) * g
    s["v"] = beta2 * s.get("v", np.zeros_like(g)) + (1 - beta2) * g * g
    return s["m"] / (1 - beta1**t), s["v"] / (1 - beta2**t)


def lamb(lr, beta1, beta2, epsilon, decay):
    def rule(w, g, s, t):
        m, v = moments(g, s, t, beta1, beta2)
        u = m / (np.sqrt(v) + epsilon) + decay * w
        return w - lr * np.linalg.norm(w) / np.linalg.norm(u) * u
    return rule


def adamw(lr, beta1, beta2, epsilon, decay):
    def rule(w, g, s, t):
        m, v = moments(g, s, t, beta1, beta2)
        return w - lr * decay * w - lr * m / (np.sqrt(v) + epsilon)
    return rule


def newton_schulz(u, epsilon, iterations):
    x = u.T if u.shape[0] > u.shape[1] else u
    x = x / (np.linalg.norm(x) + epsilon)
    for _ in range(iterations):
        s = x @ x.T
        x = 3.4445 * x + (-4.7750 * s + 2.0315 * s @ s) @ x
    return x.T if u.shape[0] > u.shape[1] else x


def muon(lr, momentum, decay, other, nesterov=True, match_rms=False):
    def rule(w, g, s, t):
        if w.ndim < 2:
            return other(w, g, s, t)
        s["m"] = momentum * s.get("m", np.zeros_like(w)) + (1 - momentum) * g
        u = newton_schulz((1 - momentum) * g + momentum * s["m"] if nesterov else s["m"], 1e-7, 5)
        rows, columns = w.shape
        scale = 0.2 * max(rows, columns)**0.5 if match_rms else max(1, rows / columns)**0.5
        return w - lr * decay * w - lr * scale * u
    return rule


paper_run("lion", lion(0.01, 0.9, 0.99, 0))
paper_run("lion_decay", lion(0.01, 0.8, 0.95, 0.1))
paper_run("lamb", lamb(0.02, 0.9, 0.999, 1e-6, 0.01))
paper_run("lamb_decay", lamb(0.02, 0.8, 0.95, 1e-3, 0.1))
paper_run("muon", muon(0.02, 0.95, 0.1, adamw(0.01, 0.9, 0.999, 1e-8, 0.01)))
paper_run("muon_plain", muon(0.02, 0.9, 0, adamw(0.04, 0.8, 0.95, 1e-8, 0), False, True))


# ---- L-BFGS --------------------------------------------------------------------------------------

def lbfgs_run(name, steps, **options):
    weights = tensors()
    optimizer = optim.LBFGS(list(weights.values()), **options)

    def closure():
        optimizer.zero_grad()
        w = torch.cat([x.reshape(-1) for x in weights.values()])
        loss = (100 * (w[1:] - w[:-1]**2)**2 + (1 - w[:-1])**2).sum()
        loss.backward()
        return loss

    rows = []
    for step in range(max(steps)):
        loss = optimizer.step(closure)
        if step + 1 in steps:
            rows.append((step + 1, [float(loss)] + list(flat({n: w.detach()
                                                              for n, w in weights.items()}))))
    run(name, rows)


lbfgs_run("lbfgs", (1, 2, 3, 100), line_search_fn="strong_wolfe")
lbfgs_run("lbfgs_short", (1, 2, 5, 10, 20, 100), line_search_fn="strong_wolfe", max_iter=2,
          history_size=5)
lbfgs_run("lbfgs_fixed", (1, 2, 10, 50, 100), lr=0.05, max_iter=2, history_size=20)


# ---- Schedules -----------------------------------------------------------------------------------

def schedule_run(name, make, steps=120, momentum=False):
    optimizer = optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3, momentum=0.9)
    scheduler = make(optimizer)
    rows = []
    for step in range(steps):
        group = optimizer.param_groups[0]
        if step < 8 or step % 7 == 0 or step == steps - 1:
            rows.append((step, [group["lr"]] + ([group["momentum"]] if momentum else [])))
        optimizer.step()
        if step < steps - 1:
            scheduler.step()
    run(name, rows)


lr = optim.lr_scheduler
schedule_run("constant", lambda o: lr.ConstantLR(o, factor=0.5, total_iters=6))
schedule_run("linear", lambda o: lr.LinearLR(o, start_factor=0.25, end_factor=0.75, total_iters=50))
schedule_run("step", lambda o: lr.StepLR(o, 30))
schedule_run("multistep", lambda o: lr.MultiStepLR(o, [5, 21, 21, 90], gamma=0.5))
schedule_run("exponential", lambda o: lr.ExponentialLR(o, 0.95))
schedule_run("polynomial", lambda o: lr.PolynomialLR(o, total_iters=110, power=1.7))
schedule_run("cosine", lambda o: lr.CosineAnnealingLR(o, 70, eta_min=0.01))
schedule_run("restarts", lambda o: lr.CosineAnnealingWarmRestarts(o, 10, T_mult=2, eta_min=0.01))
schedule_run("restarts_even", lambda o: lr.CosineAnnealingWarmRestarts(o, 9))
schedule_run("one_cycle", lambda o: lr.OneCycleLR(o, 0.3, total_steps=120), momentum=True)
schedule_run("one_cycle_linear", lambda o: lr.OneCycleLR(
    o, 0.3, total_steps=120, pct_start=0.25, anneal_strategy="linear", div_factor=10,
    final_div_factor=100, three_phase=True, base_momentum=0.7, max_momentum=0.9), momentum=True)
schedule_run("warm_up", lambda o: lr.SequentialLR(
    o, [lr.LinearLR(o, start_factor=0.1, total_iters=15), lr.ExponentialLR(o, 0.95)], [15]))


def plateau_run(name, measure, **options):
    optimizer = optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    scheduler = lr.ReduceLROnPlateau(optimizer, **options)
    rows = []
    for step in range(120):
        scheduler.step(measure(step))
        rows.append((step, [optimizer.param_groups[0]["lr"]]))
    run(name, [rows[i] for i in range(120) if i == 0 or rows[i][1] != rows[i - 1][1] or i % 30 == 29])


plateau_run("plateau", lambda t: 1 + math.exp(-0.2 * t))
plateau_run("plateau_greater", lambda t: math.sin(0.2 * t) - 0.5, mode="max", factor=0.5, patience=4,
            threshold=0.01, threshold_mode="abs", cooldown=3, min_lr=0.02)
plateau_run("plateau_nan", lambda t: math.nan if t % 3 else -t % 40, factor=0.7, patience=2,
            threshold=0.05)

heading = f"# PyTorch {torch.__version__}, NumPy {np.__version__}, float64; by tests/golden/optimizers.py"
path = pathlib.Path(__file__).parent / "data" / "optimizers.txt"
path.write_text("\n".join([heading] + lines) + "\n")
print(f"{len(lines)} lines")
