"""The learned head read one product at a time, in plain Python: the oracle of the device's.

Reads the index as it lies on the host; shares no code with the program.
"""

import dataclasses
import math
from collections.abc import Mapping

import numpy as np

from gram_jax.models.learned_score import LearnedScoreParams
from gram_jax.retrieval.index import RetrievalIndex
from gram_jax.retrieval.query_beams import QueryBeams


@dataclasses.dataclass(frozen=True)
class _Reach:
    """One code that reaches a product."""

    code_id: int
    query: np.ndarray  # ln P of the code's tokens from the query
    product: np.ndarray  # and from the product
    size: int

    @property
    def joint(self) -> float:
        return float(self.query.sum() + self.product.sum())


def plain_features(index: RetrievalIndex, beams: QueryBeams, tokens: np.ndarray,
                   embedding: np.ndarray, params: LearnedScoreParams
                   ) -> dict[int, tuple[dict[str, float], int]]:
    """Every product that the beams reach: its features by name, and its best code.

    Args:
      index: with product features.
      beams: of one query.
      tokens: int [length], the query's.
      embedding: float32 [d_model], the query's.
      params: of the head; their `maps` are read.
    """
    table, length_of = index.code_table, (index.code_tokens != 0).sum(axis=1)
    reached: dict[int, list[_Reach]] = {}
    for code_id, log_probs in zip(beams.code_ids.tolist(), beams.token_log_probs):
        length, start = length_of[code_id], table.posting_starts[code_id]
        products = table.postings(code_id).tolist()
        for offset, product in enumerate(products):
            of_product = index.posting_token_log_probs[start + offset][:length]
            reached.setdefault(product, []).append(_Reach(
                code_id, log_probs[:length].astype(np.float64), of_product.astype(np.float64),
                len(products)))
    top = float(beams.token_log_probs[0].sum()) if len(beams.code_ids) else 0.0
    answer = {}
    for product, codes in reached.items():
        best = max(codes, key=lambda code: code.joint)  # the first of equal ones
        features = _code_features(codes, best, int(table.granularities[best.code_id]))
        features |= {"codes_of_product": math.log(1 + table.codes_per_product[product]),
                     "top_log_prob": top}
        features |= _word_features(index, product, tokens)
        if params.maps is not None:
            features["cosine"] = _cosine(index, product, embedding, params)
        answer[product] = features, best.code_id
    return answer


def plain_score(params: LearnedScoreParams, features: Mapping[str, float]) -> float:
    """u . z + v . relu(z W + b), one feature after the other."""
    normal = [(features[name] - float(mean)) / float(scale)
              for name, mean, scale in zip(params.features, params.mean, params.scale)]
    score = sum(float(weight) * value for weight, value in zip(params.linear, normal))
    for column, bias, output in zip(np.asarray(params.hidden_weights).T, params.hidden_bias,
                                    params.output):
        inner = sum(float(weight) * value for weight, value in zip(column, normal)) + float(bias)
        score += float(output) * max(0.0, inner)
    return score


def _code_features(codes: list[_Reach], best: _Reach, granularity: int) -> dict[str, float]:
    query = [float(code.query.sum()) for code in codes]
    product = [float(code.product.sum()) for code in codes]
    jensen_shannon = 0.0
    for ours, theirs in zip(best.query, best.product):
        p, t = math.exp(ours), math.exp(theirs)
        jensen_shannon += p * math.log(2 * p / (p + t)) + t * math.log(2 * t / (p + t))
    return {
        "query_log_prob": float(best.query.sum()),
        "product_log_prob": float(best.product.sum()),
        "query_token_mean": float(best.query.mean()),
        "product_token_mean": float(best.product.mean()),
        "log_prob_sum": math.log(sum(math.exp(code.joint) for code in codes)),
        "query_over_codes": math.log(sum(map(math.exp, query))),
        "product_over_codes": math.log(sum(map(math.exp, product))),
        "query_over_postings": math.log(sum(math.exp(log_prob) / code.size
                                            for log_prob, code in zip(query, codes))),
        "best_query_log_prob": max(query),
        "best_product_log_prob": max(product),
        "num_codes": math.log(len(codes)),
        "jensen_shannon": jensen_shannon,
        "coarse": float(granularity == 0),
        "fine": float(granularity == 2),
        "posting_size": math.log(best.size),
        "smallest_posting": math.log(min(code.size for code in codes)),
    }


def _word_features(index: RetrievalIndex, product: int, tokens: np.ndarray) -> dict[str, float]:
    found, idf = index.product_features, index.product_features.token_idf.astype(np.float64)
    title = {int(token) for token in found.terms[product] if token}
    query = {int(token) for token in tokens if token}
    matched = sum(idf[token] for token in title & query)
    return {"matched_idf": matched,
            "query_share": matched / max(sum(idf[token] for token in query), 1e-6),
            "title_share": matched / max(sum(idf[token] for token in title), 1e-6)}


def _cosine(index: RetrievalIndex, product: int, embedding: np.ndarray,
            params: LearnedScoreParams) -> float:
    maps = params.maps
    query = (embedding - maps.query_center) @ maps.query_projection
    steps = (index.product_features.embeddings[product].astype(np.float32)
             - maps.product_center) @ maps.product_projection
    steps = np.rint(127 * steps / np.sqrt(np.square(steps).sum() + 1e-12)) / 127
    return float(steps @ query / np.sqrt(np.square(query).sum() + 1e-12))
