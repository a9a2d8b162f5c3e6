"""Faults while writing; `python tests/faulty/run.py --help`."""
