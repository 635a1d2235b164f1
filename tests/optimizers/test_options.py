import pytest

from opto.errors import ArgumentError
from opto.optimizers.options import is_overridden, refuse_unknown, renamed


def step(self, verbose=False, *args, drafts=1, **unknown):
    local = [verbose, drafts]
    local.extend(args)
    return local


def test_an_unknown_argument_is_refused_with_the_nearest_known():
    with pytest.raises(ArgumentError, match="'verbos'; did you mean 'verbose'"):
        refuse_unknown("step()", step, (), {"verbos": 1})
    with pytest.raises(ArgumentError, match="'draft'; did you mean 'drafts'"):
        refuse_unknown("step()", step, (), {"draft": 1})


def test_a_positional_argument_too_many_is_refused():
    with pytest.raises(ArgumentError, match=r"got 7; name it: it takes verbose, drafts$"):
        refuse_unknown("step()", step, (7,), {})


def test_nothing_unknown_is_fine():
    refuse_unknown("step()", step, (), {})


def test_names_are_replaced_without_touching_the_defaults():
    """SPEC 11.C8: the original changed the class for everyone."""
    defaults = {"a": 1, "b": 2}
    assert renamed("keys", defaults, {"a": 3}) == {"a": 3, "b": 2}
    assert renamed("keys", defaults, None) == defaults == {"a": 1, "b": 2}
    with pytest.raises(ArgumentError, match="keys got an unknown"):
        renamed("keys", defaults, {"c": 1})


def test_overriding_is_seen_on_the_class_and_on_the_instance():
    class Base:
        def hook(self): ...

    class Own(Base):
        def hook(self): ...

    patched = Base()
    patched.hook = lambda: None
    assert not is_overridden(Base(), Base, "hook")
    assert is_overridden(Own(), Base, "hook")
    assert is_overridden(patched, Base, "hook")
