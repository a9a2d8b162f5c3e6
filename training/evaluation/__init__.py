"""Codecs compared at equal measured rate: peers, curves, comparisons, frontier, goals, plots."""
