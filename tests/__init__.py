"""Tests of aez, in the tree of what they test.

Arrays in tests are small, and pytest runs as many processes as there are cores: more threads would only wait for each
other. NumPy and torch read these variables when they are imported, so that they are set before anything else.
"""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
