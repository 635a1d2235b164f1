"""Training over data: so far, old addresses of what lives in other rooms."""

__all__: list[str] = []
