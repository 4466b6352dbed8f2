#!/usr/bin/env python3
"""Makes the files in tests/io/data, as NumPy and PyTorch write them (Debian's python3-numpy and
python3-torch); tests/io/test_golden.c knows what is in them.

    /usr/bin/python3 tests/io/make_files.py
"""
import os
import zipfile

import numpy as np
import torch

import reference

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")


def path(name):
    return os.path.join(HERE, name)


def numpy_files():
    values = np.arange(6).reshape(2, 3)
    for code in ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"]:
        for order in "<>" if code[1] != "1" else "|":
            array = (values % 2 if code == "b1" else values - 2 if code[0] != "u" else values)
            letter = {"<": "little", ">": "big", "|": "byte"}[order]
            np.save(path("%s-%s.npy" % (code, letter)), array.astype(order + code))
    cube = np.arange(24, dtype="<i4").reshape(2, 3, 4)
    np.save(path("fortran.npy"), np.asfortranarray(cube))
    np.save(path("scalar.npy"), np.float32(2.5))
    np.save(path("empty.npy"), np.zeros((0, 3), "<f8"))
    for version in (2, 3):
        with open(path("version-%d.npy" % version), "wb") as file:
            np.lib.format.write_array(file, np.array([1.5, -2.5]), version=(version, 0))
    np.savez(path("stored.npz"), weight=cube.astype("<f4"), bias=np.array([0.5, -0.5]),
             labels=np.array([7, 8, 9]))
    np.savez_compressed(path("compressed.npz"), weight=cube.astype("<f4"),
                        bias=np.zeros(2000, "<f4"))
    # What NumPy writes to a stream that it cannot go back in: sizes stand behind the entries.
    with open(path("streamed.npz"), "wb") as file:
        class Stream:
            def write(self, data):
                return file.write(data)

            def flush(self):
                file.flush()
        with zipfile.ZipFile(Stream(), "w") as archive:
            with archive.open("bias.npy", "w") as entry:
                np.lib.format.write_array(entry, np.array([0.5, -0.5]))


def torch_files():
    torch.manual_seed(0)
    values = torch.arange(6).reshape(2, 3)
    tensors = {name.lower(): (values - (0 if dtype in (torch.uint8, torch.bool) else 2)).to(dtype)
               for name, dtype in reference.DTYPES.items()}
    tensors["scalar"] = torch.tensor(2.5)
    tensors["empty"] = torch.zeros(0, 3)
    tensors['a "quoted" \\ name\u00e9\n'] = torch.tensor([1.0, 2.0])
    reference.save(path("dtypes.safetensors"), tensors, {"format": "pt", "note": "\u00fc"})
    network = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.ReLU(),
                                  torch.nn.Linear(4, 2))
    network(torch.randn(5, 3))
    network.eval()
    x = torch.tensor([[0.5, -1.0, 2.0], [1.0, 0.25, -0.75]])
    with torch.no_grad():
        state = dict(network.state_dict())
        state["x"], state["y"] = x, network(x)
    reference.save(path("network.safetensors"), state)


if __name__ == "__main__":
    os.makedirs(HERE, exist_ok=True)
    numpy_files()
    torch_files()
