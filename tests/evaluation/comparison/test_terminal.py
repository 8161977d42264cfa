import io

from rich.console import Console

from gram_jax.evaluation.comparison.terminal import print_comparison


def test_the_terminal_shows_figures_costs_slices_and_examples(comparison):
    console = Console(file=io.StringIO(), width=140)
    print_comparison(comparison, console, title="A [bold] shop")
    text = console.file.getvalue()
    for part in ("A [bold] shop", "recall@300", "with codes", "1.23%", "1,400", "query length",
                 "has the highest ndcg@10", "brand 0 | kind 0", "grade 3", "not judged"):
        assert part in text
    for mean in comparison.means.ravel():
        assert f"{mean:.4f}" in text
