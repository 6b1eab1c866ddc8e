"""Which store: the environment, the nearest workaday.toml, or the default; relative to the folder of that file."""

from __future__ import annotations

from pathlib import Path

import pytest
from workaday import App, ConfigError, config
from workaday.client import stores


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("WORKADAY_DATABASE", raising=False)
    monkeypatch.delenv("WORKADAY_CONFIG", raising=False)
    inner = tmp_path / "src" / "shop"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    return tmp_path


def test_without_a_file_the_store_is_in_the_current_folder(here: Path) -> None:
    assert config.database_path() == here / "src" / "shop" / ".workaday" / "workaday.db"


def test_the_nearest_file_upwards_counts_and_paths_start_at_its_folder(here: Path) -> None:
    (here / "workaday.toml").write_text('app = "jobs:app"\n')
    assert config.database_path() == here / ".workaday" / "workaday.db"
    (here / "src" / "workaday.toml").write_text('database = "sqlite:///data/app.db"\n[worker]\nprocesses = 2\n')
    assert config.database_path() == here / "src" / "data" / "app.db"


def test_the_environment_wins_over_the_file_and_starts_at_its_folder(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "workaday.toml").write_text('database = "a.db"\n')
    monkeypatch.setenv("WORKADAY_DATABASE", "sqlite:///b.db")
    assert config.database_path() == here / "b.db"
    monkeypatch.setenv("WORKADAY_DATABASE", "/var/lib/b.db")
    assert config.database_path() == Path("/var/lib/b.db")


def test_an_empty_variable_counts_as_not_set_as_it_does_for_the_program(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "workaday.toml").write_text('database = "a.db"\n')
    monkeypatch.setenv("WORKADAY_DATABASE", "")
    assert config.database_path() == here / "a.db"


def test_the_app_itself_wins_over_both(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKADAY_DATABASE", "b.db")
    assert config.database_path("sqlite:////c.db") == Path("/c.db")
    assert config.database_path(here / "d.db") == here / "d.db"


def test_a_named_configuration_counts(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "etc").mkdir()
    (here / "etc" / "prod.toml").write_text('database = "prod.db"\n')
    monkeypatch.setenv("WORKADAY_CONFIG", str(here / "etc" / "prod.toml"))
    assert config.database_path() == here / "etc" / "prod.db"
    monkeypatch.setenv("WORKADAY_CONFIG", str(here / "etc" / "gone.toml"))
    with pytest.raises(ConfigError) as refused:
        config.database_path()
    assert refused.value.code == "config.not_found"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("database = ", "config.syntax"),
        ("database = 5", "config.wrong_type"),
        ('database = "postgresql://me:secret@host/db"', "config.database_unsupported"),
        ('database = "sqlite://a.db"', "config.database_unsupported"),
        ('database = ":memory:"', "config.database_unsupported"),
        ('database = "sqlite:///:memory:"', "config.database_unsupported"),
        ('database = "sqlite:///a.db?mode=ro"', "config.database_unsupported"),
        ('database = ""', "config.database_unsupported"),
        ("\udcff", "config.unreadable"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_and_no_password_is_repeated(here: Path, text: str, code: str) -> None:
    (here / "workaday.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ConfigError) as refused:
        App("shop").setup()
    assert refused.value.code == code
    assert "workaday.toml" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_store_that_nobody_named_is_made_with_a_word(here: Path, caplog: pytest.LogCaptureFixture) -> None:
    App("shop").setup()
    assert f"a new store was made at {here.resolve() / 'src' / 'shop' / '.workaday' / 'workaday.db'}" in caplog.text
    caplog.clear()
    stores.close(config.database_path())
    App("shop").setup()
    assert caplog.text == "", "it is there already"
    stores.close(config.database_path())
    (here / "workaday.toml").write_text('app = "jobs:app"\n')
    config.forget()
    App("shop").setup()
    assert caplog.text == "", "somebody said where"
    stores.close(config.database_path())
