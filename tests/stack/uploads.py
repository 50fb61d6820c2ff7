"""Files to import, with what must come of them, and how a client uploads one."""

import io
import random
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4


@dataclass(frozen=True, kw_only=True, slots=True)
class Upload:
    """One code a line: 1 % are there twice, 0.1 % are no codes, some lines are Windows-1252."""

    prefix: str
    rows: int
    refused: dict[int, tuple[str, str]] = field(default_factory=dict)
    """By line: the value as it is shown, and why it is refused."""

    def lines(self) -> Iterator[bytes]:
        """Yield the lines, the same each time, and fill in ``refused``."""
        chance = random.Random(self.rows)
        for line in range(1, self.rows + 1):
            place = chance.random()
            if place < 0.001:
                value = f"{self.prefix}!{line}"
                self.refused[line] = value, "bad_code"
                yield f"{value}\n".encode()
            elif place < 0.002:
                value = f"Café-{line}"
                self.refused[line] = value, "bad_code"
                yield f"{value}\n".encode("cp1252")
            elif place < 0.012 and line > 1:
                # A code of an earlier line, typed in another way, as far as that line had one.
                earlier = chance.randrange(1, line)
                value = self.code(earlier).lower() if earlier not in self.refused else ""
                if not value:
                    yield f"{self.code(line)}\n".encode()
                    continue
                self.refused[line] = value, "duplicate_code"
                yield f"{value}\r\n".encode()
            else:
                yield f"{self.code(line)}\n".encode()

    def code(self, line: int) -> str:
        return f"{self.prefix}-{line:08}"

    def content(self) -> bytes:
        return b"".join(self.lines())

    @property
    def duplicates(self) -> int:
        return sum(reason == "duplicate_code" for _, reason in self.refused.values())

    @property
    def created(self) -> int:
        return self.rows - len(self.refused)

    def refused_file(self) -> str:
        """Return the file of refused rows, as it must be to the letter."""
        rows = (f"{line},{value},{why}\r\n" for line, (value, why) in sorted(self.refused.items()))
        return "line,value,reason\r\n" + "".join(rows)


def send(form: dict[str, Any], content: bytes) -> int:
    """Upload ``content`` as a browser does; return the status of the answer."""
    boundary = uuid4().hex
    body = io.BytesIO()
    for name, value in form["fields"].items():
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
        body.write(f"{head}{value}\r\n".encode())
    body.write(
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="codes.csv"\r\n'
        "Content-Type: text/csv\r\n\r\n".encode()
    )
    body.write(content)
    body.write(f"\r\n--{boundary}--\r\n".encode())
    request = urllib.request.Request(
        form["url"],
        data=body.getvalue(),
        headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return int(answer.status)


def download(url: str) -> str:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return str(answer.read().decode())
