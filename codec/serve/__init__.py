"""The web page with songs: as a folder for any web host (`site`), and from a local server (`app`)."""
