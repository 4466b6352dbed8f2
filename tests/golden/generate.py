#!/usr/bin/env python3
"""Writes tests/golden/data/FAMILY.txt: what PyTorch computes for every operation, values and
gradients, which tests/golden/test_golden.c holds Wengert against.

    python3 tests/golden/generate.py [FAMILY...]        (Debian 12: python3-torch, PyTorch 1.13)

Each family is a module cases_FAMILY.py with `def cases(family)`.
"""
import importlib
import pathlib
import sys

import torch

import golden

here = pathlib.Path(__file__).parent


def main():
    names = sys.argv[1:] or sorted(p.stem[len("cases_"):] for p in here.glob("cases_*.py"))
    for name in names:
        family = golden.Family(name)
        importlib.import_module(f"cases_{name}").cases(family)
        heading = f"# {name}: PyTorch {torch.__version__}, float64; by tests/golden/generate.py"
        text = "\n".join([heading] + family.lines) + "\n"
        (here / "data" / f"{name}.txt").write_text(text)
        print(f"{name}: {sum(family.counts.values())} cases of {len(family.counts)} operations, {len(text)} bytes")


main()
