"""Audio files and arrays as blocks of float32, for reading and writing: libsndfile, ffmpeg, resampling, tags."""
