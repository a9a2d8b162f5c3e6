"""Audio files and arrays to blocks of float32 and back: libsndfile, ffmpeg, resampling, tags."""
