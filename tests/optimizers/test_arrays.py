import subprocess
import sys

import numpy as np
import pytest

from opto.errors import AnswerError
from opto.optimizers.convert import convert


@pytest.mark.parametrize(
    ("like", "value", "result"),
    [
        (np.array([0.0, 0.0]), [1, 2], np.array([1.0, 2.0])),
        (np.array([0, 0]), "[1, 2]", np.array([1, 2])),
        (np.array([0, 0]), [1.0, 2.0], np.array([1, 2])),
        (np.zeros((2, 1), np.float32), [[0.1], [2]], np.array([[0.1], [2]], np.float32)),
        (np.array([True, False]), [0, 1], np.array([False, True])),
        (np.array(["a", "b"]), ["longer", "c"], np.array(["longer", "c"])),
        (np.array(1.5), 2, np.array(2.0)),
        (np.array([1 + 1j]), [2], np.array([2 + 0j])),
    ],
)
def test_shape_and_kind_stay(like, value, result):
    """SPEC 11.C12: the original made an uninitialised array of that *shape*."""
    made = convert(value, like)
    assert made.shape == like.shape
    assert made.dtype.kind == like.dtype.kind
    assert np.array_equal(made, result)


@pytest.mark.parametrize(
    ("like", "value", "why"),
    [
        (np.array([0, 0]), [1, 2, 3], r"shape must be \(2,\), not \(3,\)"),
        (np.array([0, 0]), [[1, 2]], "shape"),
        (np.array([[0, 0]]), [[1], [2, 3]], "rows differ|shape"),
        (np.array([0, 0]), [1.5, 2], "without loss"),
        (np.array([0, 0], np.int8), [1, 300], "without loss"),
        (np.array([0.0]), ["x"], "numbers"),
        (np.array([0.0]), [None], "numbers"),
        (np.array([0.0]), [1e400], "finite"),
        (np.array([0.0]), "x", "list of numbers"),
        (np.array([0.0]), {"a": 1}, "list of numbers"),
        (np.array(["a"]), [1], "numbers of dtype"),
    ],
)
def test_what_does_not_fit_is_refused(like, value, why):
    with pytest.raises(AnswerError, match=why):
        convert(value, like)


def test_arrays_of_objects_take_objects_of_their_shape():
    like = np.array(["a", 1], dtype=object)
    assert list(convert(["b", 2], like)) == ["b", 2]
    with pytest.raises(AnswerError, match="shape"):
        convert(["b"] * 3, like)


def test_numpy_is_not_imported_for_other_values():
    program = (
        "import sys; from opto.optimizers.convert import convert; convert('5', 3); "
        "sys.exit('numpy' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    ("like", "said", "meant"),
    [
        (np.zeros(2), "[1. 2.]", [1, 2]),
        (np.zeros(2), "[ 1.  -2.]", [1, -2]),
        (np.zeros((2, 2)), "[[1. 2.]\n [3. 4.]]", [[1, 2], [3, 4]]),
        (np.zeros(2), "array([1.5, 2.])", [1.5, 2]),
        (np.zeros(2, np.int8), "np.array([1, 2], dtype=int8)", [1, 2]),
        (np.zeros(2), ["1", "2.5"], [1, 2.5]),
        (np.zeros(2), "[1e-3 2e5]", [0.001, 2e5]),
        (np.array(3.0), "4", 4),
    ],
)
def test_numbers_in_texts_and_as_numpy_prints_them(like, said, meant):
    made = convert(said, like)
    assert made.dtype == like.dtype
    assert np.array_equal(made, meant)


@pytest.mark.parametrize("said", ["[1. 2. 3.]", "[1 -]", "array(1, 2", "[1. ... 2.]", "one two"])
def test_what_numpy_would_not_print_so_is_refused(said):
    with pytest.raises(AnswerError):
        convert(said, np.zeros(2))
