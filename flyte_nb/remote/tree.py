"""A run as a picture that can be kept: for papers, slides, a page without a kernel."""

from __future__ import annotations

import html
from pathlib import Path

from .._aio import AwaitedAsItself
from .._view.drawing import MAX_CHILDREN, MAX_ROWS, drawing_svg
from .._view.picture import picture_html, picture_text
from .._view.tree import Tree

_PNG_SCALE = 2


class RunTree(AwaitedAsItself):
    """The tree of a run as it was when it was asked for, with what ran when.

    Shown as the last line of a cell; prints as text.

    Examples
    --------
    >>> run.tree().save("run.svg")
    >>> run.tree().save("run.png", max_rows=20)
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def to_svg(self, *, dark: bool = False, max_rows: int = MAX_ROWS, max_children: int = MAX_CHILDREN) -> str:
        """A drawing as SVG text: the tree on the left, a bar for what ran when on the right.

        Parameters
        ----------
        dark : bool
            Light text on a dark ground.
        max_rows : int
            Rows in all, near the root before far from it; what is left out is counted.
        max_children : int
            Rows below one parent.

        Raises
        ------
        ValueError
            If there would be no row.
        """
        if max_rows < 1 or max_children < 1:
            raise ValueError(f"A drawing has one row or more; got max_rows={max_rows}, max_children={max_children}.")
        return drawing_svg(self._tree, dark=dark, max_rows=max_rows, max_children=max_children)

    def to_html(self) -> str:
        """The picture that a saved notebook holds: HTML without script, with branches that open."""
        return picture_html(self._tree)

    def to_png(self, *, dark: bool = False, max_rows: int = MAX_ROWS, max_children: int = MAX_CHILDREN) -> bytes:
        """The drawing as a PNG, two pixels a point; for the arguments see `to_svg`.

        Raises
        ------
        ModuleNotFoundError
            Without the extra ``pictures``.
        """
        svg = self.to_svg(dark=dark, max_rows=max_rows, max_children=max_children)
        try:
            import vl_convert
        except ImportError as error:
            raise ModuleNotFoundError(
                'Drawing a PNG needs the package vl_convert, which is not installed: pip install "flyte-nb[pictures]". '
                "SVG and HTML need nothing.",
                name="vl_convert",
            ) from error
        return bytes(vl_convert.svg_to_png(svg, scale=_PNG_SCALE))

    def save(
        self,
        path: str | Path,
        *,
        dark: bool = False,
        max_rows: int = MAX_ROWS,
        max_children: int = MAX_CHILDREN,
    ) -> Path:
        """Write the picture to a file; its ending says how.

        Parameters
        ----------
        path : str or Path
            Ends in ``.svg``, ``.png`` or ``.html``.
        dark, max_rows, max_children
            See `to_svg`; without effect on HTML.

        Returns
        -------
        Path

        Raises
        ------
        ValueError
            For another ending.
        ModuleNotFoundError
            For a PNG, without the extra ``pictures``.
        """
        target = Path(path)
        match target.suffix.lower():
            case ".svg":
                content = self.to_svg(dark=dark, max_rows=max_rows, max_children=max_children).encode()
            case ".png":
                content = self.to_png(dark=dark, max_rows=max_rows, max_children=max_children)
            case ".html":
                title = f"<!doctype html><meta charset=utf-8><title>{html.escape(self._tree.view.name)}</title>"
                content = (title + self.to_html()).encode()
            case other:
                raise ValueError(
                    f"A picture is saved as .svg, .png or .html; got {other or 'no ending'!r} in {path!s}."
                )
        target.write_bytes(content)
        return target

    def _repr_html_(self) -> str:
        return self.to_html()

    def __repr__(self) -> str:
        return picture_text(self._tree)
