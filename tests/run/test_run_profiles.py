"""What a profile may override."""

import pytest

from locolab.config import ConfigError
from locolab.run import notebooks, profiles


@pytest.fixture
def notebook(make):
    return notebooks.read(make("03_memory"))


def test_profile_and_overrides_are_injected(notebook):
    assert profiles.parameters(notebook, "smoke", {"rounds": 1}) == {"rounds": 1, "profile": "smoke"}


def test_an_unknown_parameter_is_refused_with_the_nearest(notebook):
    with pytest.raises(ConfigError, match=r"03_memory has no parameter 'round' .*; did you mean 'rounds'\?"):
        profiles.parameters(notebook, "smoke", {"round": 1})


@pytest.mark.parametrize("value", ["1", 1.0, True, None, [1]])
def test_a_value_of_another_type_is_refused(notebook, value):
    with pytest.raises(ConfigError, match="rounds should be like 2, got"):
        profiles.parameters(notebook, "smoke", {"rounds": value})


@pytest.mark.parametrize(
    ("value", "default", "fits"),
    [
        (1, 1.0, True),
        (1.0, 1, False),
        ([1, 2], [5], True),
        (["a"], [5], False),
        ([], [5], True),
        ("x", None, True),
    ],
)
def test_types_follow_the_default(value, default, fits):
    assert profiles._fits(value, default) is fits


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("smok: {}", r"profile 'smok'; did you mean 'smoke'\?"),
        ("fast: {03_memory: {rounds: 3}}", "override nothing"),
        ("smoke: {03_memory: 3}", "should map notebooks"),
        ("smoke: [", "is not YAML"),
    ],
)
def test_a_bad_profiles_file_is_refused(tmp_path, text, message):
    file = tmp_path / "profiles.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message):
        profiles.load(file)


def test_an_absent_or_empty_file_overrides_nothing(tmp_path):
    (tmp_path / "empty.yaml").write_text("# nothing\nsmoke:\n")
    for name in ("absent.yaml", "empty.yaml"):
        assert profiles.load(tmp_path / name) == {"smoke": {}, "fast": {}, "full": {}}


def test_an_unknown_notebook_is_refused(notebook, tmp_path):
    with pytest.raises(ConfigError, match=r"no notebook '03_memry'; did you mean '03_memory'\?"):
        profiles.check_names({"03_memry": {}}, {"03_memory": notebook}, tmp_path / "profiles.yaml")
