"""The package's version, which files carry as their encoder's."""

VERSION = "0.1.0"
