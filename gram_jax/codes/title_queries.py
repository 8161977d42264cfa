"""Queries that nobody typed, from titles: the words by which a shopper could ask for a product.

Which words of a title are asked by is learned from clicks: 'faucet' is, 'included' is not. Knows
words; nothing of codes or models.
"""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from gram_jax.text.normal_form import words

_LENGTHS = (0.08, 0.22, 0.30, 0.22, 0.12, 0.06)
"""Shares of queries of one to six words where no queries tell, as on Home Depot's train queries."""
_PRIOR_CLICKS = 10.0
"""Clicks' worth of the mean rate that every word starts with."""


@dataclasses.dataclass(frozen=True, eq=False)
class TitleWords:
    """The different words of titles, and how often each is asked by.

    Args:
      words: all of them.
      starts: int64 [titles + 1]; title t has `held[starts[t]:starts[t + 1]]`.
      held: int32 [held], word numbers, in the order of the title.
      rates: float64 [words], the share of clicks on a product with this word in its title whose
        query names it.
      lengths: float64 [n], shares of queries of 1 to n words.
    """

    words: tuple[str, ...]
    starts: np.ndarray
    held: np.ndarray
    rates: np.ndarray
    lengths: np.ndarray

    @classmethod
    def count(cls, titles: Iterable[str],
              clicked: Sequence[tuple[str, Sequence[int]]] = ()) -> "TitleWords":
        """Counts the words of titles, and which of them clicks ask by.

        Args:
          titles: of every product.
          clicked: queries with the products (numbers of titles) that were clicked for them. Without
            any, all words are asked by alike.
        """
        number: dict[str, int] = {}
        held, starts = [], [0]
        for title in titles:
            held.extend(number.setdefault(word, len(number))
                        for word in dict.fromkeys(words(title)))
            starts.append(len(held))
        starts, held = np.array(starts, np.int64), np.array(held, np.int32)
        could, named = np.zeros(len(number)), np.zeros(len(number))
        longest = len(_LENGTHS)
        lengths = np.zeros(longest)
        for query, products in clicked:
            typed = set(words(query))
            lengths[min(max(len(typed), 1), longest) - 1] += 1
            asked = np.array([number[word] for word in typed if word in number], np.int32)
            for product in products:
                mine = held[starts[product]:starts[product + 1]]
                could[mine] += 1
                named[mine[np.isin(mine, asked)]] += 1
        mean = named.sum() / could.sum() if named.any() else 1.0
        rates = (named + _PRIOR_CLICKS * mean) / (could + _PRIOR_CLICKS)
        lengths = lengths / lengths.sum() if lengths.any() else np.array(_LENGTHS)
        return cls(tuple(number), starts, held, rates, lengths)

    def draw(self, num_queries: int, *, seed: int = 0) -> list[str]:
        """Different queries, each some words of a title that is drawn evenly, in its order.

        Args:
          num_queries: how many to draw; repeats are dropped, so fewer may come.
          seed: of the draws.
        """
        rng = np.random.default_rng(seed)
        able = np.flatnonzero(np.diff(self.starts) > 0)
        drawn: dict[str, None] = {}
        for title in rng.choice(able, num_queries) if len(able) else ():
            mine = self.held[self.starts[title]:self.starts[title + 1]]
            count = min(1 + int(rng.choice(len(self.lengths), p=self.lengths)), len(mine))
            # The largest of Gumbel-perturbed log-rates: draws without replacement by the rates.
            keys = np.log(self.rates[mine]) + rng.gumbel(size=len(mine))
            chosen = np.sort(np.argsort(-keys)[:count])
            drawn.setdefault(" ".join(self.words[word] for word in mine[chosen].tolist()))
        return list(drawn)
