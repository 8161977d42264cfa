"""Preferences between codes: on which should a query and its clicked product meet, on which not.

Section 3 of the method. Knows codes, queries and products as numbers, and what each generated;
nothing of models or texts.

Index glossary: a *pair* is a clicked (query, product); a *winner* is a (pair, right code), and the
rows of `Preferences` are winners; a *key* is pair * number of codes + code, which sorts by pair.
"""

import dataclasses

import numpy as np
from scipy import sparse

from gram_jax.codes.code_rows import CodeRows, places_in_groups
from gram_jax.core.errors import ConfigError

NONE = -1
"""In `Preferences.losers` and `Preferences.positives`: no code here."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class PreferenceSettings:
    """Which codes win and which lose.

    Attributes:
      mined_winners: where query and product share no code, the pair's best mined code wins;
        otherwise such a pair teaches nothing.
      postings_count: a code of the query under which the product is filed is shared, whether or
        not the product generated it among its best.
      spare_mined: a mined code of the pair never loses, and stands among the positives.
      max_positives: so many other right codes stand beside a winner, for the multi-label term.
      similarity_discount: a preference weighs 1 - this * (shared values / all values) of winner
        and loser: the more alike they read, the likelier is the loser right too. 0 weighs all
        alike.

    Raises:
      ConfigError: a number is outside its range.
    """

    mined_winners: bool = True
    postings_count: bool = False
    spare_mined: bool = True
    max_positives: int = 4
    similarity_discount: float = 0.0

    def __post_init__(self):
        if self.max_positives < 0:
            raise ConfigError(f"PreferenceSettings.max_positives is {self.max_positives}, below 0")
        if not 0 <= self.similarity_discount <= 1:
            raise ConfigError("PreferenceSettings.similarity_discount is "
                              f"{self.similarity_discount}, not in [0, 1]")


@dataclasses.dataclass(frozen=True, eq=False)
class Preferences:
    """Winners in the order of their pairs, each with its losers.

    Args:
      num_pairs: clicked pairs that were looked at.
      pairs: int32 [winners], the pair of each.
      winners: int32 [winners], the code.
      from_mined: bool [winners], whether it wins because it was mined: the sides share no code.
      losers: int32 [winners, most losers], NONE behind the last.
      weights: float32 [winners, most losers], 0 where there is no loser.
      positives: int32 [winners, most positives], other right codes of the pair, NONE behind the
        last.
    """

    num_pairs: int
    pairs: np.ndarray
    winners: np.ndarray
    from_mined: np.ndarray
    losers: np.ndarray
    weights: np.ndarray
    positives: np.ndarray

    @property
    def has_loser(self) -> np.ndarray:
        """Whether a winner has a loser, without which it teaches nothing: bool [winners]."""
        return (self.losers != NONE).any(axis=1)

    def chosen(self, rows: np.ndarray) -> "Preferences":
        """Only these winners: bool [winners], or their numbers."""
        return dataclasses.replace(self, **{
            field.name: getattr(self, field.name)[rows] for field in dataclasses.fields(self)
            if field.name != "num_pairs"})

    def report(self) -> dict[str, int | float]:
        """How many pairs give a winner, from where, and how many preferences they make."""
        shared, mined = (len(np.unique(self.pairs[self.from_mined == of_mined]))
                         for of_mined in (False, True))
        return {
            "clicked_pairs": self.num_pairs,
            "pairs_with_a_winner": shared + mined,
            "share_with_a_winner": round((shared + mined) / max(self.num_pairs, 1), 4),
            "pairs_that_share_a_code": shared,
            "pairs_with_a_mined_winner": mined,
            "pairs_that_teach": len(np.unique(self.pairs[self.has_loser])),
            "winners": len(self.winners),
            "winners_without_a_loser": int((~self.has_loser).sum()),
            "losers": int((self.losers != NONE).sum()),
        }


def build_preferences(
    queries: np.ndarray,
    products: np.ndarray,
    *,
    query_codes: CodeRows,
    product_codes: CodeRows,
    filed: CodeRows,
    mined: CodeRows,
    code_values: CodeRows,
    code_lengths: np.ndarray,
    beam_size: int,
    seed: int,
    settings: PreferenceSettings,
) -> Preferences:
    """Winners of every clicked pair, and losers drawn for each.

    Winners are the codes that both sides generated, losers those that one side alone did. Fine
    codes are too often among the latter, so how many losers a winner gets is corrected by its own
    length (method, section 3): max(1, round(sqrt(k) * length / longest)) for k beams, or as many
    as there are.

    Args:
      queries: int [pairs], the row of each pair's query in `query_codes`.
      products: int [pairs], the row of each pair's product in `product_codes` and `filed`.
      query_codes: what each query generated.
      product_codes: what each product generated.
      filed: the codes whose postings hold each product.
      mined: what was mined for each pair, best first; a row a pair.
      code_values: the attribute values of every code.
      code_lengths: int [codes], tokens of every code.
      beam_size: k, the codes that a side generates at most.
      seed: of the draw.
      settings: see there.
    """
    num_codes, num_pairs = len(code_lengths), len(queries)
    of_query, of_product, of_mined, of_filed = (
        np.unique(rows.keys(num_codes)) for rows in (
            query_codes.chosen(queries), product_codes.chosen(products), mined,
            filed.chosen(products)))
    shared = np.intersect1d(of_query, of_product, assume_unique=True)
    if settings.postings_count:
        shared = np.union1d(shared, np.intersect1d(of_query, of_filed, assume_unique=True))
    winners = shared
    if settings.mined_winners:
        shares_none = np.bincount(shared // num_codes, minlength=num_pairs) == 0
        lonely = np.flatnonzero(shares_none & (mined.sizes > 0))
        winners = np.union1d(shared, lonely * num_codes + mined.codes[mined.starts[lonely]])
    right = np.union1d(winners, of_mined) if settings.spare_mined else winners
    candidates = np.setdiff1d(np.union1d(of_query, of_product), right, assume_unique=True)

    pairs, codes = np.divmod(winners, num_codes)
    alpha = code_lengths[codes] / code_lengths.max(initial=1)
    wanted = np.maximum(1, np.rint(np.sqrt(beam_size) * alpha))
    losers = _draw(pairs, wanted, candidates, num_codes, np.random.default_rng(seed))
    return Preferences(
        num_pairs, pairs.astype(np.int32), codes.astype(np.int32),
        np.isin(winners, shared, invert=True), losers,
        _weights(codes, losers, code_values, settings.similarity_discount),
        _others(winners, right, num_codes, settings.max_positives))


def _draw(pairs: np.ndarray, wanted: np.ndarray, candidates: np.ndarray, num_codes: int,
          rng: np.random.Generator) -> np.ndarray:
    """For each winner, as many candidates of its pair as it wants: int32 [winners, most].

    Args:
      pairs: the pair of each winner.
      wanted: how many each wants.
      candidates: keys, rising.
      num_codes: of the keys.
      rng: draws them.
    """
    winner, found = _of_pairs(pairs, candidates, num_codes)
    order = np.lexsort((rng.random(len(winner)), winner))
    place = places_in_groups(np.bincount(winner, minlength=len(pairs)))
    kept = place < wanted[winner]  # the order leaves every winner's candidates where they were
    return _packed(winner[kept], found[order][kept], place[kept], len(pairs))


def _others(winners: np.ndarray, right: np.ndarray, num_codes: int, most: int) -> np.ndarray:
    """The other right codes of each winner's pair, by number: int32 [winners, at most `most`]."""
    winner, found = _of_pairs(winners // num_codes, right, num_codes)
    is_other = found != winners[winner] % num_codes
    winner, found = winner[is_other], found[is_other]
    place = places_in_groups(np.bincount(winner, minlength=len(winners)))
    kept = place < most
    return _packed(winner[kept], found[kept], place[kept], len(winners))


def _of_pairs(pairs: np.ndarray, keys: np.ndarray,
              num_codes: int) -> tuple[np.ndarray, np.ndarray]:
    """For each of `pairs` in turn, the codes that rising keys have for it: two int64 [n] arrays.

    The first says which of `pairs`, the second is the code.
    """
    first = np.searchsorted(keys, pairs * num_codes)
    sizes = np.searchsorted(keys, (pairs + 1) * num_codes) - first
    which = np.repeat(np.arange(len(pairs)), sizes)
    return which, keys[np.repeat(first, sizes) + places_in_groups(sizes)] % num_codes


def _packed(rows: np.ndarray, codes: np.ndarray, places: np.ndarray, num_rows: int) -> np.ndarray:
    """Codes at their places of their rows: int32 [num_rows, most places], NONE elsewhere."""
    packed = np.full((num_rows, int(places.max(initial=-1)) + 1), NONE, np.int32)
    packed[rows, places] = codes
    return packed


def _weights(winners: np.ndarray, losers: np.ndarray, code_values: CodeRows,
             discount: float) -> np.ndarray:
    """The weight of every preference: float32 like `losers`, 0 where there is none."""
    rows, places = np.nonzero(losers != NONE)
    holds = sparse.csr_array(
        (np.ones(len(code_values.codes)), code_values.codes, code_values.starts))
    one, other = holds[winners[rows]], holds[losers[rows, places]]
    shared = one.multiply(other).sum(axis=1)
    weights = np.zeros(losers.shape, np.float32)
    weights[rows, places] = 1 - discount * shared / (one.sum(axis=1) + other.sum(axis=1) - shared)
    return weights
