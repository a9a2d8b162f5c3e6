"""`python -m aez` is the command."""

from codec.cli.start import main

main()
