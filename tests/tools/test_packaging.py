import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tools import bytecode, package

_TAG = sys.implementation.cache_tag


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of the functions, as it is deployed to the local stack."""
    made = package.make(stage="dev", full=False, build=tmp_path_factory.mktemp("build"))
    (archive,) = made.archives()
    return archive


class TestPackagedFunctions:
    def test_every_module_has_its_bytecode(self, archive: Path) -> None:
        names = set(zipfile.ZipFile(archive).namelist())

        modules = {name for name in names if name.endswith(".py")}
        assert "app.py" in modules
        assert {name for name in modules if _compiled(name) not in names} == set()

    def test_carry_no_files_of_tools_or_tests(self, archive: Path) -> None:
        top = {name.split("/")[0] for name in zipfile.ZipFile(archive).namelist()}

        assert top == {"__pycache__", "app.py", "chalice", "chalicelib"}

    def test_are_the_same_bytes_for_the_same_sources(self, archive: Path, tmp_path: Path) -> None:
        again = package.make(stage="dev", full=False, build=tmp_path)

        assert [each.read_bytes() for each in again.archives()] == [archive.read_bytes()]

    def test_say_which_python_they_are_compiled_for(self, tmp_path: Path) -> None:
        made = package.make(stage="prod", full=False, build=tmp_path)

        version = ".".join(map(str, sys.version_info[:2]))
        functions = [
            resource["Properties"]
            for resource in made.template["Resources"].values()
            if resource["Type"] == "AWS::Serverless::Function"
        ]
        assert {function["Runtime"] for function in functions} == {f"python{version}"}


class TestBytecode:
    def test_is_used_without_a_look_at_the_source(self, tmp_path: Path) -> None:
        archive = _zip(tmp_path / "function.zip", {"answer.py": "VALUE = 'compiled'\n"})
        bytecode.add_to(archive, cache=tmp_path / "cache")
        folder = tmp_path / "function"
        zipfile.ZipFile(archive).extractall(folder)
        # Another source: whoever compares it with the bytecode would compile it again.
        (folder / "answer.py").write_text("VALUE = 'source'\n", encoding="utf-8")

        printed = _run(folder, "import answer; print(answer.VALUE)")

        assert printed == "compiled"

    def test_names_the_source_as_the_function_sees_it(self, tmp_path: Path) -> None:
        archive = _zip(tmp_path / "function.zip", {"pkg/broken.py": "def f():\n    1 / 0\n"})
        bytecode.add_to(archive, cache=tmp_path / "cache")
        folder = tmp_path / "function"
        zipfile.ZipFile(archive).extractall(folder)

        printed = _run(folder, "from pkg import broken; print(broken.f.__code__.co_filename)")

        assert printed == str(folder / "pkg" / "broken.py")

    def test_of_a_module_that_does_not_compile_is_refused(self, tmp_path: Path) -> None:
        archive = _zip(tmp_path / "function.zip", {"wrong.py": "def\n"})

        with pytest.raises(RuntimeError, match=r"wrong\.py"):
            bytecode.add_to(archive, cache=tmp_path / "cache")


def _compiled(module: str) -> str:
    folder, _, name = module.rpartition("/")
    cache = f"__pycache__/{name.removesuffix('.py')}.{_TAG}.pyc"
    return f"{folder}/{cache}" if folder else cache


def _zip(path: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def _run(folder: Path, code: str) -> str:
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(folder)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=folder, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()
