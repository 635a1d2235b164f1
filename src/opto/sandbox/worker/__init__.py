"""The other side of the wall. Imports the standard library only, and runs without `opto`."""

__all__: list[str] = []
