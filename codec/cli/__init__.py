"""The subcommands of `aez`, one module each; what is heavy is imported inside the command that needs it."""
