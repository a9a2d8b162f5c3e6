"""Where the `aez` command begins. Ctrl-C ends it quietly also while its modules are loaded, before `codec.cli.main`."""

import signal


def main() -> None:
    """Run the command line; until it is loaded, Ctrl-C does what the system does where nobody handles it."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not ignored, as by a shell's &
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from codec.cli.main import main as run

    run()
