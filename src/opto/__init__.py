"""Trace: an AutoDiff for AI programs.

Importing this package is free: it loads nothing. The rooms are `opto.trace`
(record), `opto.optimizers` (propose) and `opto.llm` (ask).
"""

from opto.version import __version__

__all__ = ["__version__"]
