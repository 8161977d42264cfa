"""A dozen products and their shoppers, written by hand, for tests that need a real little shop.

Shoppers say 'sneaker' where sellers say 'running shoe', so that a test can see a synonym being
learned from clicks.
"""

from gram_jax.attributes.reading import ShopAttributes, learn_extractor, read_attributes
from gram_jax.attributes.schema import AttributeSchema
from gram_jax.catalog.shop import Shop
from gram_jax.core.records import Click, Judgment, Product, Query


def _product(product_id: str, title: str, **attributes: str) -> Product:
    return Product(product_id, title, {name: (value,) for name, value in attributes.items()})


_PRODUCTS = (
    _product("p01", "Nike Air Max men's running shoe, red", brand="Nike", category="running shoe",
             series="Air Max", color="red", target_audience="men"),
    _product("p02", "Nike Air Max running shoe women blue", brand="Nike", category="running shoe",
             series="Air Max", color="blue", target_audience="women"),
    _product("p03", "Adidas Boost running shoe red", brand="Adidas", category="running shoe",
             series="Boost", color="red"),
    _product("p04", "Adidas Boost trail running shoe, waterproof, black", brand="Adidas",
             category="running shoe", series="Boost", color="black", function="waterproof"),
    _product("p05", "Kohler stainless steel kitchen sink 33 in. double bowl", brand="Kohler",
             category="kitchen sink", material="stainless steel"),
    _product("p06", "Kohler cast iron kitchen sink, white", brand="Kohler",
             category="kitchen sink", material="cast iron", color="white"),
    _product("p07", "Moen stainless steel kitchen sink single bowl", brand="Moen",
             category="kitchen sink", material="stainless steel"),
    _product("p08", "Moen pull down kitchen faucet, stainless steel", brand="Moen",
             category="kitchen faucet", material="stainless steel", function="pull down"),
    _product("p09", "DeWalt 20V cordless drill kit", brand="DeWalt", category="drill",
             technical_specification="20 v", modifier="cordless"),
    _product("p10", "Makita 18V cordless drill", brand="Makita", category="drill",
             technical_specification="18 v", modifier="cordless"),
    _product("p11", "Makita corded hammer drill 7.5 amp", brand="Makita", category="drill",
             modifier="corded"),
    _product("p12", "Cotton bath towel set, white, 6 pieces", category="bath towel",
             material="cotton", color="white", sales_specification="6 pieces"),
)

# query_id: (split, text, {product_id: clicks}, {product_id: grade})
_QUERIES = {
    "q01": ("train", "red nike sneaker", {"p01": 3.0}, {}),
    "q02": ("train", "nike air max", {"p01": 2.0, "p02": 2.0}, {}),
    "q03": ("train", "red sneaker", {"p01": 2.0, "p03": 1.0}, {}),
    "q04": ("train", "adidas running shoe", {"p03": 1.0, "p04": 2.0}, {}),
    "q05": ("train", "kitchen sink", {"p05": 2.0, "p06": 1.0, "p07": 1.0}, {}),
    "q06": ("train", "stainless steel sink", {"p05": 2.0, "p07": 2.0}, {}),
    "q07": ("train", "moen faucet", {"p08": 2.0}, {}),
    "q08": ("train", "cordless drill", {"p09": 3.0, "p10": 1.0}, {}),
    "q09": ("train", "makita drill", {"p10": 2.0, "p11": 1.0}, {}),
    "q10": ("train", "white bath towel", {"p12": 1.0}, {}),
    "q11": ("tune", "nike running shoe", {"p01": 1.0, "p02": 1.0}, {"p01": 2, "p02": 2}),
    "q12": ("tune", "kohler sink", {"p05": 1.0}, {"p05": 3, "p06": 3, "p07": 1}),
    "q13": ("test", "adidas sneaker", {}, {"p03": 3, "p04": 2, "p01": 1}),
    "q14": ("test", "moen stainless sink", {}, {"p07": 3, "p05": 1, "p08": 1}),
    "q15": ("test", "cordless makita drill", {}, {"p10": 3, "p09": 1, "p11": 1}),
}


def tiny_shop() -> Shop:
    """Twelve products; ten train, two tune and three test queries."""
    return Shop(
        products=_PRODUCTS,
        queries=tuple(Query(query_id, row[1]) for query_id, row in _QUERIES.items()),
        clicks=tuple(Click(query_id, product_id, weight)
                     for query_id, (_, _, clicks, _) in _QUERIES.items()
                     for product_id, weight in clicks.items()),
        judgments=tuple(Judgment(query_id, product_id, grade)
                        for query_id, (_, _, _, grades) in _QUERIES.items()
                        for product_id, grade in grades.items()),
        splits={query_id: row[0] for query_id, row in _QUERIES.items()},
    )


def attributes_of(shop: Shop) -> ShopAttributes:
    """The attribute values of a small shop, by the schema and settings that ship."""
    train = shop.queries_of("train")
    extractor = learn_extractor(shop.products, train, schema=AttributeSchema.load())
    return read_attributes(shop.products, (*train, *shop.queries_of("tune")), extractor)


def tiny_attributes() -> ShopAttributes:
    """The attribute values of `tiny_shop`."""
    return attributes_of(tiny_shop())
