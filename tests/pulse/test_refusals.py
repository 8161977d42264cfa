"""What `gram` says to what is wrong: one clear message, and nothing half-written."""

import pytest

from gram_jax.testing.gram_command import gram

OWN = "--gin_file=gin/experiments/own_catalog.gin"


def refused(*arguments) -> str:
    done = gram(*arguments, code=2)
    assert done.stdout == "", done
    assert "Traceback" not in done.stderr
    return done.stderr


def test_unknown_names_are_met_with_what_is_close(tmp_path):
    where = f"--workdir={tmp_path / 'w'}"
    assert "Did you mean PRODUCTS" in refused("prepare", where, OWN, "--gin.PRODUCT=x.csv")
    assert "read_own_shop" in refused("prepare", where, OWN, "--gin.read_own_shp.clicks=x")
    assert "on_bad_rows" in refused("prepare", where, OWN, "--gin.read_own_shop.on_bad_row=skip")
    assert "quickstart.gin" in refused("prepare", where, "--gin_file=quikstart.gin")


def test_a_required_setting_is_named(tmp_path):
    said = refused("prepare", f"--workdir={tmp_path / 'w'}", OWN)
    assert "PRODUCTS must be set" in said and "--gin.PRODUCTS=" in said


def test_stages_and_searches_need_what_comes_before(tmp_path):
    where = f"--workdir={tmp_path / 'w'}"
    assert "gin file" in refused("run", where)
    assert "'prepare'" in refused("codes", where, OWN, "--gin.PRODUCTS=x.csv")
    assert "no stage 'tagger'" in refused("run", "--until=tagger", where, OWN,
                                          "--gin.PRODUCTS=x.csv")
    assert "index" in refused("search", where, "red shoe")
    assert "gram run" in refused("inspect", where)


@pytest.mark.parametrize("rows, line, remedy", [
    ("product_id,title\np1,red shoe\np1,blue shoe\n", 3, "p1"),
    ("product_id,title\np1,\n", 2, "title"),
    ("product_id,name\np1,red shoe\n", 1, "title"),
    ("", None, "empty"),
])
def test_bad_products_name_file_line_and_remedy_and_leave_nothing(tmp_path, rows, line, remedy):
    products, clicks = tmp_path / "products.csv", tmp_path / "clicks.tsv"
    products.write_text(rows)
    clicks.write_text("query\tproduct_id\nshoe\tp1\n")
    workdir = tmp_path / "w"
    said = refused("prepare", f"--workdir={workdir}", OWN, f"--gin.PRODUCTS={products}",
                   f"--gin.CLICKS={clicks}")
    assert str(products) in said and remedy in said and "Remedy" in said
    assert line is None or f"line {line}" in said
    assert not (workdir / "prepare").exists()


def test_bad_rows_can_be_skipped_and_are_counted(tmp_path):
    products, clicks = tmp_path / "products.csv", tmp_path / "clicks.tsv"
    products.write_text("product_id,title\np1,red shoe\np1,blue shoe\np2,\np3,hat\n")
    clicks.write_text("query\tproduct_id\n" + "".join(
        f"query {n}\tp{1 if n % 2 else 3}\n" for n in range(60)) + "odd\tp99\n")
    workdir = tmp_path / "w"
    gram("prepare", f"--workdir={workdir}", OWN, f"--gin.PRODUCTS={products}",
         f"--gin.CLICKS={clicks}", "--on_bad_rows=skip")
    shown = gram("inspect", f"--workdir={workdir}", "--json").stdout
    assert '"products": 2' in shown and '"dropped_rows"' in shown


def test_only_stages_take_gin_settings(tmp_path):
    done = gram("search", f"--workdir={tmp_path}", "--gin.SEED=1", "shoe", code=2)
    assert "gin settings" in done.stderr
