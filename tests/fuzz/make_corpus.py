#!/usr/bin/env python3
"""Makes tests/fuzz/corpus: small files of every kind that the readers meet, whole ones and damaged
ones, from which libFuzzer and the test `corpus` go on.

    python3 tests/fuzz/make_corpus.py BUILD      (a Meson build folder, with fuzz-make-files built)
"""
import glob
import os
import shutil
import struct
import subprocess
import sys
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
CORPUS = os.path.join(HERE, "corpus")
GOLDEN = os.path.join(HERE, "..", "io", "data")


def write(name, content):
    with open(os.path.join(CORPUS, name), "wb") as file:
        file.write(content if isinstance(content, bytes) else content.encode())


def json_files():
    write("json/object", '{"a": [1, 2, {"b": "c"}], "d": {}, "e": [] }')
    write("json/escapes", '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\ud83d\\ude00\u00e9"')
    write("json/numbers", "[0, 18446744073709551615, 18446744073709551616]")
    write("json/deep", "[" * 70 + "]" * 70)


def safetensors(header, data=b""):
    text = header.encode()
    return struct.pack("<Q", len(text)) + text + data


def safetensors_files():
    entry = '"%s":{"dtype":"%s","shape":%s,"data_offsets":[%d,%d]}'
    write("safetensors/empty", safetensors("{}"))
    write("safetensors/two", safetensors(
        '{"__metadata__":{"k":"v"},' + entry % ("a", "F32", "[1]", 0, 4) + "," +
        entry % ("b", "U8", "[2]", 4, 6) + "}  ", b"\0\0\x80\x3f\1\2"))
    write("safetensors/overlap", safetensors(
        "{" + entry % ("a", "F32", "[1]", 0, 4) + "," + entry % ("b", "F32", "[1]", 2, 6) + "}",
        b"\0" * 6))
    write("safetensors/overflow", safetensors(
        "{" + entry % ("a", "F64", "[4294967296,4294967296]", 0, 0) + "}"))
    write("safetensors/bool", safetensors("{" + entry % ("a", "BOOL", "[3]", 0, 3) + "}", b"\0\1\2"))
    for name in ("dtypes", "network"):
        shutil.copy(os.path.join(GOLDEN, name + ".safetensors"),
                    os.path.join(CORPUS, "safetensors", name))


def numpy_files():
    for path in glob.glob(os.path.join(GOLDEN, "*.npy")):
        name = os.path.basename(path)[:-4]
        if name in ("f2-big", "f4-little", "u8-big", "b1-byte", "fortran", "scalar", "empty",
                    "version-2", "version-3"):
            shutil.copy(path, os.path.join(CORPUS, "npy", name))
    for name, shape in (("overflow", b"4294967296, 4294967296"),
                        ("empty-overflow", b"0, 9223372036854775807, 3")):
        header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (" + shape + b"), }\n"
        write("npy/" + name, b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header)
    for name in ("stored", "compressed", "streamed"):
        shutil.copy(os.path.join(GOLDEN, name + ".npz"), os.path.join(CORPUS, "npz", name))
    write("npz/empty", b"PK\5\6" + b"\0" * 18)


def data_files():
    write("csv/plain", "1,2.5,-3e2\n4,,nan\n")
    write("csv/quoted", '"a";b\r\n# comment\r\n"1";2\r\n\r\n3;"4"')
    write("csv/ragged", "1,2\n3\n")
    write("table/gaps", 'age,town\n31,Ulm\nNA,"Aalen, Ostalb"\n,"ein ""Ort"""\n')
    write("table/tabs.tsv", "# all\na\tb\n1e3\tx\n\n-inf\t\"y\nz\"\n")
    write("table/ragged", "a,b\n1\n")
    for code, size in ((8, 1), (9, 1), (11, 2), (12, 4), (13, 4), (14, 8)):
        write("idx/type-%d" % code, bytes([0, 0, code, 2, 0, 0, 0, 2, 0, 0, 0, 1]) + b"\x41" * 2 * size)
    write("idx/overflow", bytes([0, 0, 8, 3]) + b"\xff" * 12)
    write("image/grey.pgm", "P2 # grey\n3 2\n15\n0 1 2\n3 4 15\n")
    write("image/wide.pgm", b"P5 2 1 65535\n\0\1\xff\xff")
    write("image/huge.ppm", "P6 2147483647 2147483647 255\n")

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(
            ">I", zlib.crc32(kind + content))
    write("image/palette.png", b"\x89PNG\r\n\x1a\n" +
          chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 3, 0, 0, 0)) +
          chunk(b"PLTE", bytes(range(9))) + chunk(b"tRNS", b"\x80") +
          chunk(b"IDAT", zlib.compress(b"\0\0\1\0\2\0")) + chunk(b"IEND", b""))


def main():
    build = sys.argv[1]
    shutil.rmtree(CORPUS, ignore_errors=True)
    for name in ("checkpoint", "csv", "function", "idx", "image", "json", "npy", "npz", "safetensors",
                 "table", "vocabulary"):
        os.makedirs(os.path.join(CORPUS, name))
    json_files()
    safetensors_files()
    numpy_files()
    data_files()
    subprocess.run([os.path.join(build, "tests", "fuzz", "fuzz-make-files"), CORPUS], check=True)


if __name__ == "__main__":
    main()
