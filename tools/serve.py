"""``make serve``: the app under gunicorn, on the tables of the running local stack."""

import os
import sys

import click

from tools.stack import envfile, ministack
from tools.stack.settings import from_environment

_DEFAULT_PORT = 9180


@click.command()
@click.option("--port", default=int(os.environ.get("COUPONRY_WSGI_PORT") or _DEFAULT_PORT))
@click.option("--workers", default=2, show_default=True, help="Processes.")
@click.option("--threads", default=8, show_default=True, help="Requests at once per process.")
def main(port: int, workers: int, threads: int) -> None:
    """Serve the app on 127.0.0.1 until interrupted; tables and schedules stay in the stack."""
    settings = from_environment()
    if ministack.running_pid(settings) is None:
        raise click.ClickException("The local stack does not run: make up")
    environment = os.environ | envfile.read(settings.env_file)
    environment |= {"STAGE": "serve", "BUILD": "serve"}
    command = [sys.executable, "-m", "gunicorn", "--worker-class", "gthread"]
    command += ["--workers", str(workers), "--threads", str(threads), "--no-control-socket"]
    command += ["--bind", f"127.0.0.1:{port}", "--reload", "tools.wsgi:app"]
    click.echo(f"http://127.0.0.1:{port}/v1/health")
    # The server takes this process's place, so that Ctrl-C and signals reach it.
    os.execve(sys.executable, command, environment)  # noqa: S606 - no shell is meant


if __name__ == "__main__":
    main(prog_name="python -m tools.serve")
