#!/usr/bin/env python3
"""Licences and sources of every crate, checked offline: `cargo metadata` says what is built, this list what may be.

Ends with 1 and a line for each crate that comes from elsewhere than crates.io or under a licence that is not listed.
"""

# ruff: noqa: T201, S607 (it prints and asks the cargo of the path: that is its purpose)
import json
import re
import subprocess
import sys

ALLOWED = {
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
}
REGISTRY = "registry+https://github.com/rust-lang/crates.io-index"


def fits(expression: str) -> bool:
    """Is there a way to fulfil this SPDX expression with the listed licences alone?"""
    tokens = re.findall(r"\(|\)|\bAND\b|\bOR\b|(?:(?!\b(?:AND|OR)\b)[^()])+", expression.replace("/", " OR "))
    left = [token.strip() for token in tokens if token.strip()]

    def one() -> bool:
        term = left.pop(0)
        if term != "(":
            return term in ALLOWED
        inside = either()
        left.pop(0)
        return inside

    def both() -> bool:
        found = one()
        while left and left[0] == "AND":
            left.pop(0)
            found = one() and found
        return found

    def either() -> bool:
        found = both()
        while left and left[0] == "OR":
            left.pop(0)
            found = both() or found
        return found

    return either()


def main() -> int:
    about = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout
    host = next(line.split()[1] for line in about.splitlines() if line.startswith("host:"))
    # For this platform: crates of others were never downloaded.
    command = ["cargo", "metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", host]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    if said.returncode:
        print(f"licences: cargo metadata failed\n{said.stderr}", file=sys.stderr)
        return 1
    packages = json.loads(said.stdout)["packages"]
    ours = [package for package in packages if package["source"] is None]
    complaints = [f"{p['name']} {p['version']} comes from {p['source']}" for p in packages if p["source"] not in (None, REGISTRY)]
    for package in packages:
        licence = package.get("license")
        if not licence or not fits(licence):
            complaints.append(f"{package['name']} {package['version']} is under {licence or 'a licence file only'}")
    for complaint in complaints:
        print(f"licences: {complaint}")
    if not complaints:
        print(f"licences: {len(packages) - len(ours)} crates, all from crates.io under licences of the list")
    return bool(complaints)


if __name__ == "__main__":
    sys.exit(main())
