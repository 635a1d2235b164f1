from __future__ import annotations

from benchmarks.sections import put, table


def test_a_section_is_written_anew_and_the_others_stay(tmp_path):
    page = tmp_path / "page.md"
    put("One", "first\n", page)
    put("Two", "second", page)
    before = page.read_text()
    put("One", "other\n\n### below it\n", page)
    after = page.read_text()
    assert after == before.replace("first", "other\n\n### below it")
    assert after.index("## One") < after.index("## Two")
    put("One", "first", page)
    assert page.read_text() == before


def test_a_table_is_straight():
    lines = table(["a", "long one"], [["wide cell", 1], ["", 22]]).splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[2] == "| wide cell | 1        |"
