"""`python -m codec.player FOLDER` writes the page and the player with the default model, for pages of one's own."""

import sys
from pathlib import Path

from codec import player
from codec.player.page_files import put_together
from codec.runtime.models import by_name
from formats.errors import AezError


def main(arguments: list[str]) -> int:
    """Write into the folder that is named, which must not exist; return the exit code."""
    built = player.folder()
    try:
        if len(arguments) != 1 or built is None:
            raise AezError("name a new folder" if built else "the player was not built: npm ci && npm run build")
        Path(arguments[0]).mkdir()
        put_together(built, [by_name()], Path(arguments[0]))
    except (AezError, OSError) as error:
        sys.stderr.write(f"aez: error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
