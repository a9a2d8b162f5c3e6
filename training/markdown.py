"""Tables in markdown, for every room that writes a table.md."""

from collections.abc import Iterable, Sequence


def section(title: str, note: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A heading of the second level, a paragraph (none if `note` is empty) and a table."""
    lines = [f"## {title}\n", *([f"{note}\n"] if note else []), table(head, rows)]
    return "\n".join(lines) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with one line of headings."""
    return "\n".join([_line(head), _line(["---"] * len(head)), *(_line(row) for row in rows)])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
