"""The version stands once, in Cargo.toml; everything else is in pyproject.toml."""

import tomllib
from pathlib import Path

from setuptools import setup

cargo = tomllib.loads(Path(__file__).with_name("Cargo.toml").read_text(encoding="utf-8"))

setup(version=cargo["workspace"]["package"]["version"])
