import copy
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import opto.prompts
from opto.errors import ArgumentError, PlugError
from opto.optimizers.dialect import Dialect
from opto.optimizers.problem import TITLES
from opto.optimizers.words import system_words
from opto.prompts import Prompt, prompt

FILES = sorted(Path(opto.prompts.__file__).parent.glob("*.md"))


def test_braces_of_json_and_code_are_no_places():
    text = Prompt('{"a": {x0}} {0} {} {A} {name} {{name}} {other_name}', "p")
    assert text.fields == ("name", "other_name")


def test_what_is_filled_in_is_not_looked_into_again():
    """SPEC 11.C11: a value that looks like a place or a title stays what it is."""
    assert Prompt("{a}|{b}").fill(a="{b}", b="#Code {a}") == "{b}|#Code {a}"


def test_a_wrong_or_missing_name_is_said():
    with pytest.raises(ArgumentError, match="did you mean 'code'"):
        Prompt("{code}", "p").fill(cod="x")
    with pytest.raises(ArgumentError, match="'p' needs a value for b"):
        Prompt("{a} {b}", "p").fill(a="x")


def test_a_prompt_is_a_text_that_knows_its_name_and_digest():
    one = Prompt("words", "p")
    assert (one, one.name) == ("words", "p")
    assert one.digest == Prompt("words", "q").digest != Prompt("word", "p").digest
    assert re.fullmatch("[0-9a-f]{12}", one.digest)
    assert copy.deepcopy(one).name == "p"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_file_is_a_prompt(file):
    found = prompt(file.stem)
    assert found.name == file.stem
    assert found.strip() == found != ""
    assert found is prompt(file.stem)


def test_an_unknown_prompt_is_said_with_the_nearest():
    with pytest.raises(PlugError, match="did you mean 'optoprime_system'"):
        prompt("optoprime_sytem")


def test_importing_reads_no_file():
    program = (
        "import sys, opto.prompts; "
        "sys.addaudithook(lambda e, a: print(a[0]) if e == 'open' and '.md' in str(a[0]) else 0); "
        "opto.prompts.prompt('optoprime_closing')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.count(".md") == 1


# -- the worked example: SPEC 11.C14 -----------------------------------------------------------


def example():
    words = system_words(Dialect(), example=True)
    return words[words.index("An example of a problem") :]


def test_the_answer_in_the_example_is_json():
    [line] = [line for line in example().splitlines() if line.startswith("{")]
    answer = json.loads(line)
    assert list(answer) == ["reasoning", "suggestion"]
    assert answer["suggestion"] == {"count0": 5}


def test_the_example_is_true():
    """Its program is run, with the values before and after."""
    text = example()
    values = {k: int(v) for k, v in re.findall(r"^\(int\) (\w+)=(\d+)$", text, re.MULTILINE)}
    assert values["multiply0"] == values["price0"] * values["count0"]
    assert values["add0"] == values["multiply0"] + values["shipping0"]
    wanted = int(re.search(r"should be (\d+)", text)[1])
    count = json.loads(re.search(r"^\{.*\}$", text, re.MULTILINE)[0])["suggestion"]["count0"]
    assert values["price0"] * count + values["shipping0"] == wanted
    assert count <= int(re.search(r"at most (\d+)", text)[1])


def test_the_example_has_the_sections_of_a_problem_in_their_order():
    titles = [line for line in example().splitlines() if line.startswith("#")]
    assert titles == list(TITLES.values())
