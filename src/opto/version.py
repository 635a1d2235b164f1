"""The version of the distribution `trace-opt`, and the only place it is written."""

__version__ = "1.0.0.dev0"
