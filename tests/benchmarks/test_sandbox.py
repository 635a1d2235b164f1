from __future__ import annotations

from benchmarks import page, sandbox
from benchmarks.sections import put


def said(small=1.0, late=10.0):
    levels = {"none": [0.1], "process": [small, small, 90.0], "isolated": [small]}
    others = {"late": {"process": [late], "isolated": [late]}}
    return sandbox.Found({"small": levels}, others, {"none": 1.0, "process": 1.9})


def test_a_limit_is_missed_by_the_median_of_a_level():
    assert sandbox.missed(said()) == []
    assert sandbox.missed(said(small=6.0)) == [
        f"call with a small argument: 6.0 ms at level {level}, of 5"
        for level in ("process", "isolated")
    ]
    assert len(sandbox.missed(said(late=101.0))) == 2


def test_the_table_has_a_row_for_each_figure():
    lines = sandbox.shown(said()).splitlines()
    assert len(lines) == 2 + 3
    assert "1.90x" in lines[-1]
    assert "1.00 (1.00)" in lines[2]


def test_all_ways_run_the_same_function():
    assert sandbox.executed(sandbox.SMALL, 1) == sandbox.alone(sandbox.SMALL, 1) == 2


def test_the_other_parts_of_the_page_keep_the_section(tmp_path, monkeypatch):
    file = tmp_path / "performance.md"
    file.write_text("# Performance\n\nold\n\n## Asking\n\nold too\n")
    monkeypatch.setattr(page, "PAGE", file)
    put(page.SANDBOX.removeprefix("## "), "measured\n", file)
    page.put(asking="## Asking\n\nnew")
    page.put(tracing="# Performance\n\nnewer")
    assert file.read_text() == (
        "# Performance\n\nnewer\n\n## Asking\n\nnew\n\n## Foreign code in the sandbox\n\nmeasured\n"
    )
