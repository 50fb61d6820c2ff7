"""Secrets in AWS Secrets Manager. The client is made on first use: a redemption has none."""

from functools import cached_property
from typing import Any

from chalicelib.core.errors import Unavailable


class ManagedSecrets:
    """Implements :class:`chalicelib.usecases.ports.Secrets`."""

    @cached_property
    def _client(self) -> Any:
        import botocore.session  # noqa: PLC0415
        from botocore.config import Config  # noqa: PLC0415

        config = Config(
            connect_timeout=1,
            read_timeout=5,
            retries={"mode": "standard", "total_max_attempts": 3},
            user_agent="couponry",
        )
        return botocore.session.get_session().create_client("secretsmanager", config=config)

    def read(self, name: str) -> str | None:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        try:
            answer = self._client.get_secret_value(SecretId=name)
        except ClientError as error:
            # A secret that was made and never filled has no value either.
            if error.response.get("Error", {}).get("Code") == "ResourceNotFoundException":
                return None
            raise _unavailable() from error
        except BotoCoreError as error:
            raise _unavailable() from error
        value: str | None = answer.get("SecretString")
        return value or None


def _unavailable() -> Unavailable:
    return Unavailable(
        "the secrets are out of reach", fix="try again in a moment", facts={"retry_after": 1}
    )
