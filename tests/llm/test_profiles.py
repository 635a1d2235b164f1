from __future__ import annotations

import pytest

from opto.errors import PlugError
from opto.llm.profiles import BUILT_IN, Profile, Profiles


def test_one_program_does_not_see_the_profiles_of_another():
    mine, yours = Profiles(), Profiles()
    mine.add("steady", Profile("OpenAI"))
    assert mine.find("steady") == Profile("OpenAI")
    assert yours.names() == list(BUILT_IN)


def test_an_unknown_profile_is_refused_with_what_to_do():
    with pytest.raises(PlugError, match=r"LLMFactory.register_profile\('mine', backend, ...\)"):
        Profiles().find("mine")
