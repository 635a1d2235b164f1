from __future__ import annotations

from opto.llm.local.progress import bar


def test_a_bar_takes_every_length_and_leaves_standard_output_alone(capsys) -> None:
    with bar("weights", 100) as tell:
        for done in (0, 50, 100, 30):
            tell(done)
    assert capsys.readouterr().out == ""
