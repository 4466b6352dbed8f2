"""The safetensors format in a few lines, from its description alone: Debian has no package of it.

https://github.com/huggingface/safetensors#format
"""
import json
import struct

import torch

NAMES = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
         torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8",
         torch.uint8: "U8", torch.bool: "BOOL"}
DTYPES = {name: dtype for dtype, name in NAMES.items()}
# The reference implementation writes types in this order, and tensors of one type by name.
ORDER = ["I64", "F64", "F32", "I32", "BF16", "F16", "I16", "I8", "U8", "BOOL"]


def to_bytes(tensor):
    return bytes(tensor.contiguous().reshape(-1).view(torch.uint8).numpy()) if tensor.numel() else b""


def save(path, tensors, metadata=None):
    """Writes {name: tensor}."""
    header = {"__metadata__": metadata} if metadata else {}
    data = b""
    for name in sorted(tensors, key=lambda n: (ORDER.index(NAMES[tensors[n].dtype]), n)):
        content = to_bytes(tensors[name])
        header[name] = {"dtype": NAMES[tensors[name].dtype], "shape": list(tensors[name].shape),
                        "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def load(path):
    """Reads ({name: tensor}, metadata), and checks what the format demands."""
    content = open(path, "rb").read()
    size, = struct.unpack("<Q", content[:8])
    assert size <= 100_000_000 and content[8:9] == b"{"
    header = json.loads(content[8:8 + size].decode())
    data, tensors, metadata, end = content[8 + size:], {}, header.pop("__metadata__", {}), 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        begin, stop = entry["data_offsets"]
        assert begin == end, "%s begins at %d, not at %d" % (name, begin, end)
        end = stop
        dtype = DTYPES[entry["dtype"]]
        tensor = torch.frombuffer(bytearray(data[begin:stop]), dtype=dtype) if stop > begin \
            else torch.empty(0, dtype=dtype)
        tensors[name] = tensor.reshape(entry["shape"])
    assert end == len(data)
    return tensors, metadata
