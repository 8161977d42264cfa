"""Mixtures of the tasks that ship."""

import seqio

import tasks.codes  # noqa: F401  registers the tasks that are mixed here
from tasks.settings import (
    product_task_rate,
    pseudo_query_task_rate,
    semantic_id_title_task_rate,
)

# L_SFT = L_q + lambda * L_t (method section 2): with lambda as the product task's rate the
# expected loss of an example is L_SFT / (1 + lambda).
seqio.MixtureRegistry.add(
    "gram_query_and_product_to_code",
    [
        ("gram_query_to_code", 1.0),
        ("gram_product_to_code", lambda task: product_task_rate()),
    ],
)

seqio.MixtureRegistry.add(
    "gram_query_pseudo_query_and_product_to_code",
    [
        ("gram_query_to_code", 1.0),
        ("gram_pseudo_query_to_code", lambda task: pseudo_query_task_rate()),
        ("gram_product_to_code", lambda task: product_task_rate()),
    ],
)

seqio.MixtureRegistry.add(
    "semantic_id_of_query_and_product_and_title",
    [
        ("gram_query_to_code", 1.0),
        ("gram_product_to_code", lambda task: product_task_rate()),
        ("semantic_id_to_title", lambda task: semantic_id_title_task_rate()),
    ],
)
