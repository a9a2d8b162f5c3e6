"""`aez help`."""

from __future__ import annotations

import click


def _commands(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    assert ctx.parent is not None and isinstance(ctx.parent.command, click.Group)
    return [name for name in ctx.parent.command.list_commands(ctx) if name.startswith(incomplete)]


@click.command("help")
@click.argument("command", required=False, metavar="[COMMAND]", shell_complete=_commands)
@click.pass_context
def help(ctx: click.Context, command: str | None) -> None:
    """Print what --help prints, of aez or of one of its commands."""
    parent = ctx.parent
    assert parent is not None and isinstance(parent.command, click.Group)
    if command is None:
        click.echo(parent.get_help())
        return
    found = parent.command.get_command(parent, command)
    if found is None:
        raise click.UsageError(f"No such command {command!r}.", parent)
    with found.make_context(command, [], parent=parent, resilient_parsing=True) as context:
        click.echo(found.get_help(context))
