"""Saved parameters: a JSON file with a closed schema, written whole or not at all.

The file holds values and text, nothing that runs by being read. Code of trainable
methods is text in it like any other. When it is called it is foreign: it runs as the
sandbox's policy says, unless it is the method's own text in the program. The log
(``opto.trace``) says which code came with a file, by its SHA-256.

The schema, version 1::

    {"format": "opto.parameters", "version": 1, "parameters": [
        {"path": ["agent", "prompt"],   attribute names, list positions, map keys
         "kind": "value" or "code",     code is always text
         "value": ...,                  see `opto.trace.encoding`
         "trainable": true,
         "description": text or null}]}
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opto._plugs import plug
from opto.errors import SandboxError, StoreError, nearest
from opto.trace.containers import ParameterContainer, Place, members, places
from opto.trace.encoding import decoded, encoded
from opto.trace.files import write_whole
from opto.trace.nodes import ParameterNode
from opto.trace.saving.pickles import old_parameters
from opto.trace.written import mark

if TYPE_CHECKING:
    from os import PathLike

__all__ = ["FORMAT", "VERSION", "Saved", "load", "save"]

FORMAT = "opto.parameters"
VERSION = 1

_KEYS = {"path", "kind", "value", "trainable", "description"}
_KINDS = ("value", "code")


@dataclass(frozen=True, slots=True)
class Saved:
    """One parameter as a file holds it.

    Args:
        path: the way to it, from the saved container.
        code: whether it is the code of a trainable method.
        value: what it held.
        trainable: whether an optimizer may change it.
        description: what the user said about it.
    """

    path: tuple[str, ...]
    code: bool
    value: Any
    trainable: bool = True
    description: str | None = None


def save(container: ParameterContainer, file_name: str | PathLike[str]) -> None:
    """Write all parameters of `container` to a JSON file, whole or not at all.

    Args:
        container: a module, `Seq`, `Map` or other container.
        file_name: where to; missing directories are made.

    Raises:
        StoreError: a value has no exact JSON form; the message names the parameter.

    Example:
        >>> import tempfile, os
        >>> from opto.trace.containers import Map
        >>> from opto.trace.nodes import node
        >>> with tempfile.TemporaryDirectory() as room:
        ...     file = os.path.join(room, "new", "prompts.json")
        ...     save(Map({"hi": node("Hello", trainable=True)}), file)
        ...     prompts = Map({"hi": node("", trainable=True)})
        ...     load(prompts, file)
        >>> prompts["hi"].data
        'Hello'
    """
    entries = [_entry(place) for place in places(container)]
    seen: set[tuple[str, ...]] = set()
    for entry in entries:
        path = tuple(entry["path"])
        if path in seen:
            raise StoreError(f"two parameters are called {_dotted(path)}; rename a key of the Map")
        seen.add(path)
    write_whole(file_name, _text(entries))


def load(
    container: ParameterContainer,
    file_name: str | PathLike[str],
    *,
    allow_pickle: bool = False,
) -> None:
    """Set the parameters of `container` to what a file holds, all of them or none.

    Every parameter of the container must be in the file. A parameter in the file for
    which the container (or an object in it) has no attribute of that name becomes a new
    attribute; one that would stand in the place of something else is refused.

    Args:
        container: what to set.
        file_name: a file that `save` wrote.
        allow_pickle: read a file of the original's in this process (see
            `opto.trace.saving.pickles`), and not in the sandbox.

    Raises:
        StoreError: the file is damaged or does not fit; the message lists what is missing
            and what is too much.
        OSError: the file cannot be opened.
    """
    raw = Path(file_name).read_bytes()
    own = list(places(container))
    if _is_pickle(raw):
        found = _from_pickle(raw, container, own, str(file_name), allow_pickle)
    else:
        found = _from_json(raw, str(file_name))
    fresh = _fitted(container, own, found, str(file_name))
    strange = [_loaded(place, found[place.path]) for place in own]
    _tell(str(file_name), [words for words in strange if words])
    for owner, saved in fresh:
        new: ParameterNode[Any] = ParameterNode(
            saved.value,
            name=saved.path[-1],
            trainable=saved.trainable,
            description=saved.description,
        )
        setattr(owner, saved.path[-1], new)


def _loaded(place: Place, saved: Saved) -> str:
    """Set a parameter; what is to be said of it, if that is code which was not here before."""
    parameter, text = place.parameter, place.parameter._data
    parameter._set(saved.value)
    # An old file may hold anything as code; calling it will say what is wrong.
    if not place.code or not isinstance(saved.value, str):
        return ""
    mark(parameter)
    # lazy: 2 ms of import, and only code has a hash
    from hashlib import sha256

    digest = sha256(saved.value.encode("utf-8", "surrogatepass")).hexdigest()
    return "" if saved.value == text else f"{_dotted(place.path)} (sha256 {digest})"


def _tell(file: str, strange: list[str]) -> None:
    """Say which code a file has brought, so that nobody runs it unknowing."""
    if strange:
        # lazy: only those who load code need it
        from logging import getLogger

        getLogger("opto.trace").warning(
            "%s holds code that was not here before: %s. It runs as the sandbox's policy says",
            *(file, ", ".join(strange)),
        )


def _text(entries: list[dict[str, Any]]) -> str:
    """JSON with a line for each thing that can differ, so that files compare well."""

    def words(thing: Any) -> str:
        return json.dumps(thing, ensure_ascii=False, allow_nan=False)

    blocks = [
        ",\n".join(f"   {words(key)}: {words(value)}" for key, value in entry.items())
        for entry in entries
    ]
    inside = "".join(f"\n  {{\n{block}\n  }}," for block in blocks).removesuffix(",")
    head = f' "format": {words(FORMAT)},\n "version": {VERSION},\n "parameters": ['
    return f"{{\n{head}{inside}\n ]\n}}\n"


def _entry(place: Place) -> dict[str, Any]:
    parameter, where = place.parameter, _dotted(place.path)
    if place.code and not isinstance(parameter._data, str):
        raise StoreError(
            f"{where} ({parameter.name}) is the code of a method and must be text, not "
            f"{type(parameter._data).__name__}"
        )
    return {
        "path": list(place.path),
        "kind": _KINDS[place.code],
        "value": encoded(parameter._data, f"{where} ({parameter.name})"),
        "trainable": bool(parameter.trainable),
        "description": None if place.code else parameter.description,
    }


def _dotted(path: tuple[str, ...]) -> str:
    return ".".join(path)


def _is_pickle(raw: bytes) -> bool:
    # Protocols from 2 on begin with 0x80, which no JSON in UTF-8 does; every pickle ends in a dot.
    return raw[:1] == b"\x80" or (raw[:1] in b"(}cd]" and raw[-1:] == b".")


def _from_pickle(
    raw: bytes, container: ParameterContainer, own: list[Place], file: str, allowed: bool
) -> dict[tuple[str, ...], Saved]:
    code = {place.path for place in own if place.code}
    names = frozenset(_class_names(container))
    old: Mapping[tuple[str, ...], tuple[Any, bool]]
    if allowed:
        read = old_parameters(raw, names)
        old = {path: (parameter.value, parameter.trainable) for path, parameter in read.items()}
    else:
        try:
            old = plug("sandbox.pickled")(raw, names)
        except (StoreError, SandboxError) as cause:
            raise StoreError(
                f"{file} is a pickle file, as the original trace-opt wrote it. A pickle is a "
                f"program, so it was read in the sandbox, and: {cause}. If the file is yours, "
                f"load({file!r}, allow_pickle=True) reads it here, and save() writes it as JSON"
            ) from cause
    return {path: Saved(path, path in code, *found) for path, found in old.items()}


def _class_names(container: ParameterContainer) -> set[str]:
    """Full names of the classes of all containers within, as a pickle calls them."""
    names: set[str] = set()
    opened: set[int] = set()
    todo: list[Any] = [container]
    while todo:
        item = todo.pop()
        if isinstance(item, ParameterContainer) and id(item) not in opened:
            opened.add(id(item))
            names.add(f"{type(item).__module__}.{type(item).__qualname__}")
            todo.extend(item.parameters_dict().values())
    return names


def _from_json(raw: bytes, file: str) -> dict[tuple[str, ...], Saved]:
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError) as cause:
        raise StoreError(f"{file} is not a JSON file: {cause}") from cause
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise StoreError(f"{file} holds no saved parameters; its format is not {FORMAT!r}")
    if content.get("version") != VERSION:
        raise StoreError(
            f"{file} is of version {content.get('version')!r} of the format; this library reads "
            f"version {VERSION}: use the release that wrote it, or a newer one"
        )
    entries = content.get("parameters")
    if set(content) != {"format", "version", "parameters"} or not isinstance(entries, list):
        raise StoreError(f"{file} is damaged: its parts are {sorted(content)}")
    found: dict[tuple[str, ...], Saved] = {}
    for saved in (_saved(entry, file) for entry in entries):
        if saved.path in found:
            raise StoreError(f"{file} is damaged: {_dotted(saved.path)!r} is in it twice")
        found[saved.path] = saved
    return found


def _saved(entry: Any, file: str) -> Saved:
    if not isinstance(entry, Mapping) or set(entry) != _KEYS:
        raise StoreError(f"{file} is damaged: an entry has not the keys {sorted(_KEYS)}")
    path, kind, words = entry["path"], entry["kind"], entry["description"]
    fits = (
        isinstance(path, list)
        and all(isinstance(part, str) for part in path)
        and kind in _KINDS
        and isinstance(entry["trainable"], bool)
        and (words is None or isinstance(words, str))
        and (kind == "value" or isinstance(entry["value"], str))
    )
    if not fits:
        raise StoreError(f"{file} is damaged: the entry {path!r} of kind {kind!r} is malformed")
    value = decoded(entry["value"], _dotted(tuple(path)))
    return Saved(tuple(path), kind == "code", value, entry["trainable"], words)


def _fitted(
    container: ParameterContainer,
    own: list[Place],
    found: Mapping[tuple[str, ...], Saved],
    file: str,
) -> list[tuple[ParameterContainer, Saved]]:
    """New attributes to make, once it is sure that everything has its place."""
    present = {place.path: place for place in own}
    surplus = {_dotted(path): saved for path, saved in found.items() if path not in present}
    missing = [_dotted(path) for path in present if path not in found]
    if missing:
        words = ", ".join(f"{name!r}{nearest(name, surplus)}" for name in missing)
        raise StoreError(f"{file} has no value for {words}")
    for path, place in present.items():
        if place.code != found[path].code:
            raise StoreError(
                f"{_dotted(path)} is {_article(place.code)} here and "
                f"{_article(found[path].code)} in {file}"
            )
    fresh, refused = [], []
    for name, saved in surplus.items():
        owner = _owner(container, saved)
        if owner is None:
            refused.append(name)
        else:
            fresh.append((owner, saved))
    if refused:
        raise StoreError(
            f"{file} also holds {', '.join(map(repr, refused))}, for which there is no place in "
            f"{type(container).__name__}; give the object what was saved, or save anew"
        )
    return fresh


def _article(code: bool) -> str:
    return "the code of a method" if code else "a plain parameter"


def _owner(container: ParameterContainer, saved: Saved) -> ParameterContainer | None:
    """The object that can take `saved` as a new attribute."""
    *way, name = saved.path or ("",)
    owner: Any = container
    for step in way:
        owner = next((item for key, item, _ in owner._entries() if key == step), None)
        if not isinstance(owner, ParameterContainer):
            return None
    plain = name.isidentifier() and not (name.startswith("__") and name.endswith("__"))
    keyed = type(owner)._entries is not ParameterContainer._entries
    return owner if plain and not keyed and not saved.code and name not in members(owner) else None
