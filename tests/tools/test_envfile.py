import stat
from pathlib import Path

from tools.stack import envfile


class TestEnvFile:
    def test_is_for_its_owner_only(self, tmp_path: Path) -> None:
        envfile.merge(tmp_path / "env", {"COUPONRY_API_KEY": "cpk_x"})

        assert stat.S_IMODE((tmp_path / "env").stat().st_mode) == 0o600

    def test_keeps_what_others_put_there(self, tmp_path: Path) -> None:
        path = tmp_path / "env"
        envfile.merge(path, {"COUPONRY_API_KEY": "cpk_x", "COUPONRY_URL": "old"})

        envfile.merge(path, {"COUPONRY_URL": "http://127.0.0.1:9100/app?a=b"})

        assert envfile.read(path) == {
            "COUPONRY_API_KEY": "cpk_x",
            "COUPONRY_URL": "http://127.0.0.1:9100/app?a=b",
        }

    def test_that_does_not_exist_is_empty(self, tmp_path: Path) -> None:
        assert envfile.read(tmp_path / "env") == {}
