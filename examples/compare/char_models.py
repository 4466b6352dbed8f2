"""The networks of char-lstm.c and char-gpt.c, trained in the same way by PyTorch, to compare with.

    /usr/bin/python3 examples/compare/char_models.py lstm|gpt [--seed N] [--steps N] [--threads N] [FILE]

The same split of the same text, the same layers with the same first distributions, optimizer, rates, clipping
and number of steps; the LSTM sees the very same batches, the GPT windows drawn by another generator. Prints
the bits a character on the part that was not learnt from, as the examples do. Needs PyTorch and NumPy.
"""

import argparse
import math
import os
import time

import numpy
import torch
import torch.nn as nn
import torch.nn.functional as F

BOOK = os.path.join(os.path.dirname(__file__), "..", "..", "build", "data", "moby-dick.txt")


class LSTM(nn.Module):
    streams, length, steps = 64, 64, 1500

    def __init__(self, characters):
        super().__init__()
        self.embedding, self.lstm, self.output = nn.Embedding(characters, 64), nn.LSTM(64, 256), nn.Linear(256, characters)

    def batches(self, ids):
        """Pairs of inputs and targets [64 characters, 64 streams]."""
        length = len(ids) // self.streams - 1
        rows = ids[: (length + 1) * self.streams].view(self.streams, length + 1).t()
        for at in range(0, length - self.length + 1, self.length):
            yield rows[at : at + self.length], rows[at + 1 : at + self.length + 1]

    def loss(self, x, y, state):
        out, state = self.lstm(self.embedding(x), state)
        loss = F.cross_entropy(self.output(out).flatten(0, 1), y.flatten())
        return loss, tuple(part.detach() for part in state)

    def train_losses(self, ids, generator):
        while True:
            state = None
            for x, y in self.batches(ids):
                loss, state = self.loss(x, y, state)
                yield loss

    def test_losses(self, ids):
        state = None
        for x, y in self.batches(ids):
            loss, state = self.loss(x, y, state)
            yield loss

    def optimizer(self):
        return torch.optim.Adam(self.parameters())

    def rate(self, step, steps):
        return 0.004 * (1 + math.cos(math.pi * step / steps)) / 2


class GPT(nn.Module):
    batch, context, width, steps = 16, 128, 128, 1500

    def __init__(self, characters):
        super().__init__()
        self.embedding, self.output = nn.Embedding(characters, self.width), nn.Linear(self.width, characters)
        self.position = nn.Parameter(torch.randn(self.context, self.width) * 0.02)
        nn.init.normal_(self.embedding.weight, 0, 0.02)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(self.width, 4, 4 * self.width, 0.0, F.gelu, batch_first=True, norm_first=True)
            for _ in range(4)
        )
        self.norm = nn.LayerNorm(self.width)
        self.register_buffer("mask", torch.full((self.context, self.context), -math.inf).triu(1))

    def loss(self, ids, places):
        x = torch.stack([ids[p : p + self.context] for p in places])
        y = torch.stack([ids[p + 1 : p + 1 + self.context] for p in places])
        x = self.embedding(x) + self.position
        for block in self.blocks:
            x = block(x, self.mask)
        return F.cross_entropy(self.output(self.norm(x)).flatten(0, 1), y.flatten())

    def train_losses(self, ids, generator):
        while True:
            yield self.loss(ids, torch.randint(len(ids) - self.context, (self.batch,), generator=generator))

    def test_losses(self, ids):
        windows = self.batch * self.context
        for n in range((len(ids) - 1) // windows):
            yield self.loss(ids, range(n * windows, (n + 1) * windows, self.context))

    def optimizer(self):
        return torch.optim.AdamW(self.parameters())

    def rate(self, step, steps):
        cosine = 2e-4 + (2e-3 - 2e-4) * (1 + math.cos(math.pi * step / steps)) / 2
        return cosine * min(1, (step + 1) / max(1, steps // 20))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", choices=["lstm", "gpt"])
    parser.add_argument("file", nargs="?", default=BOOK)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)

    with open(options.file, encoding="utf-8", newline="") as file:
        text = file.read()
    characters = sorted(set(text))
    number = {character: i for i, character in enumerate(characters)}
    ids = torch.from_numpy(numpy.array([number[character] for character in text]))
    learnt = len(ids) * 9 // 10

    model = {"lstm": LSTM, "gpt": GPT}[options.model](len(characters))
    steps = options.steps or model.steps
    optimizer = model.optimizer()
    start = time.time()
    losses = model.train_losses(ids[:learnt], torch.Generator().manual_seed(options.seed))
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = model.rate(step, steps)
        optimizer.zero_grad(set_to_none=True)
        next(losses).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1)
        optimizer.step()
    taken = time.time() - start
    model.eval()
    with torch.no_grad():
        losses = [loss.item() for loss in model.test_losses(ids[learnt:])]
    bits = sum(losses) / len(losses) / math.log(2)
    print(f"{options.model}: {bits:.3f} bits a character after {steps} steps in {taken:.0f} s, PyTorch {torch.__version__}")


main()
