"""Times as people read them."""


def clock(seconds: float) -> str:
    """Return 83.456 as 1:23.5, with hours where there are any."""
    tenths = round(10 * seconds)
    hours, rest = divmod(tenths, 36_000)
    minutes, rest = divmod(rest, 600)
    return f"{hours}:{minutes:02}:{rest / 10:04.1f}" if hours else f"{minutes}:{rest / 10:04.1f}"
