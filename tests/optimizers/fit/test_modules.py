"""Calls of modules as single steps: which steps are in them, and what stays."""

from __future__ import annotations

import threading
from time import process_time

import pytest

from opto.errors import ExecutionError
from opto.optimizers.fit.modules import Nest
from opto.optimizers.summary import summary_of as from_graph
from opto.trace import Module, bundle, model, node
from opto.trace.graph import Graph
from tests.optimizers.fit.programs import (
    grade,
    join,
    optimizer_of,
    parameter,
    step,
)


class Reader(Module):
    """Reads a page,
    as a prompt says."""

    def __init__(self, words="read"):
        self.prompt = node(words, name="prompt", trainable=True)
        self.seen = None

    def forward(self, page, times=4):
        y = step(page, self.prompt)
        for at in range(times):
            y = step(grade(y), node(at, name="round"))
        return y


class Library(Module):
    def __init__(self):
        self.first, self.second = Reader("first"), Reader("second")

    def forward(self, x):
        """Reads twice."""
        return grade(self.second(grade(self.first(x))))


def summary_of(*outputs, parameters):
    for output in outputs:
        output.backward("wrong", retain_graph=True)
    return optimizer_of(parameters).summarize()


def summary_with(graph):
    """All of a run, also what no parameter has a part in."""
    summary = from_graph(graph)
    summary.inputs = summary.roots
    return summary


def lines_of(summary):
    return [line for _, line in sorted(summary.graph, key=lambda pair: pair[0])]


def collapsed(*outputs, parameters, depth=1):
    summary = summary_of(*outputs, parameters=parameters)
    return Nest.of(summary).collapsed(depth)


def test_a_call_reads_like_an_operation():
    reader, page = Reader(), node("a page", name="given")
    output = reader(page)
    part, note = collapsed(output, parameters=[reader.prompt])
    assert lines_of(part) == [
        f"{output.py_name} = Reader.forward(page={page.py_name}, prompt={reader.prompt.py_name})"
    ]
    assert note == (
        "... Collapsed: 9 steps in 1 call of modules, of which each is one step here: "
        "Reader.forward"
    )
    assert part.documentation == {
        "Reader.forward": "[Reader.forward] A call of a module, collapsed into one step. "
        "Reads a page, as a prompt says."
    }
    # The rounds were made in the call: they are a part of it, as constants in its code are.
    assert [*part.inputs] == [page.py_name]
    assert [*part.output] == [output.py_name]
    assert part.others == {}


def test_arguments_have_the_names_that_forward_gives_them():
    class Pair(Module):
        def forward(self, one, /, two, *more, three):
            return join(grade(one), grade(two), grade(three), *map(grade, more))

    p, pair = parameter(name="p"), Pair()
    a, b, c, d = (node(i, name="given") for i in range(4))
    output = pair(a, b, c, p, three=d)
    summary = summary_with(Graph.of(output))
    (line,) = lines_of(Nest.of(summary).collapsed(1)[0])
    assert line == (
        f"{output.py_name} = Pair.forward(one={a.py_name}, two={b.py_name}, "
        f"args_2={c.py_name}, args_3={p.py_name}, three={d.py_name})"
    )


def test_calls_within_calls_are_collapsed_before_those_around_them():
    library = Library()
    output = library(node(1, name="given"))
    summary = summary_of(output, parameters=library.parameters())
    nest = Nest.of(summary)
    assert nest.depths() == [2, 1]
    inner, outer = (lines_of(nest.collapsed(depth)[0]) for depth in nest.depths())
    operations = [line.partition(" = ")[2].partition("(")[0] for line in inner]
    assert operations == ["Reader.forward", "grade", "Reader.forward", "grade"]
    assert len(outer) == 1
    for p in library.parameters():
        assert f"={p.py_name}" in outer[0]
    assert nest.collapsed(1)[0].documentation["Library.forward"].endswith(" Reads twice.")


def test_a_result_that_is_handed_on_is_of_the_inner_call_first():
    class Around(Module):
        def __init__(self):
            self.reader = Reader()

        def forward(self, x):
            return self.reader(grade(step(x, self.reader.prompt)))

    around = Around()
    given_ = node(1, name="given")
    output = around(given_)
    nest = Nest.of(summary_of(output, parameters=around.parameters()))
    inner, outer = (lines_of(nest.collapsed(depth)[0]) for depth in nest.depths())
    assert len(inner) == 3
    assert inner[-1].startswith(f"{output.py_name} = Reader.forward(page=grade")
    prompt = around.reader.prompt.py_name
    assert outer == [f"{output.py_name} = Around.forward(x={given_.py_name}, prompt={prompt})"]


def test_what_is_used_outside_stays_a_step_with_what_it_was_made_of():
    class Leaky(Module):
        def forward(self, x):
            self.seen = grade(grade(x))
            return grade(grade(self.seen))

    p, leaky = parameter(name="p"), Leaky()
    result = leaky(p)
    output = join(result, leaky.seen)
    part, note = collapsed(output, parameters=[p])
    names = [line.partition(" = ")[0] for line in lines_of(part)]
    assert leaky.seen.py_name in names
    assert len(names) == 4
    assert f"{result.py_name} = Leaky.forward(grade={leaky.seen.py_name})" in lines_of(part)
    assert "2 steps in 1 call" in note


def test_each_result_of_several_is_a_step():
    class Cell(Module):
        def forward(self, x):
            common = grade(x)
            return step(grade(common), 1), {"no": "node"}, step(grade(common), 2)

    p, cell = parameter(name="p"), Cell()
    one, _, other = cell(p)
    part, _ = collapsed(join(one, other), parameters=[p])
    operations = [line.partition(" = ")[2].partition("(")[0] for line in lines_of(part)]
    assert sorted(operations) == ["Cell.forward", "Cell.forward", "grade", "join"]


def test_what_feedback_was_said_about_stays():
    class Judged(Module):
        def forward(self, x):
            self.seen = grade(grade(x))
            return grade(grade(self.seen))

    p, judged = parameter(name="p"), Judged()
    output = judged(p)
    part, _ = collapsed(output, judged.seen, parameters=[p])
    assert {*part.output} == {output.py_name, judged.seen.py_name}
    assert judged.seen.py_name in [line.partition(" = ")[0] for line in lines_of(part)]


@bundle(catch_execution_error=True)
def careful(x):
    """Fails."""
    raise ValueError("no")


def test_a_failure_is_not_hidden_in_a_call():
    class Trying(Module):
        def forward(self, x):
            try:
                return careful(grade(x))
            except ExecutionError as error:
                return grade(join(error.exception_node, x))

    p, trying = parameter(name="p"), Trying()
    part, _ = collapsed(grade(trying(p)), parameters=[p])
    assert any(" = careful(" in line for line in lines_of(part))
    assert any(" = Trying.forward(" in line for line in lines_of(part))


def test_a_call_that_fails_is_not_collapsed_and_leaves_no_trace():
    class Failing(Module):
        def forward(self, x):
            return careful(grade(grade(x)))

    p, failing = parameter(name="p"), Failing()
    with pytest.raises(ExecutionError) as caught:
        failing(p)
    failed = caught.value.exception_node
    part, note = collapsed(failed, parameters=[p])
    assert note == ""
    assert len(part.graph) == 3


def test_parameters_are_never_inside():
    class Making(Module):
        def forward(self, x):
            self.made = node("new", name="made", trainable=True)
            return grade(step(x, self.made))

    making = Making()
    output = making(node(1, name="given"))
    part, _ = collapsed(output, parameters=[making.made])
    assert f"made={making.made.py_name}" in lines_of(part)[0]


def test_what_a_call_makes_of_its_inputs_alone_is_shown():
    """No feedback goes there, so that in the run it is a given value: of it, all depends."""

    class Cleaning(Module):
        def __init__(self):
            self.prompt = node("read", name="prompt", trainable=True)

        def forward(self, page):
            return grade(step(grade(page), self.prompt))

    cleaning = Cleaning()
    output = cleaning(node("a page", name="given"))
    part, _ = collapsed(output, parameters=[cleaning.prompt])
    (line,) = lines_of(part)
    assert "(grade=grade" in line
    assert [value for value, _ in part.inputs.values()] == ["a page"]


def test_a_call_with_nothing_from_outside_keeps_what_it_was_made_of():
    class Alone(Module):
        def forward(self):
            return grade(grade(node(3, name="three")))

    part, _ = Nest.of(summary_with(Graph.of(step(Alone()(), parameter())))).collapsed(1)
    (line,) = [line for line in lines_of(part) if "Alone.forward" in line]
    assert "(three=three" in line
    assert line.rpartition("=")[2][:-1] in part.inputs


def test_what_other_threads_did_meanwhile_is_not_inside():
    p, found = parameter(name="p"), []

    class Slow(Module):
        def forward(self, x):
            y = grade(x)
            other = threading.Thread(target=lambda: found.append(grade(grade(p))))
            other.start()
            other.join()
            return grade(y)

    result = Slow()(p)
    part, note = collapsed(join(result, found[0]), parameters=[p])
    operations = [line.partition(" = ")[2].partition("(")[0] for line in lines_of(part)]
    assert sorted(operations) == ["Slow.forward", "grade", "grade", "join"]
    assert "2 steps in 1 call" in note


def test_models_and_names_that_are_no_names_are_on_one_line():
    @model
    class Greeter:
        """Greets."""

        def forward(self, x):
            return grade(grade(x))

    odd = type("odd\n#Feedback", (Greeter,), {})
    p = parameter(name="p")
    part, note = collapsed(step(odd()(Greeter()(p)), 1), parameters=[p])
    assert any(" = Greeter.forward(x=" in line for line in lines_of(part))
    assert all("\n" not in line for line in [*lines_of(part), note])


def test_what_was_there_before_the_call_is_not_its_result():
    class Through(Module):
        def forward(self, x):
            return x

    p = parameter(name="p")
    output = Through()(grade(grade(p)))
    summary = summary_of(output, parameters=[p])
    assert summary.modules == {}
    assert Nest.of(summary).depths() == []


def test_time_is_linear_in_the_calls():
    def seconds(count):
        library, y = Library(), node(1, name="given")
        while count > 0:
            y, count = library(y), count - 20
        summary = summary_of(y, parameters=library.parameters())
        start = process_time()
        nest = Nest.of(summary)
        for depth in nest.depths():
            nest.collapsed(depth)
        return process_time() - start

    best = {count: min(seconds(count) for _ in range(3)) for count in (10_000, 20_000)}
    assert best[20_000] < 3 * best[10_000] + 0.05
