"""``{{.inputs.name}}`` in the words of a command."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

_TEMPLATE = re.compile(r"\{\{\s*\.inputs\.([^\s{}]+)\s*\}\}")


def inputs_named(words: Sequence[str]) -> list[str]:
    """The inputs that templates in `words` refer to, in their order."""
    return list(dict.fromkeys(name for word in words for name in _TEMPLATE.findall(word)))


def filled(words: Iterable[str], text_of: Callable[[str], str]) -> list[str]:
    """`words` with each template replaced by the text of its input.

    One word stays one word whatever is in the text, and a template inside the text of an input stays as it is.
    """
    return [_TEMPLATE.sub(lambda found: text_of(found[1]), word) for word in words]
