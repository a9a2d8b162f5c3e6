"""The integers that a bitstream depends on: tables, and the scales, ranks and contexts that follow from them."""

from formats.model.plain_tables import PlainTables
from formats.model.tables import Tables

AnyTables = Tables | PlainTables
"""The tables of either kind of model."""

__all__ = ["AnyTables", "PlainTables", "Tables"]
