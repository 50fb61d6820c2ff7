"""``couponry completion``: the script that a shell loads once."""

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    r"""Print what SHELL needs to complete commands; couponry must be on the PATH.

    \b
    bash:  echo 'eval "$(couponry completion bash)"' >> ~/.bashrc
    zsh:   echo 'eval "$(couponry completion zsh)"' >> ~/.zshrc
    fish:  couponry completion fish > ~/.config/fish/completions/couponry.fish
    """
    found = get_completion_class(shell)
    assert found is not None
    root = context.find_root()
    click.echo(found(root.command, {}, "couponry", "_COUPONRY_COMPLETE").source())
