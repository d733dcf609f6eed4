"""`python -m contracts.generate [--check]`: write what is made from the event classes and the topic table.

Makes ``contracts/schemas/``, ``contracts/asyncapi.json`` and ``docs/topics.md``, all of them committed.
"""

import argparse
import sys
from pathlib import Path

from contracts.asyncapi import asyncapi
from contracts.examples import read_examples
from contracts.releases import as_json, present_schemas
from contracts.topic_page import topic_page

ROOT = Path(__file__).parents[3]
"""The working tree that this package is installed from."""
EXAMPLES = ROOT / "contracts" / "examples"
_SCHEMAS = Path("contracts") / "schemas"


def generated() -> dict[Path, str]:
    """All generated files: path below the root, content."""
    files = {_SCHEMAS / f"{type_}.schema.json": as_json(schema) for type_, schema in present_schemas().items()}
    files[Path("contracts") / "asyncapi.json"] = as_json(asyncapi(read_examples(EXAMPLES)))
    files[Path("docs") / "topics.md"] = topic_page()
    return files


def differences(root: Path = ROOT) -> list[str]:
    """Return the files that differ from what would be written, those that should not be there included."""
    wanted = generated()
    wrong = [path for path, text in wanted.items() if _read(root / path) != text]
    surplus = [path.relative_to(root) for path in (root / _SCHEMAS).glob("*") if path.relative_to(root) not in wanted]
    return sorted(path.as_posix() for path in (*wrong, *surplus))


def write(root: Path = ROOT) -> None:
    """Write all generated files and remove schemas of events that are gone."""
    for path in differences(root):
        target = root / path
        text = generated().get(Path(path))
        if text is None:
            target.unlink()
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Write the files, or with ``--check`` name those that differ and return 1."""
    parser = argparse.ArgumentParser(prog="python -m contracts.generate", description=main.__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail where a file differs")
    options = parser.parse_args(arguments)
    found = differences()
    if not options.check:
        write()
        return 0
    for path in found:
        sys.stdout.write(f"{path} differs: run python -m contracts.generate\n")
    return 1 if found else 0


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


if __name__ == "__main__":
    sys.exit(main())
