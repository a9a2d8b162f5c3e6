"""Codecs side by side at equal measured rate: peers, curves, comparisons, frontier, goals, plots."""
