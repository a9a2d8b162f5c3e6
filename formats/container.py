"""The .aez container: a header, tags and cover, chunks that decode alone, and a seek index.

`Writer` and `Reader` work on file objects; what a chunk's payload means is the business of `formats.coding`.
"""

from formats.layout import Chunk, Coder, Header
from formats.metadata import COVER_LIMIT, TAGS_LIMIT, Metadata
from formats.reader import Reader
from formats.writer import Writer

__all__ = ["COVER_LIMIT", "TAGS_LIMIT", "Chunk", "Coder", "Header", "Metadata", "Reader", "Writer"]
