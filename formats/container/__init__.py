"""The frame of an .aez file: header, tags and cover, checksummed chunks, seek index; nothing of what a payload means."""
