"""PyTorch's side of the benchmark of operations.

    torch_worker.py --probe          prints the version and the GFLOP/s of a matrix product
    torch_worker.py - THREADS        takes orders, fields divided by tabs, over stdin:

        load FILE BACKWARD EXPRESSION KIND:SIZES...    reads the inputs x0, x1, ... and the seed
        run K       K units; prints the seconds they took
        result      prints how many numbers follow, and the numbers
        quit

Everything that makes PyTorch faster is on: no gradients are recorded where none are asked for,
gradients are set to None, and of eager and traced (TorchScript) evaluation the faster is taken.
"""

import sys
import time

import numpy
import torch
import torch.nn.functional as F

SAMPLES = 7


def probe():
    a, b, c = torch.randn(256, 1024), torch.randn(1024, 1024), torch.empty(256, 1024)
    torch.set_num_threads(1)
    best = float("inf")
    for _ in range(30):
        start = time.perf_counter()
        torch.mm(a, b, out=c)
        best = min(best, time.perf_counter() - start)
    print(torch.__version__, 2 * 256 * 1024 * 1024 / best / 1e9)


class Task:
    def __init__(self, path, backward, expression, *inputs):
        self.backward = backward == "1"
        self.xs, self.wanted, at = [], [], 0
        with open(path, "rb") as file:
            data = file.read()
        for text in inputs:
            kind, _, sizes = text.partition(":")
            shape = [int(n) for n in sizes.split(",")] if sizes else []
            count = int(numpy.prod(shape, dtype=numpy.int64))
            values = numpy.frombuffer(data, numpy.int64 if kind == "i" else numpy.float32, count, at)
            at += values.nbytes
            x = torch.from_numpy(values.reshape(shape).copy())
            if kind == "f":
                self.wanted.append(x)
                x.requires_grad_(self.backward)
            self.xs.append(x)
        self.seed_values = torch.from_numpy(numpy.frombuffer(data, numpy.float32, -1, at).copy())
        names = ", ".join(f"x{i}" for i in range(len(self.xs)))
        body = expression if expression.startswith("def ") else f"def f({names}):\n    return {expression}"
        scope = {"torch": torch, "F": F}
        exec(body.replace("\\n", "\n"), scope)
        self.function = self.eager = scope["f"]
        self.seed = None
        if self.backward:
            y = self.function(*self.xs)
            self.seed = self.seed_values.reshape(y.shape) if y.numel() > 1 else torch.ones(y.shape)
        self.name = self.choose()

    def choose(self):
        eager = self.best()
        try:
            self.function = torch.jit.trace(self.eager, tuple(self.xs), check_trace=False)
            for _ in range(3):
                self.unit()
            if self.best() < 0.95 * eager:
                return "traced"
        except Exception:
            pass
        self.function = self.eager
        return "eager"

    def best(self):
        took = [self.timed(1) for _ in range(4)]
        return min(took)

    def unit(self):
        if not self.backward:
            with torch.no_grad():
                return self.function(*self.xs)
        for x in self.wanted:
            x.grad = None
        y = self.function(*self.xs)
        y.backward(self.seed)
        return y

    def timed(self, count):
        start = time.perf_counter()
        for _ in range(count):
            self.unit()
        return time.perf_counter() - start

    def result(self):
        arrays = [self.unit().detach()]
        arrays += [x.grad for x in self.wanted] if self.backward else []
        numbers = []
        for a in arrays:
            a = (torch.zeros(1) if a is None else a).to(torch.float64).reshape(-1)
            n = a.numel()
            numbers += [float(a[(n - 1) * k // (SAMPLES - 2)]) for k in range(SAMPLES - 1)]
            numbers.append(float(a.abs().mean()))
        return numbers


def main():
    if sys.argv[1:2] == ["--probe"]:
        return probe()
    torch.set_num_threads(int(sys.argv[2]))
    print("ready", flush=True)
    task = None
    for line in sys.stdin:
        words = line.rstrip("\n").split("\t")
        if words[0] == "quit":
            break
        if words[0] == "load":
            try:
                task = Task(*words[1:])
                print("loaded", task.name, flush=True)
            except Exception as error:
                print("failed", str(error).replace("\n", " ")[:100], flush=True)
        elif words[0] == "run":
            print(task.timed(int(words[1])), flush=True)
        elif words[0] == "result":
            numbers = task.result()
            print(len(numbers), " ".join("%.9g" % x for x in numbers), flush=True)


if __name__ == "__main__":
    main()
