"""What `gram --help` says of every stage, and under which heading a command stands.

Knows names and how they are printed; nothing of what a command does.
"""

import argparse

STAGE_HELP = {
    "prepare": "read and check the shop: products, queries, clicks, judgments",
    "tagger": "train the tagger of titles and queries, and tag those of the shop",
    "attributes": "read the attributes of products and queries",
    "codes": "mine the codes that queries and products share",
    "pseudo_queries": "draw queries that nobody typed, with the codes that they should get",
    "relevance": "train the model that says which products suit a query, from clicks",
    "vocabulary": "train the vocabulary, or take the one that is given",
    "train": "train the model that writes codes for queries and products",
    "cotrain": "let the generators propose codes, drop what does not fit, and train them again",
    "align": "teach both sides to prefer the codes on which clicked pairs meet",
    "index": "score every posting and write the snapshot that answers searches",
    "evaluate": "measure GRAM and BM25 on the test queries and print the comparison",
}
GROUPS = {
    "From a shop's files to a snapshot that answers": ("run",),
    "One stage alone, in this order (* only where the settings ask for it)": tuple(STAGE_HELP),
    "Ask a snapshot": ("search", "retrieve", "explain-code", "tag"),
}
"""Headings of `gram --help` -> their commands."""
LAST_GROUP = "See what is there, and take it elsewhere"
"""The heading of the commands that are in no other group."""
TRAINING_STAGES = ("tagger", "relevance", "train", "cotrain", "align")
OPTIONAL_STAGES = frozenset({"tagger", "pseudo_queries", "relevance", "cotrain", "align"})


class GroupedHelp(argparse.RawDescriptionHelpFormatter):
    """Keeps line breaks, and puts commands under the headings of `GROUPS`."""

    def _format_action(self, action):
        if not isinstance(action, argparse._SubParsersAction):
            return super()._format_action(action)
        texts = {choice.dest: choice.help for choice in action._choices_actions}
        grouped = {name for names in GROUPS.values() for name in names}
        rest = tuple(name for name in texts if name not in grouped)
        parts = []
        for heading, names in {**GROUPS, LAST_GROUP: rest}.items():
            parts += [heading, *(self._line(name, texts[name]) for name in names), ""]
        return "\n".join(parts)

    def _line(self, name: str, text: str) -> str:
        """A command and what it does, wrapped beside it."""
        column = 18
        mark = "*" if name in OPTIONAL_STAGES else ""
        lines = self._split_lines(text, self._width - column)
        return f"  {name + mark:<{column - 2}}" + ("\n" + " " * column).join(lines)
