"""PyTorch's side of examples/finetune.c.

    /usr/bin/python3 examples/compare/finetune.py make        trains on digits 0 to 4, and writes
                                                              examples/data/digits-pytorch.safetensors
    /usr/bin/python3 examples/compare/finetune.py check EXE   runs the example EXE in an empty folder, reads what
                                                              it saved, and compares: the same logits, and what
                                                              was frozen as it was; 77 where PyTorch is missing

Files are read and written here by the format's own definition (github.com/huggingface/safetensors): a length, a
header in JSON, the elements.
"""

import json
import os
import struct
import subprocess
import sys
import tempfile

try:
    import numpy
    import torch
    import torch.nn as nn
    import torch.nn.functional as F
except ImportError as error:
    print("skipped:", error)
    sys.exit(77)

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data")
PRETRAINED = os.path.join(DATA, "digits-pytorch.safetensors")
DTYPES = {torch.float32: "F32", torch.int64: "I64"}


class Body(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16)
        self.conv2, self.norm2 = nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32)

    def forward(self, x):
        x = F.relu(self.norm1(self.conv1(x)))
        x = F.relu(self.norm2(self.conv2(x)))
        return F.max_pool2d(x, 2).flatten(1)


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = Body(), nn.Linear(512, 5)

    def forward(self, x):
        return self.head(self.body(x))


def save(path, tensors):
    header, parts, at = {}, [], 0
    for name, tensor in sorted(tensors.items(), key=lambda item: (-item[1].element_size(), item[0])):
        part = tensor.contiguous().numpy().tobytes()
        header[name] = {"dtype": DTYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [at, at + len(part)]}
        parts.append(part)
        at += len(part)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(parts))


def load(path):
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    types = {name: dtype for dtype, name in DTYPES.items()}
    tensors = {}
    for name, entry in header.items():
        start, end = (8 + length + offset for offset in entry["data_offsets"])
        flat = torch.frombuffer(bytearray(data[start:end]), dtype=types[entry["dtype"]])
        tensors[name] = flat.reshape(entry["shape"])
    return tensors


def digits(low):
    table = numpy.loadtxt(os.path.join(DATA, "digits.csv"), delimiter=",", dtype=numpy.float32)
    table = table[(table[:, 64] >= low) & (table[:, 64] < low + 5)]
    return torch.from_numpy(table[:, :64] / 16).view(-1, 1, 8, 8), torch.from_numpy(table[:, 64]).long() - low


def make():
    torch.manual_seed(1)
    torch.set_num_threads(1)
    network = Network()
    optimizer = torch.optim.Adam(network.parameters())
    x, y = digits(0)
    for epoch in range(20):
        for rows in torch.randperm(len(y)).split(32):
            optimizer.zero_grad()
            F.cross_entropy(network(x[rows]), y[rows]).backward()
            optimizer.step()
    network.eval()
    right = (network(x).argmax(1) == y).float().mean().item()
    save(PRETRAINED, network.state_dict())
    print(f"{100 * right:.2f} % of the digits 0 to 4 are right; {PRETRAINED} has {os.path.getsize(PRETRAINED)} bytes")


def check(example):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([os.path.abspath(example), "--short"], cwd=folder, check=True)
        tuned = load(os.path.join(folder, "finetune.safetensors"))
        logits = numpy.load(os.path.join(folder, "finetune.npy"))
    network = Network()
    network.load_state_dict(tuned, strict=True)
    network.eval()
    with torch.no_grad():
        off = (network(digits(5)[0]) - torch.from_numpy(logits)).abs().max().item()
    frozen = all(torch.equal(tensor, tuned[name]) for name, tensor in load(PRETRAINED).items() if name.startswith("body."))
    print(f"PyTorch reads the file back: logits differ by {off:.1e} at most; the body is "
          + ("as it was, bit for bit" if frozen else "NOT as it was"))
    return 0 if off <= 1e-4 and frozen else 1


if sys.argv[1:] == ["make"]:
    make()
elif len(sys.argv) == 3 and sys.argv[1] == "check":
    sys.exit(check(sys.argv[2]))
else:
    sys.exit(__doc__)
