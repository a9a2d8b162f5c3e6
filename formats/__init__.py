"""The .aez file: layout, integers, errors. Needs numpy, construct, zstandard and constriction, and no audio."""
