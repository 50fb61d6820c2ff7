"""Signed passes, checked with a program that is not ours: openssl."""

import hashlib
import io
import json
import struct
import subprocess
import time
import zipfile
import zlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from chalicelib.core.cards.templates import Design
from chalicelib.core.errors import Unavailable
from chalicelib.gateways.apple import images, passes
from chalicelib.gateways.apple.passes import ApplePasses
from tests.gateways.chains import TODAY, HeldSecrets, a_chain, a_secret, a_signer

DESIGN = Design("#1f3a5f", "#ffffff", "#c9d6e6", "ADA")
CONTENTS = {"formatVersion": 1, "serialNumber": "crd_1", "description": "Café"}
POINTS = {"icon": (29, 29), "logo": (50, 50), "strip": (375, 144)}


def a_pass() -> bytes:
    return ApplePasses(HeldSecrets(apple=a_secret()), "apple").make(CONTENTS, DESIGN, now=TODAY)


def files_of(packed: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def is_accepted(folder: Path, signature: bytes, manifest: bytes) -> bool:
    """Whether openssl takes the signature, trusting the root of the chain alone."""
    for name, data in (
        ("signature", signature),
        ("manifest.json", manifest),
        ("root.pem", a_chain().root.pem.encode()),
    ):
        (folder / name).write_bytes(data)
    command = ["openssl", "cms", "-verify", "-binary", "-purpose", "any", "-inform", "DER"]
    command += ["-in", "signature", "-content", "manifest.json", "-CAfile", "root.pem"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    assert b"Error opening" not in done.stderr
    return done.returncode == 0


class TestSignature:
    def test_is_accepted_by_openssl(self, tmp_path: Path) -> None:
        files = files_of(a_pass())

        assert is_accepted(tmp_path, files["signature"], files["manifest.json"])

    def test_of_another_byte_is_refused(self, tmp_path: Path) -> None:
        files = files_of(a_pass())
        changed = bytearray(files["manifest.json"])
        changed[20] ^= 1

        assert not is_accepted(tmp_path, files["signature"], bytes(changed))

    def test_keeps_line_feeds(self, tmp_path: Path) -> None:
        manifest = b'{\n  "pass.json": "00"\n}\n'

        assert is_accepted(tmp_path, passes.sign(manifest, a_signer()), manifest)

    def test_has_its_time_and_the_chain(self, tmp_path: Path) -> None:
        (tmp_path / "signature").write_bytes(files_of(a_pass())["signature"])
        command = ["openssl", "cms", "-cmsout", "-print", "-inform", "DER", "-in", "signature"]
        said = subprocess.run(
            command, cwd=tmp_path, capture_output=True, check=True, text=True
        ).stdout

        assert "signingTime" in said
        assert "sha256" in said
        assert "Local WWDR" in said
        assert "S/MIME Capabilities" not in said


class TestPass:
    def test_has_every_file_and_its_hash(self) -> None:
        files = files_of(a_pass())

        images_wanted = {f"{name}{scale}.png" for name in POINTS for scale in ("", "@2x", "@3x")}
        assert set(files) == {"pass.json", "manifest.json", "signature"} | images_wanted
        assert json.loads(files["manifest.json"]) == {
            name: hashlib.sha1(data).hexdigest()  # noqa: S324 # as the format asks for
            for name, data in files.items()
            if name not in {"manifest.json", "signature"}
        }
        assert json.loads(files["pass.json"]) == CONTENTS

    def test_is_small(self) -> None:
        assert len(a_pass()) < 64 * 1024

    def test_takes_little_more_than_its_signature_does(self) -> None:
        """Nothing is loaded, drawn or made anew: a signature takes about a millisecond of CPU."""
        maker = ApplePasses(HeldSecrets(apple=a_secret()), "apple")

        signing = least_cpu(lambda: passes.sign(b"{}" * 400, a_signer()))
        making = least_cpu(lambda: maker.make(CONTENTS, DESIGN, now=TODAY))

        assert making < 5 * signing


class TestCertificate:
    def test_is_read_once_and_again_when_it_may_have_changed(self) -> None:
        secrets = HeldSecrets(apple=a_secret())
        maker = ApplePasses(secrets, "apple")

        for minutes in (0, 1, 9):
            assert maker.issuer(now=TODAY + timedelta(minutes=minutes)) is not None
        assert secrets.reads == 1
        maker.issuer(now=TODAY + timedelta(minutes=11))
        assert secrets.reads == 2

    @pytest.mark.parametrize("name", ["", "nobody put one"])
    def test_may_be_missing(self, name: str) -> None:
        assert ApplePasses(HeldSecrets(), name).issuer(now=TODAY) is None

    @pytest.mark.parametrize(
        "damage",
        [lambda _: "{", lambda _: "{}", lambda secret: secret.replace("BEGIN", "BEGUN")],
        ids=["no JSON", "no certificate", "no PEM"],
    )
    def test_that_cannot_be_used_is_our_fault_not_the_phone_s(
        self, damage: Callable[[str], str]
    ) -> None:
        secrets = HeldSecrets(apple=damage(a_secret()))

        with pytest.raises(Unavailable, match="certificate"):
            ApplePasses(secrets, "apple").issuer(now=TODAY)


class TestImages:
    @pytest.mark.parametrize("scale", [1, 2, 3])
    @pytest.mark.parametrize("name", list(POINTS))
    def test_are_right_pngs_of_the_right_size(self, name: str, scale: int) -> None:
        png = images.images(DESIGN)[f"{name}{'' if scale == 1 else f'@{scale}x'}.png"]

        width, height, rows = pixels_of(png)
        assert (width, height) == tuple(scale * points for points in POINTS[name])
        assert len(rows) == height * (width + 1)

    def test_have_the_colours_of_the_template(self) -> None:
        icon = images.images(DESIGN)["icon.png"]
        palette = chunks_of(icon)[b"PLTE"]
        _, _, rows = pixels_of(icon)

        shades = [palette[3 * n : 3 * n + 3].hex() for n in rows]
        # The corner is background; the middle of the ticket is foreground.
        assert shades[1] == "1f3a5f"
        assert shades[14 * 30 + 15] == "ffffff"

    def test_of_another_template_are_others(self) -> None:
        assert images.images(DESIGN) != images.images(Design("#000000", "#ffffff"))


def least_cpu(work: Callable[[], object]) -> float:
    """Return the least of many: whatever else runs can only add to one of them."""
    spent = []
    for _ in range(30):
        begun = time.process_time()
        work()
        spent.append(time.process_time() - begun)
    return min(spent)


def chunks_of(png: bytes) -> dict[bytes, bytes]:
    """Return the chunks of a PNG, after checking that each is whole."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    found, at = {}, 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        (check,) = struct.unpack(">I", png[at + 8 + length : at + 12 + length])
        assert check == zlib.crc32(kind + data)
        found[kind] = data
        at += 12 + length
    kinds = list(found)
    assert (kinds[0], kinds[-1]) == (b"IHDR", b"IEND")
    return found


def pixels_of(png: bytes) -> tuple[int, int, bytes]:
    """Return width, height, and the rows, each behind the byte of its filter."""
    found = chunks_of(png)
    width, height, depth, colour = struct.unpack(">IIBB", found[b"IHDR"][:10])
    assert (depth, colour) == (8, 3)
    return width, height, zlib.decompress(found[b"IDAT"])
