"""What the five services would otherwise each copy."""

import sys
from typing import Any, Final

LEFT_OUT: Final = ("httpx._main", "psutil")
"""What libraries load where it is installed and no service uses: httpx's command line with its colours, statistics of
processes. Left out they save some 5 MB in each service (docs/decisions/0060)."""

_modules: dict[str, Any] = sys.modules
for _name in LEFT_OUT:
    # None makes the import fail as if it were not installed (Python's reference, 5.3.1); both libraries allow for that.
    _modules.setdefault(_name, None)
