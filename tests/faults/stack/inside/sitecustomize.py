"""Opens the inside of a service's process for faults, without a line in the product.

Python runs a module of this name at its own start (``site``). Here it runs every module of its folder, and then the
next ``sitecustomize`` on the path, so that the wall between the services stands as well. A new kind of fault is a new
file in this folder that does nothing until its own environment variable or file asks for it.
"""

import importlib
import runpy
import sys
from pathlib import Path

HERE = Path(__file__).parent


def run() -> None:
    for file in sorted(HERE.glob("*.py")):
        if file.stem != "sitecustomize":
            importlib.import_module(file.stem)
    for folder in map(Path, sys.path):
        other = folder / "sitecustomize.py"
        if folder.resolve() != HERE and other.exists():
            runpy.run_path(str(other), run_name="sitecustomize")
            return


run()
