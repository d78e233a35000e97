"""Which word was meant: symmetric deletion, after Garbe's SymSpell, with the optimal string alignment distance.

Two words are within distance d only if taking at most d letters from each can leave the same rest. The rests of every word of the
vocabulary are indexed; those of a misspelt one are looked up; what shares one is measured.
"""

from itertools import combinations

LONGEST_CORRECTED = 16
"""Letters of a word that are looked at for its rests, which grow with the square."""


def most_errors(length: int) -> int:
    """How many errors a word of so many letters may hold and still be recognised."""
    if length < 4:
        return 0
    return 1 if length < 7 else 2


def rests(word: str, errors: int) -> set[str]:
    """What is left of a word when up to `errors` letters are taken from it, itself included."""
    word = word[:LONGEST_CORRECTED]
    found = {word}
    for at in range(len(word)):
        found.add(word[:at] + word[at + 1 :])
    if errors > 1:
        for one, two in combinations(range(len(word)), 2):
            found.add(word[:one] + word[one + 1 : two] + word[two + 1 :])
    return found


def distance(one: str, two: str, most: int) -> int:
    """Letters inserted, left out, replaced, or swapped with their neighbour; `most` + 1 where it is more than `most`."""
    if abs(len(one) - len(two)) > most:
        return most + 1
    same = 0
    for letter, other in zip(one, two):  # noqa: B905 (as far as the shorter goes)
        if letter != other:
            break
        same += 1
    end_one, end_two = len(one), len(two)
    while end_one > same and end_two > same and one[end_one - 1] == two[end_two - 1]:
        end_one, end_two = end_one - 1, end_two - 1
    one, two = one[same:end_one], two[same:end_two]
    if not one or not two:
        return len(one) or len(two)
    before: list[int] = []
    last = list(range(len(two) + 1))
    for at, letter in enumerate(one, 1):
        row = [at]
        for other_at, other in enumerate(two, 1):
            cost = min(last[other_at] + 1, row[-1] + 1, last[other_at - 1] + (letter != other))
            if at > 1 and other_at > 1 and letter == two[other_at - 2] and one[at - 2] == other:
                cost = min(cost, before[other_at - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
        before, last = last, row
    return last[-1]
