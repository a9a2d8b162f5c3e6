"""`python -m aez` is the command."""

from codec.cli.main import main

main()
