#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""generate.py --out DIR MODEL...      writes the C++ of the models
generate.py --list MODEL...         says which files that are, for src/wire/room.cmake
generate.py --supported FILE [--check] MODEL...   writes docs/supported.md, or fails if stale"""
import argparse
import pathlib
import sys

import cpp
import model
import supported


def write(path, text):
    """Leaves an unchanged file alone, so that nothing is compiled anew."""
    if path.exists() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--supported", type=pathlib.Path)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("models", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()
    models = [model.load(path) for path in arguments.models]
    if arguments.list:
        print("\n".join(name for one in models for name in cpp.files(one)))
    if arguments.out:
        for one in models:
            for name, text in cpp.files(one).items():
                write(arguments.out / name, text)
    if arguments.supported:
        text = supported.page(models)
        if not arguments.check:
            write(arguments.supported, text)
        elif not arguments.supported.exists() or arguments.supported.read_text() != text:
            sys.exit(f"{arguments.supported} is stale: run tools/wiregen/generate.py --supported")


main()
