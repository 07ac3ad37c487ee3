"""Published verification sets as their owners lay them out: folder in, list of pairs out.

==========  ===========================================================================================
name        what is looked for under the folder
==========  ===========================================================================================
lfw         ``pairs.txt`` (``10 300``; ``name i j``; ``name i name j``), pictures ``NAME/NAME_0001.jpg``
talfw       the same list; the pictures are the attacked ones
sllfw       ``pair_SLLFW.txt``: a pair is two lines ``NAME/NAME_0001.jpg``, one person where the folders are equal
calfw       ``pairs_CALFW.txt``: a pair is two lines ``picture label``, 0 is two people; then blocks, see below
cplfw       ``pairs_CPLFW.txt``, the same
cfp-fp      ``Protocol/Split/FP/01..10/{same,diff}.txt`` and ``Protocol/Pair_list_{F,P}.txt``
agedb-30    ``pairs.txt`` or ``agedb_30_ann.txt``: two pictures and 1 or 0 a line, the label first or last
mlfw        ``pairs.txt``: two pictures and 1 or 0 a line; pictures in ``aligned`` (or beside the list)
==========  ===========================================================================================

CALFW and CPLFW list all genuine pairs, then all others; fold k is the k-th tenth of each. Lists of three fields and
SLLFW are in the order of their folds. Pictures may lie in the folder itself or in one of the usual folders under it.

The ``.bin`` files in which insightface hands these sets on are Python pickles: they can run any program when they are
loaded, so they are never loaded here. Owns the lists; opens no picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from viot_agent.errors import UserFault
from viot_tools.verification.folds import fold_numbers

FOLDERS = ("", "aligned", "imgs", "images", "lfw", "lfw_align_112", "aligned images", "aligned_images", "Data/Images")
FIX_BIN = (
    "unpack it to pictures where you trust it (a sandbox without network: pickle.load, then write each of the encoded "
    "pictures to imgs/N.jpg and 'A B 1|0' lines to pairs.txt), or take the set's own release with its text list"
)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two pictures, relative to the set's folder, whether they show one person, and the fold (0, 1, ...). ``left_who``
    and ``right_who`` name the people where the list says who they are, else ''."""

    left: str
    right: str
    same: bool
    fold: int
    left_who: str = ""
    right_who: str = ""


@dataclass(frozen=True, slots=True)
class PairSet:
    """A verification set: its pairs in the order of the list, and the folder of its pictures."""

    name: str
    root: Path
    pairs: tuple[Pair, ...]

    @property
    def pictures(self) -> tuple[str, ...]:
        """Every picture once, in the order of the list."""
        return tuple(dict.fromkeys(p for pair in self.pairs for p in (pair.left, pair.right)))

    def missing(self) -> tuple[str, ...]:
        """Pictures of the list that are not there."""
        return tuple(p for p in self.pictures if not (self.root / p).is_file())


def read(name: str, folder: Path) -> PairSet:
    """The set of that layout. Raises UserFault for an unknown name, an absent or broken list, pictures that are not
    there (with how many), and for a ``.bin`` pickle."""
    if name not in LAYOUTS:
        raise UserFault(f"there is no layout {name!r}", fix=f"the layouts are {', '.join(LAYOUTS)}")
    if folder.suffix == ".bin" and not folder.is_dir():
        raise UserFault(f"{folder} is a pickle, which can run any program when it is loaded: not loaded", fix=FIX_BIN)
    if not folder.is_dir():
        raise UserFault(f"there is no folder {folder}", fix=f"give the folder that holds {name}'s list")
    pairs = tuple(LAYOUTS[name](folder))
    if not pairs:
        raise UserFault(f"the list of {name} in {folder} holds no pair")
    first = [p for pair in pairs[:5] for p in (pair.left, pair.right)]
    root = next((folder / f for f in FOLDERS if any((folder / f / p).is_file() for p in first)), folder)
    found = PairSet(name, root, pairs)
    gone = found.missing()
    if gone:
        raise UserFault(
            f"{len(gone)} of {len(found.pictures)} pictures of {name} are not under {root}, such as {gone[0]}",
            fix="unpack the whole release; pairs are never left out of a published list",
        )
    return found


def check(found: PairSet, folds: int = 10) -> list[str]:
    """What is unlike the published form: sentences, none where all is well. Every fold must hold as many genuine pairs
    as others, and as many pairs as the next."""
    said = []
    sizes = {k: [p for p in found.pairs if p.fold == k] for k in sorted({p.fold for p in found.pairs})}
    if len(sizes) != folds:
        said.append(f"{len(sizes)} folds, not {folds}")
    uneven = [k for k, part in sizes.items() if 2 * sum(p.same for p in part) != len(part)]
    if uneven:
        said.append(f"folds {', '.join(map(str, uneven))}: not one half of the pairs shows one person")
    if len({len(part) for part in sizes.values()}) > 1:
        said.append("folds of different lengths")
    twice = len(found.pairs) - len({(p.left, p.right) for p in found.pairs})
    if twice:
        said.append(f"{twice} pairs stand there twice")
    return said


# one reader a layout: folder to pairs ---------------------------------------------------------------------------------


def _lfw(folder: Path) -> Iterator[Pair]:
    lines = _lines(_list(folder, "pairs.txt"))
    head, *rest = lines
    if len(head) != 2 or not all(w.isdecimal() for w in head):
        raise UserFault(f"{folder}/pairs.txt does not begin with the numbers of folds and of pairs")
    folds, each = int(head[0]), int(head[1])
    if len(rest) != 2 * folds * each:
        raise UserFault(f"{folder}/pairs.txt announces {2 * folds * each} pairs and holds {len(rest)}")
    for i, words in enumerate(rest):
        if len(words) == 3:
            a, b = (words[0], words[1]), (words[0], words[2])
        elif len(words) == 4:
            a, b = (words[0], words[1]), (words[2], words[3])
        else:
            raise UserFault(f"{folder}/pairs.txt, line {i + 2}: three or four fields are expected")
        if not (a[1].isdecimal() and b[1].isdecimal()):
            raise UserFault(f"{folder}/pairs.txt, line {i + 2}: the number of a picture is no number")
        left, right = (f"{who}/{who}_{int(n):04d}.jpg" for who, n in (a, b))
        yield Pair(left, right, len(words) == 3, i // (2 * each), a[0], b[0])


def _sllfw(folder: Path) -> Iterator[Pair]:
    names = [words[0] for words in _lines(_list(folder, "pair_SLLFW.txt"))]
    if len(names) % 2 or not all("/" in n for n in names):
        raise UserFault(f"{folder}/pair_SLLFW.txt: two lines NAME/PICTURE make a pair")
    numbers = fold_numbers(len(names) // 2)
    for i, fold in enumerate(numbers):
        left, right = names[2 * i], names[2 * i + 1]
        a, b = left.split("/")[0], right.split("/")[0]
        yield Pair(left, right, a == b, int(fold), a, b)


def _two_lines(file: str) -> Callable[[Path], Iterator[Pair]]:
    """CALFW and CPLFW."""

    def pairs(folder: Path) -> Iterator[Pair]:
        path = _list(folder, file)
        rows = _lines(path)
        if len(rows) % 2 or not all(len(r) == 2 and r[1].isdecimal() for r in rows):
            raise UserFault(f"{path}: two lines 'picture label' make a pair")
        lists: dict[bool, list[tuple[str, str]]] = {True: [], False: []}
        for i in range(0, len(rows), 2):
            (left, label), (right, other) = rows[i], rows[i + 1]
            if label != other:
                raise UserFault(f"{path}, lines {i + 1} and {i + 2}: one pair has two labels")
            lists[label != "0"].append((left, right))
        folds = {same: fold_numbers(len(part)) for same, part in lists.items()}
        for k in range(10):
            for same, part in lists.items():
                for (left, right), fold in zip(part, folds[same], strict=True):
                    if fold == k:
                        yield Pair(left, right, same, k, _lfw_name(left), _lfw_name(right))

    return pairs


def _cfp(folder: Path) -> Iterator[Pair]:
    protocol = next((p for p in (folder / "Protocol", folder) if (p / "Split" / "FP").is_dir()), None)
    if protocol is None:
        raise UserFault(f"there is no Protocol/Split/FP in {folder}", fix="give the folder of the release of CFP")
    frontal, profile = _numbered(protocol / "Pair_list_F.txt"), _numbered(protocol / "Pair_list_P.txt")
    for k, split in enumerate(sorted(p for p in (protocol / "Split" / "FP").iterdir() if p.is_dir())):
        for file, same in (("same.txt", True), ("diff.txt", False)):
            for i, line in enumerate(_text(_list(split, file)).splitlines(), 1):
                if not line.strip():
                    continue
                a, _, b = line.strip().partition(",")
                if a.strip() not in frontal or b.strip() not in profile:
                    raise UserFault(f"{split / file}, line {i}: {line.strip()!r} names no pair of pictures")
                left, right = frontal[a.strip()], profile[b.strip()]
                yield Pair(left, right, same, k, left.split("/")[0], right.split("/")[0])


def _numbered(path: Path) -> dict[str, str]:
    """``number path`` lines; the path is written from ``Protocol`` on: what follows ``Images/`` counts."""
    rows = _lines(path if path.is_file() else _list(path.parent, path.name))
    if not all(len(r) == 2 for r in rows):
        raise UserFault(f"{path}: a number and a path are expected on each line")
    return {number: name.replace("\\", "/").rpartition("Images/")[2] for number, name in rows}


def _three_fields(*files: str) -> Callable[[Path], Iterator[Pair]]:
    """Two pictures and a label, which stands first or last."""

    def pairs(folder: Path) -> Iterator[Pair]:
        path = _list(folder, *files)
        rows = _lines(path)
        numbers = fold_numbers(len(rows))
        for i, (words, fold) in enumerate(zip(rows, numbers, strict=True), 1):
            if len(words) == 3 and words[2] in ("0", "1"):
                left, right, label = words
            elif len(words) == 3 and words[0] in ("0", "1"):
                label, left, right = words
            else:
                raise UserFault(f"{path}, line {i}: two pictures and 1 or 0 are expected")
            yield Pair(left, right, label == "1", int(fold), _lfw_name(left), _lfw_name(right))

    return pairs


LAYOUTS: dict[str, Callable[[Path], Iterator[Pair]]] = {
    "lfw": _lfw,
    "talfw": _lfw,
    "sllfw": _sllfw,
    "calfw": _two_lines("pairs_CALFW.txt"),
    "cplfw": _two_lines("pairs_CPLFW.txt"),
    "cfp-fp": _cfp,
    "agedb-30": _three_fields("pairs.txt", "agedb_30_ann.txt"),
    "mlfw": _three_fields("pairs.txt"),
}


def _lfw_name(picture: str) -> str:
    """The person in ``NAME_0001.jpg`` or ``NAME_0001_0002.jpg``; '' where the name is not built like that."""
    words = picture.rpartition("/")[2].rpartition(".")[0].split("_")
    while words and words[-1].isdecimal():
        words.pop()
    return "_".join(words)


def _list(folder: Path, *files: str) -> Path:
    """The first of ``files`` that is there. Raises UserFault, which names the way out of a lone ``.bin``."""
    for file in files:
        if (folder / file).is_file():
            return folder / file
    bins = sorted(folder.glob("*.bin"))
    if bins:
        raise UserFault(
            f"{bins[0]} is a pickle, which can run any program when it is loaded: not loaded; and there is no "
            f"{' or '.join(files)} beside it",
            fix=FIX_BIN,
        )
    raise UserFault(f"there is no {' or '.join(files)} in {folder}", fix="the list belongs beside the pictures")


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserFault(f"{path} is no text ({error.reason} at byte {error.start})") from error


def _lines(path: Path) -> Sequence[list[str]]:
    """Fields of every line that is not empty. Raises UserFault for a file without any, and one that is no text."""
    rows = [line.split() for line in _text(path).splitlines() if line.strip()]
    if not rows:
        raise UserFault(f"{path} is empty")
    return rows
