"""Files in a bucket of S3. The client is made on first use: a redemption has no use for it."""

import contextlib
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, Final

from chalicelib.core.errors import Unavailable
from chalicelib.usecases.ports import FileChanged, FileGone, StoredFile, UploadForm

# S3 takes no smaller ones, but for the last. Two of them are the most that is held.
PART_BYTES: Final = 8 * 1024 * 1024
_MISSING = frozenset({"404", "NoSuchKey", "NotFound"})
_CSV = "text/csv; charset=utf-8"


class S3Files:
    """Implements :class:`chalicelib.usecases.ports.Files` on one bucket."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket

    @cached_property
    def _client(self) -> Any:
        import botocore.session  # noqa: PLC0415
        from botocore.config import Config  # noqa: PLC0415

        config = Config(
            signature_version="s3v4",
            connect_timeout=1,
            read_timeout=8,
            retries={"mode": "standard", "total_max_attempts": 3},
            user_agent="couponry",
        )
        return botocore.session.get_session().create_client("s3", config=config)

    def upload_form(self, key: str, *, size_max: int, seconds: int) -> UploadForm:
        signed = self._client.generate_presigned_post(
            self._bucket,
            key,
            Conditions=[["content-length-range", 1, size_max]],
            ExpiresIn=seconds,
        )
        return UploadForm(signed["url"], signed["fields"])

    def link(self, key: str, *, name: str, seconds: int) -> str:
        parameters = {
            "Bucket": self._bucket,
            "Key": key,
            "ResponseContentType": _CSV,
            "ResponseContentDisposition": f'attachment; filename="{name}"',
        }
        url: str = self._client.generate_presigned_url(
            "get_object", Params=parameters, ExpiresIn=seconds
        )
        return url

    def find(self, key: str) -> StoredFile | None:
        try:
            with self._call():
                head = self._client.head_object(Bucket=self._bucket, Key=key)
        except FileGone:
            return None
        return StoredFile(head["ContentLength"], head["ETag"])

    def read(self, key: str, *, start: int, size: int, etag: str | None = None) -> bytes:
        wanted = {"IfMatch": etag} if etag is not None else {}
        with self._call():
            answer = self._client.get_object(
                Bucket=self._bucket, Key=key, Range=f"bytes={start}-{start + size - 1}", **wanted
            )
            data: bytes = answer["Body"].read()
        return data

    def write(self, key: str, chunks: Iterable[bytes]) -> None:
        parts = _parts(chunks)
        first = next(parts, b"")
        second = next(parts, None)
        if second is None:
            with self._call():
                self._client.put_object(Bucket=self._bucket, Key=key, Body=first, ContentType=_CSV)
            return
        with self._call():
            upload = self._client.create_multipart_upload(
                Bucket=self._bucket, Key=key, ContentType=_CSV
            )
        target = {"Bucket": self._bucket, "Key": key, "UploadId": upload["UploadId"]}
        done = [self._add(target, number, part) for number, part in enumerate((first, second), 1)]
        del first, second
        # What is broken off here is removed by the lifecycle rule of the bucket.
        done += [self._add(target, number, part) for number, part in enumerate(parts, 3)]
        with self._call():
            self._client.complete_multipart_upload(**target, MultipartUpload={"Parts": done})

    def _add(self, target: dict[str, str], number: int, part: bytes) -> dict[str, Any]:
        with self._call():
            answer = self._client.upload_part(**target, PartNumber=number, Body=part)
        return {"PartNumber": number, "ETag": answer["ETag"]}

    @contextlib.contextmanager
    def _call(self) -> Iterator[None]:
        from botocore.exceptions import (  # noqa: PLC0415
            BotoCoreError,
            ClientError,
        )

        try:
            yield
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            if code in _MISSING:
                raise FileGone from error
            if code in {"PreconditionFailed", "412"}:
                raise FileChanged from error
            if status >= 500 or code == "SlowDown":  # noqa: PLR2004 # HTTP's own number
                raise _unavailable() from error
            raise
        except BotoCoreError as error:
            raise _unavailable() from error


def _parts(chunks: Iterable[bytes]) -> Iterator[bytes]:
    buffer = bytearray()
    for chunk in chunks:
        buffer += chunk
        if len(buffer) >= PART_BYTES:
            yield bytes(buffer)
            buffer.clear()
    if buffer:
        yield bytes(buffer)


def _unavailable() -> Unavailable:
    return Unavailable(
        "the files are out of reach",
        fix="try again in a moment with the same Idempotency-Key",
        facts={"retry_after": 1},
    )
