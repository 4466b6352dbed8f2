"""PyTorch's side of the training benchmark.

    torch_worker.py --probe            prints the version and the GFLOP/s of a matrix product
    torch_worker.py FILE THREADS       serves the task in FILE (its format: task.c) over stdin and stdout:

        run K      sets the first weights, takes K steps, prints the seconds they took
        trace K    sets the first weights, takes K steps, prints the K losses
        quit

Everything that makes PyTorch faster is on: inputs are sliced beforehand, gradients are set to None,
losses are not read back while the clock runs, and of the ways to update the parameters (the
optimizer one by one, with foreach, or for plain SGD one foreach call without an optimizer) and to run the
forward pass (eager, TorchScript) the fastest is taken, after trying each.
"""

import array
import struct
import sys
import time

import torch
import torch.nn.functional as F


def probe():
    a, b, c = torch.randn(256, 1024), torch.randn(1024, 1024), torch.empty(256, 1024)
    torch.set_num_threads(1)
    best = float("inf")
    for _ in range(30):
        start = time.perf_counter()
        torch.mm(a, b, out=c)
        best = min(best, time.perf_counter() - start)
    print(torch.__version__, 2 * 256 * 1024 * 1024 / best / 1e9)


def read_task(path):
    with open(path, "rb") as file:
        data = file.read()
    if data[:8] != b"WGMLP01\0":
        sys.exit("torch_worker: not a task file")
    layers, batch, batches, adam, rate = struct.unpack_from("<iiiif", data, 8)
    at = 28
    sizes = struct.unpack_from("<%di" % (layers + 1), data, at)
    at += 4 * (layers + 1)

    def tensor(kind, size, *shape):
        nonlocal at
        count = 1
        for n in shape:
            count *= n
        values = array.array(kind)
        values.frombytes(data[at : at + size * count])
        at += size * count
        return torch.tensor(values, dtype=torch.float32 if kind == "f" else torch.int64).view(shape)

    weights = []
    for i in range(layers):
        weights.append(tensor("f", 4, sizes[i + 1], sizes[i]))
        weights.append(tensor("f", 4, sizes[i + 1]))
    x = tensor("f", 4, batches, batch, sizes[0])
    t = tensor("q", 8, batches, batch)
    inputs = [x[i].clone() for i in range(batches)]
    labels = [t[i].clone() for i in range(batches)]
    return weights, inputs, labels, adam, rate


def forward_two(x, t, w1, b1, w2, b2):
    return F.cross_entropy(F.linear(F.relu(F.linear(x, w1, b1)), w2, b2), t)


def forward_three(x, t, w1, b1, w2, b2, w3, b3):
    h = F.relu(F.linear(F.relu(F.linear(x, w1, b1)), w2, b2))
    return F.cross_entropy(F.linear(h, w3, b3), t)


class Trainer:
    def __init__(self, task, update, scripted):
        self.first, self.inputs, self.labels, adam, rate = task
        self.forward = forward_two if len(self.first) == 4 else forward_three
        if scripted:
            self.forward = torch.jit.script(self.forward)
        self.update, self.adam, self.rate = update, adam, rate
        self.reset()

    def reset(self):
        self.parameters = [w.clone().requires_grad_() for w in self.first]
        if self.update == "direct":
            self.optimizer = None
        elif self.adam:
            self.optimizer = torch.optim.Adam(self.parameters, lr=self.rate, foreach=self.update == "foreach")
        else:
            self.optimizer = torch.optim.SGD(self.parameters, lr=self.rate, foreach=self.update == "foreach")

    def steps(self, count):
        parameters, optimizer, forward = self.parameters, self.optimizer, self.forward
        inputs, labels, rate = self.inputs, self.labels, self.rate
        losses = []
        for i in range(count):
            k = i % len(inputs)
            loss = forward(inputs[k], labels[k], *parameters)
            for p in parameters:
                p.grad = None
            loss.backward()
            if optimizer is None:
                with torch.no_grad():
                    torch._foreach_add_(parameters, [p.grad for p in parameters], alpha=-rate)
            else:
                optimizer.step()
            losses.append(loss.detach())
            if len(losses) > 64:
                losses.clear()
        return losses

    def timed(self, count):
        self.reset()
        start = time.perf_counter()
        self.steps(count)
        return time.perf_counter() - start


def fastest(task):
    """The quickest of the ways to say the same in PyTorch on this machine."""
    updates = ["optimizer", "foreach"] + ([] if task[3] else ["direct"])
    best, chosen, name = float("inf"), None, ""
    for scripted in (False, True):
        for update in updates:
            trainer = Trainer(task, update, scripted)
            trainer.timed(10)
            once = trainer.timed(5) / 5
            count = max(5, int(0.05 / once))
            took = min(trainer.timed(count) for _ in range(3)) / count
            if took < best:
                best, chosen = took, trainer
                name = ("scripted" if scripted else "eager") + ", " + update
    return chosen, name


def main():
    if sys.argv[1:] == ["--probe"]:
        return probe()
    torch.set_num_threads(int(sys.argv[2]))
    trainer, name = fastest(read_task(sys.argv[1]))
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
            print(" ".join("%.9g" % float(loss) for loss in trainer.steps(count)), flush=True)


if __name__ == "__main__":
    main()
