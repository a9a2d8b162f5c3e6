"""Fuzzing of the reader, of payloads and of the whole decode; `python tests/fuzz/run.py --help`."""
