"""Tags and pictures of audio files: read from sources, chosen by the user, written into targets.

Between the kinds of files they go by the keys of Vorbis comments, as MusicBrainz Picard maps them.
"""
