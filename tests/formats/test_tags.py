"""SPEC 12 A.3 with our expectations, and whatever else models write."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opto.formats import Field, TagFormat

FIELDS = [Field.of("x0", 3), Field.of("s0", "text"), Field.code("__code0", "f")]
FORM = TagFormat()


def says(name, value):
    return f"<variable><name>{name}</name><value>{value}</value></variable>"


def read(text, form=FORM):
    return form.parse(text, FIELDS)


CODE = "def f(x):\n    return x < 3 and x > 1"
INDENTED = "    if x:\n        return 1"
NESTED = f"Answer as {says('n', 'v')}\n{says('m', 'w')} please"

GOLDEN = {
    "value on lines of its own": (
        "<reasoning>r</reasoning>" + says("__code0", f"\n{CODE}\n"),
        CODE,
    ),
    "indentation of the first line": (says("s0", f"\n{INDENTED}\n"), INDENTED),
    "one line": (says("s0", "  hello  "), "hello"),
    "empty": (says("s0", ""), ""),
    "tags in the reasoning": (
        f"<reasoning>as <variable><name>s0</name></reasoning>{says('s0', 'a')}",
        "a",
    ),
    "fenced to the last space": (says("s0", "\n```\n  a \n```\n"), "  a "),
    "fence with a language": (says("__code0", f"\n```python\n{CODE}\n```\n"), CODE),
    "fence inside of a value": (says("s0", "a\n```\nb\n```\nc"), "a\n```\nb\n```\nc"),
    "balanced tags inside": (says("s0", NESTED), NESTED),
    "name in backquotes": (says("`s0`", "a"), "a"),
    "elements that nobody asked for": (
        "<variable><name>s0</name><type>str</type><value>a</value><note>n</note></variable>",
        "a",
    ),
    "name after the value": ("<variable><value>a</value><name>s0</name></variable>", "a"),
    "other case": ("<Variable><NAME>s0</NAME><Value>a</Value></Variable>", "a"),
    "entities that are text": (says("s0", "a &lt; b"), "a &lt; b"),
    "entities in a literal of code": (
        says("__code0", "def f(): return '&lt;'"),
        "def f(): return '&lt;'",
    ),
    "the word of the end in a value": (says("s0", "say TERMINATE"), "say TERMINATE"),
    "end of thoughts in a value": (says("s0", "a</think>b"), "a</think>b"),
    "thoughts before": (f"<think>{says('s0', 'no')}</think>{says('s0', 'a')}", "a"),
    "thoughts whose begin is missing": (f"hm {says('s0', 'no')}</think>{says('s0', 'a')}", "a"),
    "thoughts in between": (
        f"<reasoning>r</reasoning><think>{says('x0', '9')}</think>{says('s0', 'a')}",
        "a",
    ),
    "prose around": (f"I use <variable> now: {says('s0', 'a')} Good luck!", "a"),
}


@pytest.mark.parametrize(("text", "value"), GOLDEN.values(), ids=GOLDEN)
def test_what_is_read_without_a_liberty(text, value):
    parsed = read(text)
    assert list(parsed.values.values()) == [value]
    assert (parsed.failure, dict(parsed.refused), parsed.unknown) == (None, {}, {})
    assert set(parsed.repairs) <= {"'`s0`' read as 's0'"}


REPAIRED = {
    "values before the reasoning": (
        f"{says('x0', 5)}<reasoning>r</reasoning>",
        {"x0": "5"},
        "values before the reasoning",
    ),
    "name as attribute": (
        '<variable name="x0" type="int"><value>5</value></variable>',
        {"x0": "5"},
        "the name as an attribute",
    ),
    "no tag of the value": (
        "<variable name='x0'>5</variable>",
        {"x0": "5"},
        "a value without a tag of its own",
    ),
    "reasoning without its end": (
        f"<reasoning>since x\n{says('x0', 5)}\n{says('s0', 'a')}\n",
        {"x0": "5", "s0": "a"},
        "<reasoning> without its end",
    ),
    "literal opening tag": (
        says("s0", "Use <value> here") + says("x0", 5),
        {"s0": "Use <value> here", "x0": "5"},
        "a tag inside a value",
    ),
    "literal closing tag": (
        says("s0", "Use </value> here") + says("x0", 5),
        {"s0": "Use </value> here", "x0": "5"},
        "a tag inside a value",
    ),
    "an opening tag here and its closing tag there": (
        says("s0", "a <value>") + says("x0", 5) + says("__code0", "b </value> c"),
        {"s0": "a <value>", "x0": "5", "__code0": "b </value> c"},
        "a tag inside a value",
    ),
    "literal tags of elements": (
        says("s0", "from <variable>") + says("__code0", "to </variable>"),
        {"s0": "from <variable>", "__code0": "to </variable>"},
        "a tag inside a value",
    ),
    "escaped tags": (says("s0", "&lt;value&gt;"), {"s0": "<value>"}, "escaped characters"),
    "escaped code": (
        says("__code0", "def f(x):\n    return x &lt; 3 &amp; x"),
        {"__code0": "def f(x):\n    return x < 3 & x"},
        "escaped characters",
    ),
    "CDATA": (
        says("s0", "<![CDATA[a </value></variable> b]]>"),
        {"s0": "a </value></variable> b"},
        "a CDATA section",
    ),
    "a fence round it all": (
        f"```xml\n{says('x0', 5)}\n```",
        {"x0": "5"},
        "tags inside a fence",
    ),
    "the later of two": (
        says("x0", 4) + says("x:0", 5),
        {"x0": "5"},
        "the last of several values for 'x0'",
    ),
    "no end of the last element": (
        "<variable><name>x0</name><value>5</value>",
        {"x0": "5"},
        "a missing closing tag",
    ),
    "no end of an element": (
        f"<variable><name>x0</name><value>5</value>\n{says('s0', 'a')}",
        {"x0": "5", "s0": "a"},
        "a missing closing tag",
    ),
    "no end of a value": (
        f"<variable><name>x0</name><value>5</variable>{says('s0', 'a')}",
        {"x0": "5", "s0": "a"},
        "a missing closing tag",
    ),
    "no end of either": (
        f"<variable><name>x0</name><value>5\n{says('s0', 'a')}",
        {"x0": "5", "s0": "a"},
        "a missing closing tag",
    ),
    "JSON": (
        '{"reasoning": "r", "suggestion": {"x0": 5}}',
        {"x0": 5},
        "another form than the tags that were asked for",
    ),
    "code alone": (
        f"```python\n{CODE}\n```",
        {"__code0": CODE},
        "a block of code in place of JSON",
    ),
}


@pytest.mark.parametrize(("text", "values", "repair"), REPAIRED.values(), ids=REPAIRED)
def test_liberties_have_a_name(text, values, repair):
    parsed = read(text)
    assert parsed.values == values
    assert repair in parsed.repairs
    assert (parsed.failure, dict(parsed.refused), parsed.unknown) == (None, {}, {})


UNREAD = {
    "nothing": ("", "the answer is empty"),
    "prose": ("I would set it to 5.", "the answer holds no <variable> that can be read"),
    "thoughts alone": ("<reasoning>5 is better</reasoning>", "nothing after the thoughts"),
    "cut off in the thoughts": (f"<think>{says('x0', 5)}", "cut off while thinking"),
    "a value that is talked about": (
        f"<reasoning>maybe {says('x0', 5)} but then again",
        "has no end, and no values come after it",
    ),
    "a value without a name": (
        "<variable><value>5</value></variable>",
        "no <variable> says by <name>",
    ),
    "cut off in a name": ("<variable><name>x", "cut off before any value"),
}


@pytest.mark.parametrize(("text", "why"), UNREAD.values(), ids=UNREAD)
def test_what_gives_no_value_says_why(text, why):
    parsed = read(text)
    assert why in parsed.failure
    assert (parsed.values, parsed.refused, parsed.stop) == ({}, {}, False)


REFUSED = {
    "cut off": (f"{says('x0', 5)}<variable><name>s0</name><value>half a", "cut off inside"),
    "cut off in a fence": ("<variable><name>s0</name><value>\n```\nhalf", "cut off inside"),
    "cut off before the value": ("<variable><name>s0</name>\n<val", "cut off inside"),
    "two values": (
        "<variable><name>s0</name><value>a</value><value>b</value></variable>",
        "there are two values for it",
    ),
}


@pytest.mark.parametrize(("text", "why"), REFUSED.values(), ids=REFUSED)
def test_a_value_that_is_not_certain_is_refused_alone(text, why):
    parsed = read(text)
    assert why in parsed.refused["s0"]
    assert "s0" not in parsed.values
    assert parsed.values == ({"x0": "5"} if "x0" in text else {})


def test_a_name_that_is_none_is_told():
    assert read(says("y0", 5)).unknown == {"y0": "5"}


@pytest.mark.parametrize(
    "text", ["TERMINATE", " `terminate`. ", "<reasoning>ok</reasoning>\nTERMINATE"]
)
def test_nothing_is_left_to_change_only_as_the_whole_answer(text):
    assert read(text).stop
    assert not read(text + " is what I would say, but no").stop


def test_the_thoughts_are_kept():
    assert read(f"<reasoning> why </reasoning>{says('x0', 5)}").reasoning == "why"
    assert read(f"<reasoning>because\n{says('x0', 5)}").reasoning == "because"


def test_other_tags():
    form = TagFormat(reasoning="reason", variable="var", value="data")
    text = "<reason>r</reason><var><name>x0</name><data>5</data></var>"
    assert (read(text, form).values, read(text, form).reasoning) == ({"x0": "5"}, "r")
    assert read(form.write({"s0": "</data>"}), form).values == {"s0": "</data>"}
    assert read("<reason>r</reason>").values == {}


def test_the_shape_says_types_and_choices():
    fields = [*FIELDS, Field.of("hue0", "red", choices=["red", "green"])]
    shape = FORM.shape(fields)
    assert shape.startswith(
        "<reasoning>\ntext\n</reasoning>\n<variable>\n<name>x0</name>\n<value>\n"
    )
    assert "new value of type int" in shape
    assert "one of: red | green" in shape
    assert "whole new function" in shape
    assert FORM.response_format(fields) is None


# -- any text -------------------------------------------------------------------------------

WORDS = (
    "<variable> </variable> <name> </name> <value> </value> <reasoning> </reasoning> <think> "
    "</think> x0 s0 __code0 5 ``` ````python &lt; &amp; <![CDATA[ ]]> < > TERMINATE { } <val "
    "<variable name='x0'>"
)
SPACES = ["\n", " ", "def f(): pass", "\n```\n"]
BITS = st.lists(st.sampled_from([*WORDS.split(" "), *SPACES]), max_size=30).map("".join)
TEXTS = st.text(max_size=60) | BITS


@given(TEXTS)
def test_nothing_that_a_model_writes_raises(text):
    parsed = read(text)
    assert all(isinstance(repair, str) for repair in parsed.repairs)
    assert not set(parsed.values) & set(parsed.refused)
    if parsed.values:
        assert any(name.rstrip("0") in text or "def f" in text for name in parsed.values)
    for name in parsed.values:
        if name in ("x0", "s0"):
            assert name[0] in text  # `x` for `x0` counts


@given(TEXTS, TEXTS, TEXTS)
def test_any_values_can_be_written_and_read(one, other, code):
    values = {"x0": one, "s0": other, "__code0": code}
    parsed = read(FORM.write(values, "why"))
    assert parsed.values == values
    assert parsed.reasoning == "why"
    assert (parsed.repairs, parsed.failure, dict(parsed.refused)) == ((), None, {})


@given(TEXTS, st.integers(0, 400))
def test_a_truncated_answer_gives_whole_values_only(text, end):
    answer = FORM.write({"s0": text}, "why")
    parsed = read(answer[:end])
    assert parsed.values in ({}, {"s0": text})


LONG = [
    "<variable>",
    "<variable><name>x0</name><value>",
    "<reasoning>",
    "<think>",
    "</think>",
    "<value>",
    "</value></variable>",
    "<variable name='x'>",
    "<variable><name>x0</name><value>\n```\n",
    "<variable><a>b</a>",
    "<variable ",
    "&lt;",
]


@pytest.mark.parametrize("part", LONG)
def test_a_long_answer_is_read_in_time(part):
    began = time.perf_counter()
    read(part * (100_000 // len(part)))
    assert time.perf_counter() - began < 5


def test_placeholders_do_not_look_like_tags():
    shape = FORM.shape([Field("<name of a variable>", "its new value")])
    assert "<name>name of a variable</name>\n<value>\nits new value\n</value>" in shape
