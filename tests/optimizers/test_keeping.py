import pytest

from opto.errors import StoreError
from opto.optimizers.keeping import read_json, write_json


def test_what_is_written_is_read(tmp_path):
    file = tmp_path / "state.json"
    write_json(file, {"kind": "k/1", "a": ["é", 1]})
    assert read_json(file, "k/1") == {"kind": "k/1", "a": ["é", 1]}
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_a_failed_write_leaves_the_old_file(tmp_path):
    file = tmp_path / "state.json"
    write_json(file, {"kind": "k/1"})
    with pytest.raises(TypeError):
        write_json(file, {"kind": object()})
    assert read_json(file, "k/1") == {"kind": "k/1"}


@pytest.mark.parametrize("text", ["", "{", "[1]", "{}", '{"kind": "other"}', "\x80"])
def test_another_file_is_refused(tmp_path, text):
    file = tmp_path / "state.json"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(StoreError, match=r"state\.json"):
        read_json(file, "k/1")
