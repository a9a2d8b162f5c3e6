"""`python -m aez` is the command."""

from codec.cli.entry import main

main()
