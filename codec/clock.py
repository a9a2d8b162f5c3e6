"""Times and counts as text for people."""


def clock(seconds: float) -> str:
    """A time as minutes and seconds, and hours where there are any: 83.456 becomes 1:23.5."""
    tenths = round(10 * seconds)
    hours, rest = divmod(tenths, 36_000)
    minutes, rest = divmod(rest, 600)
    return f"{hours}:{minutes:02}:{rest / 10:04.1f}" if hours else f"{minutes}:{rest / 10:04.1f}"


def counted(count: int, what: str) -> str:
    """A count with what is counted, in the plural but for one: "1 sample", "2 samples"."""
    return f"{count} {what}{'' if count == 1 else 's'}"
