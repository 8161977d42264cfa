import re

from gram_jax.evaluation.comparison.markdown import comparison_markdown


def tables_of(text):
    """Each table as rows of cells; '\\|' is a character, not the end of a cell."""
    tables = re.findall(r"(?:^\|.*\|\n?)+", text, flags=re.M)
    return [[re.split(r"(?<!\\)\|", line)[1:-1] for line in table.strip().splitlines()]
            for table in tables]


def test_every_table_has_as_many_cells_in_every_line(comparison):
    tables = tables_of(comparison_markdown(comparison))
    assert len(tables) >= 8
    for table in tables:
        assert len({len(row) for row in table}) == 1


def test_figures_costs_and_examples_are_there(comparison):
    text = comparison_markdown(comparison, title="A * title")
    figures, costs = tables_of(text)[:2]
    assert text.startswith("# A \\* title\n")
    assert [cell.strip() for cell in figures[0]] == ["method", *comparison.measures]
    for row, means in zip(figures[2:], comparison.means):
        assert [cell.strip().rstrip("▲▼") for cell in row[1:]] == [f"{mean:.4f}" for mean in means]
    assert [cell.strip() for cell in costs[5]][2:] == ["1.23%", "22.0", "1,400", "48.5"]
    for found in comparison.disagreements:
        assert f"Where {found.method} and BM25 differ most" in text
    assert "k1 0.9, b 0.4" in text
    assert "brand 0 \\| kind 0" in text
