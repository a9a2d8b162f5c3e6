"""Signal processing on arrays, without models: transform, window switching, stereo rotation, gain control, silence, noise."""
