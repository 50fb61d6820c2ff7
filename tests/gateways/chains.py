"""Chains like Apple's: making the keys takes a second, so the tests share one of each kind."""

from datetime import UTC, datetime
from functools import cache

import msgspec

from chalicelib.gateways.apple import certificates
from chalicelib.gateways.apple.certificates import Signer
from tools import apple_chain
from tools.apple_chain import Chain

# Programs that check signatures look at the clock.
TODAY = datetime.now(UTC)


@cache
def a_chain() -> Chain:
    return apple_chain.new_chain(now=TODAY)


@cache
def a_signer() -> Signer:
    return certificates.load(a_chain().material)


class HeldSecrets:
    """Secrets in memory. ``reads`` counts how often they were asked."""

    def __init__(self, **secrets: str) -> None:
        self.secrets = dict(secrets)
        self.reads = 0

    def read(self, name: str) -> str | None:
        self.reads += 1
        return self.secrets.get(name)


def a_secret() -> str:
    """Return what the secret with the certificate holds."""
    return msgspec.json.encode(a_chain().material).decode()
