"""The gateway to S3, against the bucket of the deployed stack."""

import urllib.error
from typing import Any

import pytest

from chalicelib.gateways.files import PART_BYTES, S3Files
from chalicelib.usecases.ports import FileChanged, FileGone
from tests.builders import unique
from tests.stack import uploads
from tests.stack.deployment import Deployment
from tools.stack import up

pytestmark = pytest.mark.xdist_group("stack")


@pytest.fixture
def files(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> S3Files:
    for name, value in up.environment(deployment.settings, deployment.outputs).items():
        monkeypatch.setenv(name, value)
    return S3Files(deployment.outputs["FilesBucket"])


@pytest.fixture
def key() -> str:
    return f"tests/{unique('file')}.csv"


def upload(files: S3Files, key: str, content: bytes, **options: Any) -> int:
    form = files.upload_form(key, **({"size_max": 1000, "seconds": 60} | options))
    return uploads.send({"url": form.url, "fields": form.fields}, content)


class TestUpload:
    def test_arrives_as_it_was_sent(self, files: S3Files, key: str) -> None:
        content = bytes(range(256))

        assert upload(files, key, content) in {200, 201, 204}

        found = files.find(key)
        assert found is not None
        assert found.size_bytes == 256
        assert files.read(key, start=0, size=1000, etag=found.etag) == content
        assert files.read(key, start=10, size=5) == content[10:15]

    def test_that_is_too_large_is_refused(self, files: S3Files, key: str) -> None:
        with pytest.raises(urllib.error.HTTPError) as caught:
            upload(files, key, b"x" * 1001)

        caught.value.close()
        assert 400 <= caught.value.code < 500
        assert files.find(key) is None

    def test_to_another_name_is_refused(self, files: S3Files, key: str) -> None:
        form = files.upload_form(key, size_max=1000, seconds=60)

        with pytest.raises(urllib.error.HTTPError) as caught:
            uploads.send({"url": form.url, "fields": {**form.fields, "key": "elsewhere"}}, b"x")

        caught.value.close()
        assert caught.value.code == 403


class TestRead:
    def test_of_what_is_not_there_says_so(self, files: S3Files, key: str) -> None:
        assert files.find(key) is None
        with pytest.raises(FileGone):
            files.read(key, start=0, size=1)

    def test_of_what_has_changed_says_so(self, files: S3Files, key: str) -> None:
        files.write(key, [b"one"])
        found = files.find(key)
        assert found is not None
        files.write(key, [b"two"])

        with pytest.raises(FileChanged):
            files.read(key, start=0, size=1, etag=found.etag)


class TestWrite:
    @pytest.mark.parametrize(
        "sizes",
        [
            pytest.param([], id="nothing"),
            pytest.param([10, 20], id="at once"),
            pytest.param([PART_BYTES, 1], id="in two parts"),
            pytest.param([PART_BYTES - 1] * 4 + [7], id="in several parts"),
        ],
    )
    def test_is_whole_and_can_be_downloaded(
        self, files: S3Files, key: str, sizes: list[int]
    ) -> None:
        files.write(key, (bytes([65 + at]) * size for at, size in enumerate(sizes)))

        found = files.find(key)
        assert found is not None
        assert found.size_bytes == sum(sizes)
        text = uploads.download(files.link(key, name="a.csv", seconds=60))
        assert text == "".join(chr(65 + at) * size for at, size in enumerate(sizes))
