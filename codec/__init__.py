"""The codec behind `import aez` (`codec.api`) and the `aez` command (`codec.cli`)."""
