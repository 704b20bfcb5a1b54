"""A sketch of a list from which the difference to another list can be read.

An invertible Bloom lookup table (Goodrich and Mitzenmacher 2011): each entry is added to one cell in
each of three rows; a cell holds how many entries it has and the exclusive or of them. Subtract one
list's sketch from the other's and all that both lists have is gone; a cell that is left with a single
entry shows it, which frees more cells, until the whole difference is known. It takes about 1.3 cells an
entry of the difference, however long the lists are.

The rows have ``2**level`` cells, and an entry's cell at one level is its cell at the next, modulo: so a
sketch folds to any lower level, and a reader to whom a level was too small asks for the missing cells of
the next only. Nothing that was sent is sent again.

A salt that the reader draws for each comparison goes into every hash: nobody can prepare entries that
collide, and what is sent says nothing about a reference to someone who guesses it later.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from struct import Struct
from typing import Final

from sha3 import keccak_256

from anchor.compare.books import Entry

ROWS: Final = 3
SALT_SIZE: Final = 16
KEY_SIZE: Final = 16
MAX_LEVEL: Final = 18
"""786,432 cells, 35 MB: beyond half a million differences, reading the whole record costs less."""

_CELL: Final = Struct(">i40s")
CELL_SIZE: Final = _CELL.size
_ITEM_SIZE: Final = 40
_PLACES: Final = Struct(">III")
# Tags for preimages that are no part of the protocol; all of the protocol's are below 0x20.
_KEY_TAG: Final = b"\x20"
_ITEM_TAG: Final = b"\x21"


class KeyMaker:
    """Makes the keys of a list's entries, in its order.

    Entries without a reference have no name; the first of an amount in one list stands for the first
    of that amount in the other.
    """

    def __init__(self, salt: bytes) -> None:
        if len(salt) != SALT_SIZE:
            raise ValueError(f"a salt has {SALT_SIZE} bytes, not {len(salt)}")
        self._referenced = _KEY_TAG + salt + b"\x01"
        self._unreferenced = _KEY_TAG + salt + b"\x00"
        self._seen: dict[int, int] = {}

    def key(self, reference_id: str | None, amount: int) -> bytes:
        """Return the key (16 bytes) of the next entry."""
        if reference_id is not None:
            return keccak_256(self._referenced + reference_id.encode()).digest()[:KEY_SIZE]  # type: ignore[no-any-return]
        occurrence = self._seen.get(amount, 0)
        self._seen[amount] = occurrence + 1
        preimage = amount.to_bytes(16, "big", signed=True) + occurrence.to_bytes(8, "big")
        return keccak_256(self._unreferenced + preimage).digest()[:KEY_SIZE]  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Difference:
    """What two lists differ in, as (key, amount): in the first only, and in the second only."""

    first_only: tuple[tuple[bytes, int], ...]
    second_only: tuple[tuple[bytes, int], ...]


class Sketch:
    """The cells of a list, or of the difference between two lists."""

    def __init__(self, salt: bytes, level: int, counts: list[int], items: list[int]) -> None:
        self.salt = salt
        self.level = level
        self._counts = counts
        self._items = items

    @classmethod
    def of(cls, salt: bytes, level: int, keyed: Iterable[tuple[bytes, int]]) -> "Sketch":
        """Return the sketch of a list's (key, amount), each key once."""
        cells = ROWS << level
        counts, items = [0] * cells, [0] * cells
        tag, digest, places_of = _ITEM_TAG + salt, keccak_256, _PLACES.unpack_from
        number = int.from_bytes
        mask, second, third = (1 << level) - 1, 1 << level, 2 << level
        for key, amount in keyed:
            content = key + amount.to_bytes(16, "big", signed=True)
            hashed = digest(tag + content).digest()
            item = number(hashed[:8] + content)
            place, place2, place3 = places_of(hashed, 8)
            place &= mask
            place2 = (place2 & mask) + second
            place3 = (place3 & mask) + third
            counts[place] += 1
            items[place] ^= item
            counts[place2] += 1
            items[place2] ^= item
            counts[place3] += 1
            items[place3] ^= item
        return cls(salt, level, counts, items)

    def folded(self, level: int) -> "Sketch":
        """Return this sketch at a lower (or its own) level."""
        if not 0 <= level <= self.level:
            raise ValueError(f"a sketch of level {self.level} does not fold to level {level}")
        counts, items, width = self._counts, self._items, 1 << self.level
        while width > 1 << level:
            half = width // 2
            lower = [row + at for row in range(0, len(counts), width) for at in range(half)]
            counts = [counts[at] + counts[at + half] for at in lower]
            items = [items[at] ^ items[at + half] for at in lower]
            width = half
        return Sketch(self.salt, level, counts, items)

    def minus(self, other: "Sketch") -> "Sketch":
        """Return the sketch of what is in this list and not in the other, or the reverse."""
        if (self.salt, self.level) != (other.salt, other.level):
            raise ValueError("only sketches with one salt and level can be subtracted")
        return Sketch(
            self.salt,
            self.level,
            [mine - theirs for mine, theirs in zip(self._counts, other._counts, strict=True)],
            [mine ^ theirs for mine, theirs in zip(self._items, other._items, strict=True)],
        )

    def cells(self, above: int | None = None) -> bytes:
        """Return the cells, row after row; only those that a reader of level ``above`` lacks."""
        pack, width = _CELL.pack, 1 << self.level
        return b"".join(
            pack(self._counts[at], self._items[at].to_bytes(_ITEM_SIZE, "big"))
            for row in range(0, ROWS * width, width)
            for at in range(row + _known(above), row + width)
        )

    @classmethod
    def from_cells(cls, salt: bytes, level: int, cells: bytes, below: "Sketch | None" = None) -> "Sketch":
        """Read what ``cells`` wrote; ``below`` is the same list's sketch at the level it was asked above.

        Raises ValueError where the number of bytes is not the one for these levels.
        """
        expected = cell_bytes(level, below.level if below else None)
        if len(cells) != expected:
            raise ValueError(f"cells of level {level} have {expected} bytes, not {len(cells)}")
        width, known = 1 << level, _known(below.level if below else None)
        received = iter(_CELL.iter_unpack(cells))
        counts, items = [0] * (ROWS * width), [0] * (ROWS * width)
        for row in range(ROWS):
            start = row * width
            if below is not None:
                counts[start : start + known] = below._counts[row * known : (row + 1) * known]
                items[start : start + known] = below._items[row * known : (row + 1) * known]
            for at in range(known, width):
                counts[start + at], packed = next(received)
                items[start + at] = item = int.from_bytes(packed, "big")
                if known:
                    # A cell of the lower level holds all that fold onto it: what is left is its own.
                    counts[start + at % known] -= counts[start + at]
                    items[start + at % known] ^= item
        return cls(salt, level, counts, items)

    def estimated_difference(self) -> int:
        """Return about how many entries this sketch of a difference holds, from how its counts scatter."""
        width = 1 << self.level
        if width == 1:
            return max(map(abs, self._counts))
        scatter = 0.0
        for row in range(0, ROWS * width, width):
            counts = self._counts[row : row + width]
            mean = sum(counts) / width
            scatter += sum((count - mean) ** 2 for count in counts) * width / (width - 1)
        return round(scatter / ROWS)

    def difference(self) -> Difference | None:
        """Return all that this sketch of a difference holds, or None where the level is too low to tell."""
        counts, items = list(self._counts), list(self._items)
        first_only: list[tuple[bytes, int]] = []
        second_only: list[tuple[bytes, int]] = []
        waiting = [at for at, count in enumerate(counts) if count in (1, -1)]
        tag, width = _ITEM_TAG + self.salt, 1 << self.level
        while waiting and len(first_only) + len(second_only) <= len(counts):
            at = waiting.pop()
            count, item = counts[at], items[at]
            if count not in (1, -1):
                continue
            packed = item.to_bytes(_ITEM_SIZE, "big")
            content = packed[8:]
            hashed = keccak_256(tag + content).digest()
            if hashed[:8] != packed[:8]:
                continue
            single = (content[:KEY_SIZE], int.from_bytes(content[KEY_SIZE:], "big", signed=True))
            (first_only if count == 1 else second_only).append(single)
            for row, place in enumerate(_PLACES.unpack_from(hashed, 8)):
                cell = row * width + place % width
                counts[cell] -= count
                items[cell] ^= item
                if counts[cell] in (1, -1):
                    waiting.append(cell)
        if any(counts) or any(items):
            return None
        return Difference(tuple(first_only), tuple(second_only))


def keyed(salt: bytes, entries: Iterable[Entry]) -> Iterator[tuple[bytes, int]]:
    """Yield (key, amount) of each entry."""
    key = KeyMaker(salt).key
    for reference_id, amount in entries:
        yield key(reference_id, amount), amount


def cell_bytes(level: int, above: int | None = None) -> int:
    """Return how many bytes ``cells`` has."""
    return ROWS * ((1 << level) - _known(above)) * CELL_SIZE


def level_for(differences: int) -> int:
    """Return the lowest level at which about so many differences can be told, with room for the estimate."""
    level = 0
    while ROWS << level < differences * 1.5:
        level += 1
    return level


def _known(above: int | None) -> int:
    return 0 if above is None else 1 << above
