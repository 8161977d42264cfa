"""Where tasks find their files and how they mix: what a run binds with gin.

Kept apart from the tasks, so that a gin file can be read without TensorFlow.
"""

import gin


@gin.configurable
def code_examples_folder(path: str = gin.REQUIRED) -> str:
    """The folder with `query_codes.SPLIT.jsonl` and `product_codes.SPLIT.jsonl`.

    Of semantic ids, `semantic_id_titles.train.jsonl` besides.
    """
    return path


@gin.configurable
def pseudo_queries_folder(path: str = gin.REQUIRED) -> str:
    """The folder with `pseudo_query_codes.train.jsonl`."""
    return path


@gin.configurable
def vocabulary_file(path: str = gin.REQUIRED) -> str:
    """The vocabulary file that spells texts and codes."""
    return path


@gin.configurable
def product_task_rate(rate: float = 1.0) -> float:
    """Lambda of method section 2: product examples drawn for each query example."""
    return rate


@gin.configurable
def pseudo_query_task_rate(rate: float = 1.0) -> float:
    """Pseudo-queries drawn for each query example."""
    return rate


@gin.configurable
def semantic_id_title_task_rate(rate: float = 0.5) -> float:
    """Titles to be told from semantic ids, drawn for each query example."""
    return rate
