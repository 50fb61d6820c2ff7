"""``make bench``: the measurements, as ratios to floors of the same run."""

import contextlib
import io

import click

from bench import imports, operations, redemptions
from bench.setup import bench


@click.command()
@click.option("--count", default=300, help="Redemptions each way.")
@click.option("--rounds", default=11, help="Imports each way.")
def main(count: int, rounds: int) -> None:
    """Measure a redemption, the cost of each operation, and the import of the application."""
    imported = imports.compare(rounds=rounds)
    with bench() as running, contextlib.redirect_stdout(io.StringIO()):
        compared = redemptions.compare(running, count=count)
        taken = operations.measure(running)

    floor, ours = compared.floor, compared.ours
    click.echo("A redemption through the function, against the bare transaction of its three items")
    click.echo(f"  CPU   {ours.cpu_ms:6.2f} ms / {floor.cpu_ms:.2f} ms = {compared.cpu_ratio:.2f}")
    click.echo(
        f"  wall  {ours.wall_ms:6.2f} ms / {floor.wall_ms:.2f} ms = {compared.wall_ratio:.2f}"
    )
    click.echo("\nOf the table, by operation           round trips   read units   write units")
    for one in taken:
        click.echo(
            f"  {one.operation:32} {one.round_trips:13} {one.read_units:12} {one.write_units:13}"
        )
    click.echo("\nImporting the application, against botocore with its client (CPU)")
    click.echo(
        f"  {imported.app_ms:.0f} ms / {imported.floor_ms:.0f} ms = {imported.ratio:.2f}; "
        f"not needed by a redemption: {', '.join(imported.needless) or 'nothing'}"
    )


if __name__ == "__main__":
    main()
