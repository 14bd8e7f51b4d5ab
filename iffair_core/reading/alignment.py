"""An irregular line is cut into cells by evidence: the likeliest way in view of what the columns look like."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from iffair_core.reading.likeness import Columns, NameColumns

_MOST_WORK = 200_000


class _Cell(NamedTuple):
    """One way to read the tokens from some position up to `end` as cells of consecutive columns."""

    end: int
    texts: tuple[str, ...]
    quoted: tuple[bool | None, ...]
    cost: float
    how: str
    judged: str | None = None


class Aligned(NamedTuple):
    """Cells for every column, what was done to get them, and how well they fit (0 as regular rows, negative worse)."""

    cells: list[str]
    how: tuple[tuple[str, int], ...]
    score: float


class Aligner:
    """Cuts an irregular record into `width` cells, the likeliest way in view of the columns.

    `work` counts the cells that were weighed so far, about a microsecond each.
    """

    def __init__(self, columns: Columns | NameColumns, quote: str, apart: float = 8.0) -> None:
        self.columns, self.quote, self.apart = columns, quote, apart
        self.other = "'" if quote != "'" else '"'
        self.work = 0

    def align(self, text: str, delimiters: str, *, free: bool = False, lacking: int = 0) -> Aligned | None:
        """`text` cut at any of `delimiters`; `free` where joining tokens again costs nothing, as with blanks.

        `lacking` is how many cells may be missing. None where it would take too long or cannot be.
        """
        width = self.columns.width
        count = 1 + sum(text.count(mark) for mark in set(delimiters))
        if count > 4000 or count * min(width, abs(count - width) + 8) > 20_000:
            return None
        self.work += 20 + len(text) // 10
        most_work = self.work + _MOST_WORK
        pieces = re.split(f"([{re.escape(delimiters)}])", text)
        tokens, gaps = pieces[::2], pieces[1::2]
        best: list[dict[int, tuple[float, int, int, tuple[str, ...], str]]] = [{} for _ in range(count + 1)]
        best[0][0] = (0.0, -1, -1, (), "")
        spare = count - width + lacking

        def better(
            end: int, column: int, score: float, start: int, before: int, cells: tuple[str, ...], how: str
        ) -> None:
            inside = end - spare <= column <= min(end + lacking, width)
            if inside and (column not in best[end] or score > best[end][column][0] + 1e-9):
                best[end][column] = (score, start, before, cells, how)

        for start in range(count + 1):
            here = best[start]
            if lacking:
                for column in sorted(here):
                    for further in range(column, min(width, column + lacking)):
                        if further not in here:
                            break
                        score = here[further][0] + self.columns.fit(further, "") - (1.5 if start == count else 2.5)
                        better(start, further + 1, score, start, further, ("",), "missing")
            if start == count or not here:
                continue
            if self.work > most_work:
                return None
            options = self._cells(tokens, gaps, start, free, lacking, spare + 1)
            self.work += len(options) * len(here)
            for column, state in list(here.items()):
                for cell in options:
                    score = state[0] + cell.cost
                    for step, (piece, mark) in enumerate(zip(cell.texts, cell.quoted, strict=True)):
                        if column + step >= width:
                            break
                        score += self.columns.fit(column + step, piece if cell.judged is None else cell.judged, mark)
                    else:
                        better(cell.end, column + len(cell.texts), score, start, column, cell.texts, cell.how)
        if width not in best[count]:
            return None
        cells: list[str] = []
        how: list[tuple[str, int]] = []
        end, column = count, width
        while (end, column) != (0, 0):
            _, start, before, texts, what = best[end][column]
            cells[:0] = texts
            if what:
                how.insert(0, (what, before))
            end, column = start, before
        typical = sum(map(self.columns.typical, range(width))) if width <= 200 else 0.0
        return Aligned(cells, tuple(how), best[count][width][0] - typical)

    def _cells(
        self, tokens: Sequence[str], gaps: Sequence[str], start: int, free: bool, lacking: int, most: int
    ) -> list[_Cell]:
        quote, count = self.quote, len(tokens)
        token = tokens[start]
        bare = token.lstrip(" ")
        found: list[_Cell] = []
        inside = bare.count(quote) if quote else 0
        broken = 2.5 * bare.count("\n")
        if not bare.strip():
            found.append(_Cell(start + 1, (), (), -0.05 if free else -1.5, "extra"))
        else:
            found.append(_Cell(start + 1, (), (), -14.0, "dropped"))
        if quote and bare.startswith(quote):
            found.append(_Cell(start + 1, (bare,), (None,), -3.0 - broken, "stray", bare.strip(quote)))
        else:
            found.append(_Cell(start + 1, (bare,), (False if bare else None,), -0.4 * bool(inside) - broken, ""))
        joined, ends = bare, 0
        most = min(most, count - start)
        if not free and not (quote and quote in bare):
            most = min(most, 12)
        for taken in range(1, most + 1):
            end = start + taken
            if taken > 1:
                joined += gaps[end - 2] + tokens[end - 1]
            self.work += 1 + len(joined) // 50
            tail = joined.rstrip(" ")
            if len(tail) > 1 and quote and tail[0] == quote == tail[-1]:
                inner = tail[1:-1]
                odd = len(
                    re.findall(
                        rf"(?<!{re.escape(quote)})(?:{re.escape(quote)}{{2}})*{re.escape(quote)}(?!{re.escape(quote)})",
                        inner,
                    )
                )
                cost = -2.0 * odd - 1.0 * sum(
                    len(re.findall(re.escape(gap + quote), inner)) for gap in set(gaps[start : end - 1])
                )
                if ends < 5:
                    mark = None if quote in inner or re.search(r"[,;\t|\n]", inner) else True
                    how, judged = ("quotes", inner.strip(quote)) if odd else ("", None)
                    found.append(_Cell(end, (inner.replace(quote * 2, quote),), (mark,), cost, how, judged))
                ends += 1
            elif len(tail) > 1 and tail[0] == self.other == tail[-1]:
                text = tail[1:-1].replace(self.other * 2, self.other)
                found.append(_Cell(end, (text,), (True,), -1.0, "other quotes"))
            elif taken > 1 and not (quote and bare.startswith(quote)) and (taken <= 12 or free):
                soft = sum(tokens[index].startswith(" ") for index in range(start + 1, end))
                price = 0.05 * (taken - 1) if free else 1.6 * (taken - 1 - soft) + 0.8 * soft
                if not free and (not bare.strip() or not tokens[end - 1].strip()):
                    price += 4.0
                if not free and tail[:1] in "[({" and tail[-1:] in "])}" and tail[:1]:
                    price = 0.6
                found.append(
                    _Cell(end, (joined,), (False,), -price - 2.5 * joined.count("\n"), "" if free else "joined")
                )
            if lacking and quote and quote in joined and (taken == 1 or ends < 5):
                found.extend(self._glued(end, joined.rstrip(" "), gaps))
            if ends >= 5 and not free:
                break
        if lacking:
            found.extend(self._split(start + 1, bare))
        return found

    def _glued(self, end: int, joined: str, gaps: Sequence[str]) -> Iterator[_Cell]:
        """Two cells without a delimiter between them, where quotation marks tell them apart."""
        quote = self.quote
        first, last = joined[0] == quote, joined[-1:] == quote
        places = [match.start() for match in re.finditer(re.escape(quote), joined[1:-1])]
        for place in places[:4] + places[-4:] if len(places) > 8 else places:
            at = place + 1
            if not first and last:
                parts = joined[:at], joined[at + 1 : -1]
            elif first and not last:
                parts = joined[1:at], joined[at + 1 :]
            elif first and joined[at + 1 : at + 2] == quote:
                parts = joined[1:at], joined[at + 2 : -1]
            else:
                continue
            if all(parts) and parts[0][-1] not in gaps and parts[1][0] not in gaps:
                odd = sum(part.replace(quote * 2, "").count(quote) for part in parts)
                texts = parts[0].replace(quote * 2, quote), parts[1].replace(quote * 2, quote)
                yield _Cell(end, texts, (first, last), -1.5 - 4.0 * odd, "split")

    def _split(self, end: int, bare: str) -> Iterator[_Cell]:
        """Two cells without a delimiter between them, cut where the characters change, or anywhere in a short one."""
        if not 2 <= len(bare) <= 400 or (self.quote and self.quote in bare):
            return
        classes = ["9" if c.isdigit() else "A" if c.isupper() else "a" if c.isalpha() else c for c in bare]
        for position in range(1, len(bare)):
            before, after = classes[position - 1], classes[position]
            capital = before == "A" == after and classes[position + 1 : position + 2] == ["a"]
            change = (before != after and not (before == "A" and after == "a")) or capital
            link = after == "a" and bare.startswith(("http://", "https://", "www."), position)
            if link or (change and not (before in " -./:,_'" or after in " -./:,_'")):
                cost = -2.5
            elif len(bare) <= 24:
                cost = -self.apart
            else:
                continue
            yield _Cell(end, (bare[:position], bare[position:]), (None, None), cost, "split")
