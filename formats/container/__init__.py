"""The container of an .aez file: header, tags and cover, checksummed chunks, seek index. Payloads are opaque bytes."""
