"""Files on their way to and from S3, by the addresses that the API has signed."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import urllib3

from tools.cli import progress
from tools.cli.failures import Failed, OutOfReach

_TIMEOUT = urllib3.Timeout(connect=5, read=60)
_ATTEMPTS = 4
_BLOCK_BYTES = 256 * 1024

Sleep = Callable[[float], None]


class _Broken(Exception):
    """It did not arrive, and may when it is sent again."""


def upload(form: dict[str, Any], path: Path, *, sleep: Sleep) -> None:
    """Send a file, again if it must be: it takes the place of the one before.

    Raises:
        Failed: it is too large, empty or otherwise not wanted.
        OutOfReach: it does not arrive.
    """
    size = path.stat().st_size
    if size > form["size_max"]:
        raise Failed(f"{path} has {size:,} bytes; {form['size_max']:,} are taken at once.")
    if size == 0:
        raise Failed(f"{path} is empty.")
    _again(lambda: _upload(form, path, size), sleep=sleep)


def download(url: str, path: Path, *, sleep: Sleep) -> None:
    """Fetch a file; ``path`` is whole or not there.

    Raises:
        Failed: it is gone.
        OutOfReach: it does not arrive.
    """
    _again(lambda: _download(url, path), sleep=sleep)


def _again(attempt: Callable[[], None], *, sleep: Sleep) -> None:
    for number in range(1, _ATTEMPTS + 1):
        try:
            attempt()
        except (_Broken, urllib3.exceptions.HTTPError) as error:
            if number == _ATTEMPTS:
                raise OutOfReach(f"The file store failed {number} times: {_of(error)}") from error
            sleep(2.0 ** (number - 1))
        else:
            return


def _of(error: Exception) -> str:
    # urllib3 says the address, which lets whoever has it read the file.
    return str(error) if isinstance(error, _Broken) else type(error).__name__


def _upload(form: dict[str, Any], path: Path, size: int) -> None:
    boundary = uuid4().hex
    head = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in form["fields"].items()
    )
    head += (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="codes.csv"\r\n'
        "Content-Type: text/csv\r\n\r\n"
    )
    before, after = head.encode(), f"\r\n--{boundary}--\r\n".encode()

    def body(reach: progress.Reach) -> Iterator[bytes]:
        yield before
        done = 0
        with path.open("rb") as file:
            while done < size and (block := file.read(min(_BLOCK_BYTES, size - done))):
                done += len(block)
                reach(done, size, f"{done:,} bytes")
                yield block
        if done < size:
            raise Failed(f"{path} became shorter while it was sent.")
        yield after

    headers = {
        "Content-Type": f"multipart/form-data; boundary={boundary}",
        "Content-Length": str(len(before) + size + len(after)),
    }
    with _pool() as pool, progress.bar("Upload") as reach:
        answer = pool.request("POST", form["url"], body=body(reach), headers=headers)
        _check(answer)


def _download(url: str, path: Path) -> None:
    with (
        _pool() as pool,
        progress.bar("Download") as reach,
        contextlib.closing(pool.request("GET", url, preload_content=False)) as answer,
        # Beside its place, so that taking it is one step; for its owner only, as codes are money.
        tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as part,
    ):
        try:
            _check(answer)
            total = answer.headers.get("Content-Length")
            done = 0
            for block in answer.stream(_BLOCK_BYTES):
                done += len(block)
                reach(done, int(total) if total else None, f"{done:,} bytes")
                part.write(block)
            part.close()
            Path(part.name).replace(path)
        except BaseException:
            Path(part.name).unlink(missing_ok=True)
            raise


def _check(answer: urllib3.BaseHTTPResponse) -> None:
    if answer.status >= 500 or answer.status == 429:  # noqa: PLR2004
        raise _Broken(f"it answers {answer.status}")
    if answer.status >= 300:  # noqa: PLR2004
        raise Failed(f"The file store refused it: {answer.status} {answer.data[:200]!r}")


@contextlib.contextmanager
def _pool() -> Iterator[urllib3.PoolManager]:
    # Another one than that of the API: its key is not for the file store.
    pool = urllib3.PoolManager(timeout=_TIMEOUT, retries=False)
    try:
        yield pool
    finally:
        pool.clear()
