"""What headers declare against what files hold: where audio lies, and whether some of it is missing."""
