"""How large the races are: what continuous integration has time for, or what ``make proof`` asks.

Read on collection, so that a size shows in the names of tests.
"""

import os

CLIENTS = int(os.environ.get("COUPONRY_RACE_CLIENTS") or 16)
COUPONS = int(os.environ.get("COUPONRY_RACE_COUPONS") or 40)
DROP_SHARE = 0.2
TRIES = int(os.environ.get("COUPONRY_STRANGER_TRIES") or 300)
"""Codes that a stranger tries."""
OUTBOX_CHANGES = int(os.environ.get("COUPONRY_OUTBOX_CHANGES") or 60)
OUTBOX_KILLS = int(os.environ.get("COUPONRY_OUTBOX_KILLS") or 10)
"""How often what publishes and what delivers is killed while so much changes."""
