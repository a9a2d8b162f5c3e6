"""The version of the package, which files store as that of their encoder."""

__version__ = "0.1.0"
