"""The form of an answer: how a model is asked for it, and how it is read.

Shapes and pure functions: this room knows no model, no prompt and no parameter.
"""

from opto.formats.either import read_answer
from opto.formats.field import Field, schema_of
from opto.formats.guard import guarded
from opto.formats.json import JSONFormat
from opto.formats.parsed import Format, Parsed
from opto.formats.tags import NO_END, TagFormat
from opto.formats.thoughts import plainly_marked
from opto.formats.visible import on_one_line, visible

__all__ = [
    "NO_END",
    "Field",
    "Format",
    "JSONFormat",
    "Parsed",
    "TagFormat",
    "guarded",
    "on_one_line",
    "plainly_marked",
    "read_answer",
    "schema_of",
    "visible",
]
