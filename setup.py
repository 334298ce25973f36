"""Finds the packages; pyproject.toml holds everything else.

configs/ stands at the top of the repository, where a researcher looks for it, and is installed as dfdetect_jax.configs.
pyproject.toml can either find packages or list them, so this one addition needs code.
"""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["dfdetect_jax", "dfdetect_jax.*"]), "dfdetect_jax.configs"],
    package_dir={"dfdetect_jax.configs": "configs"},
)
