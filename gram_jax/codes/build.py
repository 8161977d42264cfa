"""From a shop and the values of its texts to everything the codes stage leaves."""

import dataclasses
import itertools
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy import sparse

from gram_jax.attributes.normalize import value_words
from gram_jax.attributes.reading import ShopAttributes
from gram_jax.attributes.term_counts import stop_words
from gram_jax.attributes.value_table import ValueTable
from gram_jax.catalog.shop import Shop
from gram_jax.codes.code_postings import CodePostings
from gram_jax.codes.code_table import CodeTable
from gram_jax.codes.examples import CodeExample, product_text, write_code_examples
from gram_jax.codes.mining import MinedCodes, ShopValues, mine_codes
from gram_jax.codes.mining_settings import MiningSettings
from gram_jax.codes.predictability import holding_matrix
from gram_jax.codes.quality import code_quality, reach
from gram_jax.codes.query_codes import choose_query_codes
from gram_jax.core.atomic import atomic_file
from gram_jax.core.clicks import ClickTable
from gram_jax.core.errors import ConfigError
from gram_jax.core.parallel import MapShards, map_here
from gram_jax.core.records import RELEVANT_GRADE, Click, Query
