"""Puts the top-level gin/ folder into the wheel; everything else is in pyproject.toml.

gin/ cannot be a Python package of that name (it would hide the gin library), so the wheel carries
its files as data of `gram_jax.shipped`.
"""

from pathlib import Path

from setuptools import find_packages, setup

GIN = {"gram_jax.shipped." + ".".join(folder.parts): str(folder)
       for folder in [Path("gin"), *sorted(Path("gin").iterdir())]}

setup(
    packages=[*find_packages(include=["gram_jax*", "tasks*"]), *GIN],
    package_dir=GIN,
    package_data={"": ["*.json", "*.css"], **{name: ["*.gin"] for name in GIN}},
)
