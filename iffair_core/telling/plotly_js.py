"""plotly.js as a report carries it: without what no figure of ours draws, and packed, so that reports stay small."""

from __future__ import annotations

import base64
import re
import zlib
from functools import cache

from plotly.offline import get_plotlyjs

_MODULE = re.compile(r'(=[\w$]+\(\([\w$]+,([\w$]+)\)=>\{)"use strict";')
_NEXT = re.compile(r"\}\);var [\w$]+=[\w$]+\(\(")
_UNUSED = (re.compile(r"[\w$]+\.exports='"), re.compile(r"\(\(\)=>\{.{0,80}alpha_shape:"))
"""How modules begin that only maps and three-dimensional traces read: the text of a worker, and WebGL scenes."""


def without_unused(script: str) -> str:
    """plotly.js with the bodies of `_UNUSED` modules left out.

    Others look up names in them when they load: each finds a function that has every name and does nothing.
    A release that is built otherwise has no such modules; it is returned as it is.
    """
    parts, taken = [], 0
    for module in _MODULE.finditer(script):
        if module.end() < taken or not any(begin.match(script, module.end()) for begin in _UNUSED):
            continue
        end = _NEXT.search(script, module.end())
        if end is not None:
            name = module[2]
            parts += [script[taken : module.end(1)], f"{name}.exports=new Proxy(()=>{{}},{{get:()=>{name}.exports}})"]
            taken = end.start()
    return "".join([*parts, script[taken:]])


@cache
def packed_plotly() -> str:
    """`without_unused` plotly.js, compressed (zlib) and in base64: a browser's DecompressionStream reads "deflate"."""
    return base64.b64encode(zlib.compress(without_unused(get_plotlyjs()).encode(), 9)).decode("ascii")
