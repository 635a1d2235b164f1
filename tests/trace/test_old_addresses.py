"""Every address and private name that programs written for the original use (SPEC 1.1, 1.2)."""

from __future__ import annotations

import inspect
import subprocess
import sys
from importlib import import_module

import pytest

from opto import trace
from opto.trace import bundle, node
from opto.trace import operators as ops

ADDRESSES = {
    "opto.trace": """node stop_tracing GRAPH Node bundle ExecutionError Module NodeContainer model
        apply_op propagators operators Model projections utils""",
    "opto.trace.nodes": """node Node AbstractNode ParameterNode MessageNode ExceptionNode Graph
        GRAPH USED_NODES NAME_SCOPES IDENTITY_OPERATORS get_op_name NodeVizStyleGuide
        NodeVizStyleGuideColorful""",
    "opto.trace.bundle": """bundle FunModule trace_nodes to_data wrap_node detach_inputs
        update_local ExecutionError TraceMissingInputsError ExceptionNode
        ALLOW_EXTERNAL_DEPENDENCIES disable_external_dependencies_check""",
    "opto.trace.errors": "ExecutionError TraceMissingInputsError",
    "opto.trace.modules": "model Module Model",
    "opto.trace.containers": "NodeContainer ParameterContainer Seq Map trainable_method",
    "opto.trace.iterators": "iterate SeqIterable DictIterable",
    "opto.trace.broadcast": "recursive_conversion apply_op",
    "opto.trace.propagators": "Propagator GraphPropagator TraceGraph",
    "opto.trace.propagators.propagators": "AbstractPropagator AbstractFeedback SumPropagator",
    "opto.trace.propagators.graph_propagator": "GraphPropagator TraceGraph",
    "opto.trace.projections": "Projection BlackCodeFormatter DocstringProjection",
    "opto.trace.utils": """sum_feedback contain parse_eqs_to_dict for_all_methods render_opt_step
        escape_json_nested_quotes remove_non_ascii dedent""",
}

SAME = [
    ("opto.trace:node", "opto.trace.nodes:node"),
    ("opto.trace:Node", "opto.trace.nodes:Node"),
    ("opto.trace:GRAPH", "opto.trace.nodes:GRAPH"),
    ("opto.trace:bundle", "opto.trace.bundle:bundle"),
    ("opto.trace:Module", "opto.trace.modules:Module"),
    ("opto.trace:model", "opto.trace.modules:model"),
    ("opto.trace:NodeContainer", "opto.trace.containers:NodeContainer"),
    ("opto.trace:apply_op", "opto.trace.broadcast:apply_op"),
    ("opto.trace:ExecutionError", "opto.trace.errors:ExecutionError"),
    ("opto.trace:ExecutionError", "opto.trace.bundle:ExecutionError"),
    ("opto.trace.nodes:ExceptionNode", "opto.trace.bundle:ExceptionNode"),
]

SIGNATURES = {
    "opto.trace:node": "data name trainable description constraint projections",
    "opto.trace.bundle:bundle": """description traceable_code _process_inputs trainable
        catch_execution_error allow_external_dependencies overwrite_python_recursion projections
        output_name""",
    "opto.trace:model": "cls",
    "opto.trace:apply_op": "op output args kwargs",
    "opto.trace:stop_tracing": "",
}


def found(address: str):
    module, _, name = address.partition(":")
    return getattr(import_module(module), name)


@pytest.mark.parametrize(
    ("module", "name"), [(m, n) for m, names in ADDRESSES.items() for n in names.split()]
)
def test_address(module: str, name: str):
    assert hasattr(import_module(module), name)


@pytest.mark.parametrize(("one", "two"), SAME)
def test_two_addresses_are_one_object(one: str, two: str):
    assert found(one) is found(two)


@pytest.mark.parametrize(("address", "names"), SIGNATURES.items())
def test_signature(address: str, names: str):
    given = [p for p in inspect.signature(found(address)).parameters if not p.startswith("unknown")]
    assert given[: len(names.split())] == names.split()


def test_the_face_of_the_package():
    assert set(ADDRESSES["opto.trace"].split()) - {"operators"} <= set(trace.__all__)
    for name in trace.__all__:
        assert hasattr(trace, name)


@pytest.mark.parametrize(
    ("kind", "keywords"),
    [
        (
            "Node",
            {"name": "x", "trainable": False, "description": "d", "info": {}},
        ),
        ("ParameterNode", {"name": "x", "trainable": True, "description": "d", "constraint": "c"}),
        ("ParameterNode", {"projections": [], "info": None}),
        ("MessageNode", {"inputs": [], "description": "[f] d", "constraint": None, "name": "m"}),
        ("ExceptionNode", {"inputs": {}, "description": None, "constraint": None, "info": {}}),
    ],
)
def test_constructors_take_the_arguments_of_both_versions(kind: str, keywords: dict):
    value = ValueError("v") if kind == "ExceptionNode" else 1
    assert found(f"opto.trace.nodes:{kind}")(value, **keywords).data in (1, "(ValueError) v")


def test_backward_takes_its_arguments_in_the_old_order():
    x = node(1, trainable=True)
    y = x + 1
    assert y.backward("f", None, True, False, True, False, 100) is None
    assert list(inspect.signature(y.backward).parameters) == [
        "feedback",
        "propagator",
        "retain_graph",
        "visualize",
        "simple_visualization",
        "reverse_plot",
        "print_limit",
    ]


def test_private_names_of_nodes():
    x = node(1, trainable=True, description="d", constraint="c")
    y = x + 2
    x._data = 5
    assert (x._data, x.data) == (5, 5)
    assert [n is x for n in y._inputs.values()] == [True, False]
    assert x._feedback == {}
    y.backward("f")
    assert list(x._feedback) == [y]
    assert x._description == "[ParameterNode] d"
    assert x._constraint == "c"
    assert y._description.startswith("[add]")


def test_used_nodes_is_the_stack_of_reads():
    from opto.trace.bundle import trace_nodes
    from opto.trace.nodes import USED_NODES

    x = node(1)
    assert len(USED_NODES) == 0
    with trace_nodes() as used:
        assert len(USED_NODES) == 1
        assert x.data == 1
        assert x in USED_NODES[-1]
    assert len(USED_NODES) == 0
    assert x in used


def test_info_and_parameter_of_functions():
    @bundle(trainable=True)
    def f(v):
        """Words."""
        return v

    for key in ("fun", "fun_name", "doc", "signature", "source", "line_number", "file"):
        assert f.info[key] is not None
    assert f.parameter.data == f.info["source"]
    assert f(1).info["fun_name"]
    assert bundle()(len).parameter is None


def test_helpers_of_utils():
    utils = import_module("opto.trace.utils")
    one, two = node(1), node(1)
    assert utils.contain([one], one)
    assert not utils.contain([one], two)
    assert utils.parse_eqs_to_dict("x=1\ny=2") == {"x": "1", "y": "2"}
    assert utils.remove_non_ascii("naïve") == "nave"
    assert utils.dedent("  a\n    b") == "a\nb"


def test_for_all_methods_decorates_what_is_no_dunder():
    utils = import_module("opto.trace.utils")

    def twice(fun):
        return lambda *args: fun(*args) * 2

    @utils.for_all_methods(twice)
    class Thing:
        def __len__(self) -> int:
            return 3

        def value(self):
            return 4

    assert Thing().value() == 8
    assert len(Thing()) == 3


def in_a_new_process(code: str) -> str:
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stderr == ""
    return run.stdout


HEAVY = ["litellm", "openai", "graphviz", "black", "numpy", "asyncio", "trace"]


def test_a21_b05_importing_loads_nothing_heavy_and_prints_nothing():
    code = f"import sys, opto.trace; print([m for m in {HEAVY!r} if m in sys.modules])"
    assert in_a_new_process(code) == "[]\n"


@pytest.mark.parametrize("module", sorted(ADDRESSES))
def test_each_module_can_be_imported_first(module: str):
    assert in_a_new_process(f"import {module}; print('fine')") == "fine\n"


def test_operators_are_an_attribute_of_the_package():
    assert trace.operators is ops
