"""Old addresses: what programs for the original import from ``opto.utils``."""

__all__: list[str] = []
