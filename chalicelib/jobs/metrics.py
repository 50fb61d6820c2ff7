"""What a job reports: one log line that CloudWatch turns into metrics."""

import json
from collections.abc import Mapping

from chalicelib import wiring


def report(
    job: str, values: Mapping[str, tuple[int, str]], services: wiring.Services, **facts: object
) -> None:
    """Print ``values`` (each with its unit) as metrics of ``job``, ``facts`` beside them.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    metrics = [{"Name": name, "Unit": unit} for name, (_, unit) in values.items()]
    line = {
        "_aws": {
            # The time of measuring: a run as of another time is not a measurement of that time.
            "Timestamp": int(services.now().timestamp() * 1000),
            "CloudWatchMetrics": [
                {"Namespace": "Couponry", "Dimensions": [["Job"]], "Metrics": metrics}
            ],
        },
        "event": "job",
        "Job": job,
        **{name: value for name, (value, _) in values.items()},
        **facts,
        "read_units": services.capacity.reads,
        "write_units": services.capacity.writes,
        "round_trips": services.capacity.round_trips,
    }
    print(json.dumps(line))  # noqa: T201
