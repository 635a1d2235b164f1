"""What tries to break out of the sandbox, and what must work in it; `check` runs both here."""

__all__: list[str] = []
