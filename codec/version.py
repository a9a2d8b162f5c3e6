"""The package's version, which files carry as their encoder's."""

__version__ = "0.1.0"
