"""Counts what a service's process has open, when it gets SIGUSR2: ``CENSUS`` names the file for the answer."""

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import Any


def _count(number: int, frame: Any) -> None:
    try:
        tasks = asyncio.all_tasks()
    except RuntimeError:
        return
    works = Counter(getattr(task.get_coro(), "__qualname__", "?") for task in tasks)
    file = Path(os.environ["CENSUS"])
    aside = file.with_suffix(".new")
    aside.write_text(json.dumps(works))
    aside.replace(file)


if "CENSUS" in os.environ and "-m" in sys.orig_argv:
    signal.signal(signal.SIGUSR2, _count)
