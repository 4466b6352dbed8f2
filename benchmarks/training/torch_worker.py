"""PyTorch's side of the training benchmark.

    torch_worker.py --probe              prints the version and the GFLOP/s of a matrix product
    torch_worker.py --footprint          prints the peak of resident memory, in KiB, of a process that imports
                                         PyTorch and makes an empty tensor
    torch_worker.py --peak FILE THREADS  the same of one that trains the task in FILE (its format: task.c) for
                                         some steps, eager and parameter by parameter, which takes the least
    torch_worker.py --first FILE 1       prints a line once the first gradient of the task is there
    torch_worker.py FILE THREADS         serves the task over stdin and stdout:

        run K      sets the first weights, takes K steps, prints the seconds they took
        trace K    sets the first weights, takes K steps, prints the K losses
        quit

Everything that makes PyTorch faster is on: fused modules (nn.LSTM, F.cross_entropy), inputs sliced
beforehand, gradients set to None, no loss read back while the clock runs, no garbage collection; and of
the ways to run the forward pass (eager, traced), to lay out images (channels first or last) and to
update the parameters (the optimizer one by one, with foreach, or for plain SGD one foreach call
without an optimizer) the fastest is taken, after trying each.
"""

import gc
import itertools
import sys
import time

import numpy
import torch
import torch.nn as nn
import torch.nn.functional as F

PEAK_STEPS = 10


def clock():
    """One thread alone has its own clock, which stands still while other programs have the core."""
    return time.thread_time() if torch.get_num_threads() == 1 else time.perf_counter()


def probe():
    a, b, c = torch.randn(256, 1024), torch.randn(1024, 1024), torch.empty(256, 1024)
    torch.set_num_threads(1)
    best = float("inf")
    for _ in range(30):
        start = time.perf_counter()
        torch.mm(a, b, out=c)
        best = min(best, time.perf_counter() - start)
    print(torch.__version__, 2 * 256 * 1024 * 1024 / best / 1e9)


def peak():
    """The process's own high-water mark: ru_maxrss would count what it was before exec."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))


# ---- The networks, as models.c has them ----------------------------------------------------------------


class XOR(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(2, 8), nn.Linear(8, 1)

    def forward(self, x, t):
        return F.binary_cross_entropy_with_logits(self.fc2(torch.tanh(self.fc1(x))), t)


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(784, 128), nn.Linear(128, 10)

    def forward(self, x, t):
        return F.cross_entropy(self.fc2(F.relu(self.fc1(x))), t)


class BigMLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(784, 1024), nn.Linear(1024, 1024), nn.Linear(1024, 10)

    def forward(self, x, t):
        return F.cross_entropy(self.fc3(F.relu(self.fc2(F.relu(self.fc1(x))))), t)


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x, t):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.fc2(F.relu(self.fc1(torch.flatten(x, 1)))))
        return F.cross_entropy(self.fc3(x), t)


class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 32, 3), nn.Conv2d(32, 64, 3)
        self.fc1, self.fc2 = nn.Linear(9216, 128), nn.Linear(128, 10)

    def forward(self, x, t):
        x = F.max_pool2d(F.relu(self.conv2(F.relu(self.conv1(x)))), 2)
        return F.cross_entropy(self.fc2(F.relu(self.fc1(torch.flatten(x, 1)))), t)


class CharLSTM(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.lstm, self.out = nn.Embedding(65, 128), nn.LSTM(128, 128), nn.Linear(128, 65)

    def forward(self, x, t):
        h, _ = self.lstm(self.embed(x))
        return F.cross_entropy(self.out(h).view(-1, 65), t.view(-1))


class Attention(nn.Module):
    """nanoGPT's, for a PyTorch without scaled_dot_product_attention."""

    def __init__(self):
        super().__init__()
        self.c_attn, self.c_proj = nn.Linear(128, 384), nn.Linear(128, 128)
        self.register_buffer("mask", torch.tril(torch.ones(64, 64)).view(1, 1, 64, 64) == 0, False)

    def forward(self, x):
        b, l, d = x.shape
        q, k, v = (y.view(b, l, 4, 32).transpose(1, 2) for y in self.c_attn(x).split(128, 2))
        a = (q @ k.transpose(-2, -1)) * 32**-0.5
        y = F.softmax(a.masked_fill(self.mask, float("-inf")), -1) @ v
        return self.c_proj(y.transpose(1, 2).contiguous().view(b, l, d))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln_1, self.attn, self.ln_2 = nn.LayerNorm(128), Attention(), nn.LayerNorm(128)
        self.mlp = nn.ModuleDict({"c_fc": nn.Linear(128, 512), "c_proj": nn.Linear(512, 128)})

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp.c_proj(F.gelu(self.mlp.c_fc(self.ln_2(x)), approximate="tanh"))


class GPT(nn.Module):
    def __init__(self):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(65, 128), nn.Embedding(64, 128)
        self.h, self.ln_f = nn.ModuleList(Block() for _ in range(4)), nn.LayerNorm(128)

    def forward(self, x, t):
        x = self.wte(x) + self.wpe.weight
        for block in self.h:
            x = block(x)
        logits = F.linear(self.ln_f(x), self.wte.weight)
        return F.cross_entropy(logits.view(-1, 65), t.view(-1))


MODELS = {
    "xor": XOR,
    "mlp": MLP,
    "big-mlp": BigMLP,
    "lenet": LeNet,
    "cnn": CNN,
    "char-lstm": CharLSTM,
    "gpt-mini": GPT,
}


# ---- The task ------------------------------------------------------------------------------------------


class Task:
    """A file's model, optimizer, first weights and batches. `weights` False leaves the weights out; with
    `once` they go as the model has them."""

    def __init__(self, path, weights=True, once=False):
        self.once = once
        self.first = {}
        with open(path, "rb") as file:
            if file.readline() != b"wengert training task 1\n":
                sys.exit("torch_worker: not a task file")
            heads = []
            while line := file.readline().decode().split():
                heads.append(line)
            for kind, name, *rest in heads:
                if kind == "model":
                    self.model = name
                elif kind == "optimizer":
                    self.optimizer, self.settings = name, dict(zip(rest[::2], map(float, rest[1::2])))
                else:
                    dtype = numpy.dtype({"f32": "<f4", "i64": "<i8"}[rest[0]])
                    shape = [int(n) for n in rest[1:]]
                    count = int(numpy.prod(shape, dtype=numpy.int64))
                    if kind == "parameter" and not weights:
                        file.seek(count * dtype.itemsize, 1)
                        continue
                    values = torch.from_numpy(numpy.fromfile(file, dtype, count).reshape(shape))
                    if kind == "parameter":
                        self.first[name] = values
                    elif name == "x":
                        self.inputs = list(values)
                    else:
                        self.labels = list(values)

    def reset(self, model):
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.copy_(self.first.pop(name) if self.once else self.first[name])


class Trainer:
    def __init__(self, task, update="optimizer", traced=False, channels_last=False):
        self.task, self.update = task, update
        self.model, self.inputs, self.labels = MODELS[task.model](), task.inputs, task.labels
        names = {name for name, _ in self.model.named_parameters()}
        if task.first and names != set(task.first):
            sys.exit("torch_worker: the parameters differ: %s" % sorted(names ^ set(task.first)))
        if channels_last:
            self.model = self.model.to(memory_format=torch.channels_last)
            self.inputs = [x.to(memory_format=torch.channels_last) for x in self.inputs]
        self.forward = self.model
        if traced:
            self.forward = torch.jit.trace(self.model, (self.inputs[0], self.labels[0]), check_trace=False)
        self.reset()

    def reset(self):
        if self.task.first:
            self.task.reset(self.model)
        self.parameters = list(self.model.parameters())
        if self.update == "direct":
            self.optimizer = None
        else:
            rule = getattr(torch.optim, self.task.optimizer)
            self.optimizer = rule(self.parameters, foreach=self.update == "foreach", **self.task.settings)

    def steps(self, count, keep=False):
        parameters, optimizer, forward = self.parameters, self.optimizer, self.forward
        inputs, labels, rate = self.inputs, self.labels, self.task.settings["lr"]
        losses = []
        for i in range(count):
            k = i % len(inputs)
            loss = forward(inputs[k], labels[k])
            for p in parameters:
                p.grad = None
            loss.backward()
            if optimizer is None:
                with torch.no_grad():
                    torch._foreach_add_(parameters, [p.grad for p in parameters], alpha=-rate)
            else:
                optimizer.step()
            if keep:
                losses.append(loss.detach())
        return losses

    def timed(self, count):
        self.reset()
        start = clock()
        self.steps(count)
        return clock() - start


def fastest(task):
    """The quickest of the ways to say the same in PyTorch on this machine."""
    plain = task.optimizer == "SGD" and "momentum" not in task.settings
    updates = ["optimizer", "foreach"] + (["direct"] if plain else [])
    layouts = [False, True] if task.inputs[0].dim() == 4 else [False]
    best, chosen, name = float("inf"), None, ""
    for traced, update, last in itertools.product([False, True], updates, layouts):
        trainer = Trainer(task, update, traced, last)
        trainer.timed(4)
        count = max(3, int(0.03 / (trainer.timed(2) / 2)))
        took = min(trainer.timed(count) for _ in range(3)) / count
        if took < best:
            best, chosen = took, trainer
            name = ", ".join(["traced" if traced else "eager", update] + ["channels last"] * last)
    return chosen, name


def main():
    if sys.argv[1:2] == ["--probe"]:
        return probe()
    if sys.argv[1:2] == ["--footprint"]:
        torch.empty(0)
        return print(peak(), flush=True)
    torch.set_num_threads(int(sys.argv[-1]))
    if sys.argv[1] == "--first":
        trainer = Trainer(Task(sys.argv[2], weights=False))
        trainer.model(trainer.inputs[0], trainer.labels[0]).backward()
        return print("there", flush=True)
    if sys.argv[1] == "--peak":
        Trainer(Task(sys.argv[2], once=True)).steps(PEAK_STEPS)
        return print(peak(), flush=True)
    gc.disable()
    trainer, name = fastest(Task(sys.argv[1]))
    print("ready", name, flush=True)
    for line in sys.stdin:
        words = line.split()
        if words[0] == "quit":
            break
        count = int(words[1])
        if words[0] == "run":
            print(trainer.timed(count), flush=True)
        else:
            trainer.reset()
            print(" ".join("%.9g" % float(loss) for loss in trainer.steps(count, keep=True)), flush=True)


if __name__ == "__main__":
    main()
