"""Where the `aez` command starts: it imports the rest without collecting garbage meanwhile, of which there is none."""

import gc


def main() -> None:
    """Run the command line and leave with its exit code."""
    gc.disable()  # a twentieth of the time of `aez info`; `Commands.get_command` enables it again
    from codec.cli.main import main

    main()
