"""Signal processing without models: transforms, stereo rotation, gain control, silence, noise filling."""
