"""A run as a static picture: HTML without script, small enough to be kept in a notebook, and as plain text.

It reads on GitHub and nbviewer: folders are `details` elements, colours are inline, with others for pages that say they
are dark, and every phase has a sign and a word besides its colour.
"""

from __future__ import annotations

from datetime import datetime

from ..models.events import PromptAsked
from ..models.phases import ActionPhase
from .actions import frames_of
from .looks import LOOKS, RED, duration_text
from .markup import DARK_STYLE, PICTURE, colored, end_of_text, html_text
from .picture_rows import MAX_LABEL_BYTES, PictureRows, counts_text
from .prompts import answer_command
from .tree import Tree
from .wire import NodePhase

MAX_BYTES = 62_000
MAX_TRACEBACK_BYTES = 12_000
MAX_MESSAGE_BYTES = 3_000
MAX_LOG_BYTES = 3_000
MAX_PROMPT_BYTES = 1_500
MAX_QUESTIONS = 4

_RESUMABLE = frozenset({ActionPhase.FAILED, ActionPhase.TIMED_OUT, ActionPhase.ABORTED})

_BOX = "margin:6px 0;padding:4px 8px;border-left:3px solid {color};background:#8881"
_PRE = "margin:4px 0;padding:6px 8px;max-height:24em;overflow:auto;background:#8881;font-size:12px;line-height:1.4"


def picture_html(tree: Tree, last_lines: str = "", drawn_at: float | None = None) -> str:
    """The run as HTML: a header, a bar, open questions, the tree with failures first, and why it failed.

    Parameters
    ----------
    tree : Tree
    last_lines : str
        The end of the log of the action that failed first.
    drawn_at : float, optional
        When the run was so, which stands in the picture of one that goes on.
    """
    above = f"{_header(tree, drawn_at)}{_bar(tree)}{_questions(tree)}"
    below = _failure(tree, last_lines)
    rows = PictureRows(tree, MAX_BYTES - len(above.encode()) - len(below.encode()) - len(DARK_STYLE))
    return (
        f'<div class="{PICTURE}" style="font-family:system-ui,sans-serif;font-size:13px;line-height:1.5;'
        f'max-width:60em">{DARK_STYLE}'
        f"{above}{rows.html()}{below}{_hint(tree, rows.left_out)}</div>"
    )


def picture_text(tree: Tree) -> str:
    """The run on a few lines of plain text."""
    view = tree.view
    task = view.started.task if view.started is not None else ""
    lines = [
        f"Run {view.name} of {task}: {tree.look.word}{_took(tree)}{_history(tree)}",
        counts_text(tree.counts(tree.nodes.get(tree.root))),
    ]
    for asked in _open_questions(tree)[:MAX_QUESTIONS]:
        lines += [
            f"{asked.name} ({asked.data_type}): {asked.prompt[:300]}",
            f"  {answer_command(view.name, asked.name)}",
        ]
    failure = view.first_failure()
    if failure is not None and failure.error is not None:
        lines.append(f"{failure.task} {failure.name}: {failure.error.code}: {failure.error.message[:300]}")
    return "\n".join(line for line in lines if line)


def _header(tree: Tree, drawn_at: float | None) -> str:
    view = tree.view
    sign, word, color = tree.look
    task = view.started.task if view.started is not None else ""
    return (
        f"<div><b {colored(color)}>{sign} {word}</b> <b>{_text(task)}</b>"
        f" <code>{_text(view.name)}</code>"
        f'<span style="opacity:.7">{_took(tree)}{_text(_history(tree))}{_as_of(tree, drawn_at)}</span></div>'
        f'<div style="opacity:.7">{counts_text(tree.counts(tree.nodes.get(tree.root)))}</div>'
    )


def _history(tree: Tree) -> str:
    view = tree.view
    rerun = f", rerun of {view.started.rerun_of}" if view.started is not None and view.started.rerun_of else ""
    if not view.resumes:
        return rerun
    times = len(view.resumes)
    how_often = "resumed once, by" if times == 1 else f"resumed {times} times, last by"
    return f"{rerun}, {how_often} {view.resumed_by}"


def _hint(tree: Tree, left_out: int) -> str:
    call = _text(f'flyte.show("{tree.view.name}")')
    rows = f"all {len(tree.nodes):,} rows, " if left_out else ""
    return (
        f'<div style="margin-top:6px;opacity:.7">Open this run: <code class="fnb-open">{call}</code>'
        f" in a cell shows {rows}details, logs and reports.{_how_to_resume(tree)}</div>"
    )


def _how_to_resume(tree: Tree) -> str:
    """What goes on with a run that has not succeeded."""
    if tree.view.phase not in _RESUMABLE:
        return ""
    call = _text(f'import flyte_nb; flyte_nb.Run.get("{tree.view.name}").resume()')
    first = "" if tree.view.phase is ActionPhase.ABORTED else ", after a mended cell was run"
    return f" Go on with it{first}: <code>{call}</code>"


def _bar(tree: Tree) -> str:
    counts = tree.counts(tree.nodes.get(tree.root))
    total = sum(counts) or 1
    parts = "".join(
        f'<span class="fnb-fill fnb-{LOOKS[phase].color.name}" style="display:inline-block;height:4px;'
        f'width:{100 * count / total:.2f}%;background:{LOOKS[phase].color.light}"></span>'
        for phase, count in zip(NodePhase, counts, strict=True)
        if count
    )
    return f'<div style="margin:4px 0 8px;font-size:0;background:#8883">{parts}</div>'


def _open_questions(tree: Tree) -> list[PromptAsked]:
    return [asked for action in tree.view.actions.values() if action.prompts for asked in action.open_questions()]


def _questions(tree: Tree) -> str:
    """What people are asked, and how they answer."""
    asked = _open_questions(tree)
    more = len(asked) - MAX_QUESTIONS
    rest = f'<div style="opacity:.7">and {more:,} more questions</div>' if more > 0 else ""
    return "".join(_question(tree, one) for one in asked[:MAX_QUESTIONS]) + rest


def _question(tree: Tree, asked: PromptAsked) -> str:
    sign, word, color = LOOKS[NodePhase.PAUSED]
    until = datetime.fromtimestamp(asked.expires_at).astimezone().strftime("%Y-%m-%d %H:%M %Z")
    return (
        f'<div style="{_BOX.format(color=color.light)}"><div><b {colored(color)}>{sign} {word}</b>'
        f' <b>{_text(asked.name)}</b> <span style="opacity:.7">({asked.data_type}), until {until}</span></div>'
        f'<div style="white-space:pre-wrap">{html_text(asked.prompt, MAX_PROMPT_BYTES)}</div>'
        f'<div style="opacity:.7">Answer in a cell: <code>{_text(_in_a_cell(tree, asked))}</code>, or in a terminal:'
        f" <code>{_text(answer_command(tree.view.name, asked.name))}</code></div></div>"
    )


def _in_a_cell(tree: Tree, asked: PromptAsked) -> str:
    name = f'"{asked.name}"' if len(asked.name.split()) > 1 else asked.name
    return f"%flyte_answer {tree.view.name} {name} VALUE"


def _failure(tree: Tree, last_lines: str) -> str:
    failed = tree.view.first_failure()
    if failed is None or failed.error is None:
        return ""
    error = failed.error
    traceback = _folded("Traceback", end_of_text(frames_of(error), MAX_TRACEBACK_BYTES))
    log = _folded(f"The last lines of its log (<code>{failed.name}</code>)", end_of_text(last_lines, MAX_LOG_BYTES))
    return (
        f'<div style="{_BOX.format(color=RED.light)}"><div><b {colored(RED)}>{_text(error.code)}</b> in'
        f' <b>{_text(failed.task)}</b>: <span style="white-space:pre-wrap">'
        f"{html_text(error.message, MAX_MESSAGE_BYTES)}</span></div>{traceback}{log}</div>"
    )


def _folded(title: str, text: str) -> str:
    if not text:
        return ""
    return f'<details><summary>{title}</summary><pre style="{_PRE}">{text}</pre></details>'


def _took(tree: Tree) -> str:
    ran_s = tree.view.ran_s
    return f" in {duration_text(ran_s)}" if ran_s is not None else ""


def _as_of(tree: Tree, at: float | None) -> str:
    if at is None or tree.view.phase.is_terminal:
        return ""
    moment = datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
    return f'<span class="fnb-as-of">, as of {moment}</span>'


def _text(text: str) -> str:
    return html_text(text, MAX_LABEL_BYTES)
