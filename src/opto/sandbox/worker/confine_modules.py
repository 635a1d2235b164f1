"""Modules that are imported beforehand where no file can be opened later: no Landlock."""

from __future__ import annotations

__all__ = ["COMMON"]

_COMMON = """
abc argparse array ast asyncio base64 binascii bisect bz2 calendar cmath cmd codecs collections
collections.abc colorsys concurrent.futures concurrent.futures.thread configparser contextlib
contextvars copy copyreg csv ctypes dataclasses datetime decimal difflib dis email.message
encodings.ascii encodings.cp1252 encodings.idna encodings.latin_1 encodings.punycode
encodings.raw_unicode_escape encodings.unicode_escape encodings.utf_16 encodings.utf_16_le
encodings.utf_32 encodings.utf_8_sig enum errno fileinput fnmatch fractions functools gc getpass
gettext glob graphlib gzip hashlib heapq hmac html html.entities html.parser http
importlib.metadata importlib.resources inspect io ipaddress itertools json keyword linecache
locale logging lzma math mimetypes mmap numbers numpy numpy.fft numpy.linalg numpy.ma
numpy.polynomial numpy.random opcode operator optparse os pathlib pickle platform plistlib
pprint queue quopri random re reprlib resource sched secrets select selectors shlex shutil
signal socket sqlite3 stat statistics string stringprep struct subprocess symtable tempfile
textwrap threading time timeit token tokenize tomllib traceback types typing unicodedata
urllib.parse urllib.request uuid warnings weakref xml.dom.minidom xml.etree.ElementTree zipfile
zlib zoneinfo _strptime
"""
COMMON = tuple(_COMMON.split())
