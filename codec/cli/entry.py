"""Where the `aez` command begins: what has to be set before its modules are loaded by `codec.cli.main`.

Ctrl-C ends it quietly also while they are loaded.
"""

import gc
import signal

RARELY = 50_000
"""New objects after which Python looks for garbage in cycles. aez makes few cycles; importing makes many objects."""


def main() -> None:
    """Run the command line; until it is loaded, Ctrl-C does what the system does where nobody handles it."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not ignored, as by a shell's &
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.set_threshold(RARELY)
    from codec.cli.main import main as run

    run()
