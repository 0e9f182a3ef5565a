"""The Lambda functions: each package's `handler.py` wires one area."""

import sys
from types import ModuleType

# Before its first schema pydantic looks for plugins in the metadata of every installed distribution, which loads 25 modules
# (zipfile, tempfile, lzma, ...), 6 % of a cold start. There are none, so it is told so.
_plugins = ModuleType("pydantic.plugin._loader")
_plugins.__dict__["get_plugins"] = tuple
sys.modules.setdefault(_plugins.__name__, _plugins)
