"""Tables in markdown."""

from collections.abc import Iterable, Sequence


def section(title: str, note: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A heading of the second level, a paragraph (none if empty) and a table."""
    lines = [f"## {title}\n", *([f"{note}\n"] if note else []), line(head), line(["---"] * len(head))]
    return "\n".join([*lines, *(line(row) for row in rows)]) + "\n"


def line(cells: Sequence[str]) -> str:
    """One line of a table."""
    return f"| {' | '.join(cells)} |"
