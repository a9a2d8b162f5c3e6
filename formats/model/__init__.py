"""The integers of a bitstream: tables, and the scales, rank orders and contexts that follow from them."""
