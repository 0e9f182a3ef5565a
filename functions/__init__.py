"""The Lambda functions: each package's `handler.py` wires one area."""

import gc
import sys
from types import ModuleType

# What a function imports stays: to look for garbage among it costs a cold start up to 7 %, and every request its share.
gc.set_threshold(25_000)

# Before its first schema pydantic looks for plugins in the metadata of every installed distribution, which loads 25 modules
# (zipfile, tempfile, lzma, ...), 6 % of a cold start. There are none, so it is told so.
_plugins = ModuleType("pydantic.plugin._loader")
_plugins.__dict__["get_plugins"] = tuple
sys.modules.setdefault(_plugins.__name__, _plugins)
