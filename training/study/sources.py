"""A digest of the code that a command runs: its module, and everything of this repository that is imported from there.

A step of the study is done for the code that made it. Hashing what it imports, and not the whole repository, keeps
hours of training valid when only the report has changed.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("training", "codec", "formats")


@lru_cache(maxsize=64)
def code_digest(modules: tuple[str, ...]) -> str:
    """Digest of modules by their dotted names, and of everything of this repository that they import, in any depth.

    Files that are no Python, such as the templates of the report, count with the folder of a module that is imported.
    """
    return _digest(_closure(modules), ROOT)


def folder_digest(folder: Path) -> str:
    """Digest of all files below a folder; that of nothing where there is none."""
    return _digest((p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts), folder)


def _digest(files: Iterable[Path], root: Path) -> str:
    """Digest of files and of their places below a root, in whatever order they come."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _closure(modules: Iterable[str]) -> set[Path]:
    """Files of modules and of what they import."""
    found: set[Path] = set()
    pending = [path for name in modules for path in _files(name)]
    while pending:
        path = pending.pop()
        if path not in found:
            found.add(path)
            pending += [file for name in _imports(path) for file in _files(name)]
    folders = {path.parent for path in found if path.name != "__init__.py"}
    return found.union(*map(_beside, folders))


def _beside(folder: Path) -> Iterator[Path]:
    """Files that are no Python in a package's folder and below it; those of a package inside it are that one's own."""
    for path in folder.iterdir():
        if path.is_dir():
            if not (path / "__init__.py").is_file():
                yield from _beside(path)
        elif path.suffix in (".html", ".js", ".css", ".toml"):
            yield path


def _files(name: str) -> list[Path]:
    """The files that an import of a dotted name reads: its packages and, if it is one, the module itself."""
    parts = name.split(".")
    if parts[0] == "aez":
        parts[:1] = ["codec", "api"]
    if parts[0] not in PACKAGES:
        return []
    folders = [ROOT.joinpath(*parts[: i + 1]) for i in range(len(parts))]
    candidates = [file for folder in folders for file in (folder / "__init__.py", folder.with_suffix(".py"))]
    return [file for file in candidates if file.is_file()]


@lru_cache(maxsize=1024)
def _imports(path: Path) -> tuple[str, ...]:
    """Dotted names that a module imports anywhere; of `from a import b` both a and a.b, which may be a module."""
    return tuple(_names(ast.parse(path.read_bytes())))


def _names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
