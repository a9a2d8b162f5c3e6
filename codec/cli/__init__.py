"""The subcommands of `aez`, one module each; heavy modules are imported inside the command that needs them."""
