#!/usr/bin/python3
"""What Wengert writes NumPy and PyTorch read, and the other way round.

    tests/io/interop.py PROGRAM     (built of interop.c)

Exits with 77 (skipped) where this Python has no NumPy or no PyTorch.
"""
import os
import subprocess
import sys
import tempfile
import zlib

try:
    import numpy as np
    import torch
except ImportError as error:
    print("skipped:", error)
    sys.exit(77)

import reference

sys.dont_write_bytecode = True
F32 = np.array([[0, 1, 2], [3, 4, -5.5]], np.float32)
F64 = np.array([[0, 1, 2], [3, 1e300, -5.5]])
I64 = np.array([[0, 1, 2], [3, 2**63 - 1, -2**63]])
U8 = np.array([[0, 1, 2], [3, 4, 255]], np.uint8)
ARRAYS = {"f32": F32, "f64": F64, "i64": I64, "u8": U8, "scalar": np.float32(-5.5), "turned": F32.T}


def network():
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.ReLU(),
                               torch.nn.Linear(4, 2))


def expect_array(array, wanted):
    assert array.dtype == wanted.dtype and array.shape == wanted.shape, (array, wanted)
    assert np.array_equal(array, wanted), (array, wanted)


def read_arrays(folder):
    for name, wanted in ARRAYS.items():
        expect_array(np.load(os.path.join(folder, name + ".npy")), wanted)
        mapped = np.load(os.path.join(folder, name + ".npy"), mmap_mode="r")
        assert mapped.flags.c_contiguous
    for archive in ("arrays.npz", "wide.npz"):
        with np.load(os.path.join(folder, archive)) as arrays:
            assert sorted(arrays.files) == sorted(ARRAYS)
            assert arrays.zip.testzip() is None
            for name, wanted in ARRAYS.items():
                expect_array(arrays[name], wanted)
    with np.load(os.path.join(folder, "none.npz")) as arrays:
        assert arrays.files == []
    tensors, metadata = reference.load(os.path.join(folder, "arrays.safetensors"))
    for name, wanted in ARRAYS.items():
        expect_array(tensors[name].numpy(), wanted)
    assert tensors["bf16"].tolist() == [1.0, -2.5]
    assert metadata == {"note": '"\\\n\u00e9'}, metadata
    again = os.path.join(folder, "again.safetensors")
    reference.save(again, tensors, None)
    assert reference.load(again)[0].keys() == tensors.keys()


def read_network(folder, name):
    """A network that was saved in C: PyTorch takes its state_dict as it is, and agrees."""
    state, _ = reference.load(os.path.join(folder, name + ".safetensors"))
    model = network()
    model.load_state_dict(state, strict=True)
    model.eval()
    x = torch.from_numpy(np.load(os.path.join(folder, name + "-x.npy")))
    y = np.load(os.path.join(folder, name + "-y.npy"))
    with torch.no_grad():
        assert np.allclose(model(x).numpy(), y, rtol=0, atol=1e-5), (model(x), y)
    return state


def read_checkpoint(folder, name, state):
    path = os.path.join(folder, name + ".checkpoint.safetensors")
    tensors, metadata = reference.load(path)
    assert metadata["optimizer"] == "adam" and tensors["state.steps"].tolist() == [3]
    for key, value in state.items():
        assert torch.equal(tensors["model." + key], value)
    assert tensors["optimizer.exp_avg.3.weight"].shape == state["3.weight"].shape
    content = open(path, "rb").read()
    assert zlib.crc32(content[:-4]) == int.from_bytes(content[-4:], "little")


def write(folder, model):
    """Arrays and a network for C to read."""
    def save(name, array):
        np.save(os.path.join(folder, "python-%s.npy" % name), array)
    save("f32", F32)
    save("f64", F64)
    save("i64", I64)
    save("fortran", np.asfortranarray(F64))
    save("big", F64.astype(">f8"))
    np.savez(os.path.join(folder, "python.npz"), u8=U8, i64=I64)
    np.savez_compressed(os.path.join(folder, "python-compressed.npz"), f64=F64)
    x = torch.randn(5, 3)
    model(x)
    model.eval()
    with torch.no_grad():
        np.save(os.path.join(folder, "theirs-x.npy"), x.numpy())
        np.save(os.path.join(folder, "theirs-y.npy"), model(x).numpy())
    reference.save(os.path.join(folder, "theirs.safetensors"), model.state_dict(), {"format": "pt"})


def main():
    program = sys.argv[1]
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([program, "write", folder], check=True)
        read_arrays(folder)
        read_checkpoint(folder, "ours", read_network(folder, "ours"))
        model = network()
        write(folder, model)
        subprocess.run([program, "read", folder], check=True)
        tuned = read_network(folder, "tuned")
        before = model.state_dict()
        assert torch.equal(tuned["0.weight"], before["0.weight"]), "a frozen weight moved"
        assert not torch.equal(tuned["3.weight"], before["3.weight"])
        assert int(tuned["1.num_batches_tracked"]) == int(before["1.num_batches_tracked"]) + 3


if __name__ == "__main__":
    main()
