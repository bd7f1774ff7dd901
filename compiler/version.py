"""The version of the package, as `pyproject.toml` has it.

A constant, because asking `importlib.metadata` costs as much as checking a spec.
"""

VERSION = "0.1.0"
