"""The old address holds what the new one does."""

from __future__ import annotations

import opto.llm
import opto.utils.llm


def test_the_old_names_are_the_new_ones():
    for name in opto.utils.llm.__all__:
        assert getattr(opto.utils.llm, name) is getattr(opto.llm, name)


def test_a_program_of_the_original_runs():
    from opto.utils.llm import DummyLLM

    llm = DummyLLM(lambda *args, **kwargs: "yes")
    response = llm(messages=[{"role": "user", "content": "?"}], max_tokens=4)
    assert response.choices[0].message.content == "yes"
