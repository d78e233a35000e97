"""Invents names for streets, buildings and shops. None comes from a gazetteer; a likeness to a real name is chance.

Joins two elements of English place names, so that the result reads like one: `KESTRELFORD`, `BIRCHMOOR`. The ranges of UPRNs and USRNs,
not the names, mark premises as synthetic.
"""

from .random_choice import Dice

FIRST_ELEMENTS = (
    "Acorn", "Alder", "Amber", "Apple", "Arrow", "Ash", "Aspen", "Autumn", "Badger", "Barley", "Barn", "Beacon", "Bee", "Beech", "Bell",
    "Bilberry", "Birch", "Bishop", "Black", "Bow", "Bracken", "Bramble", "Briar", "Broad", "Brock", "Brook", "Broom", "Buck", "Butter",
    "Castle", "Cedar", "Chalk", "Cherry", "Clay", "Clear", "Cliff", "Clover", "Coal", "Copper", "Corn", "Cowslip", "Crab", "Crane",
    "Cross", "Crow", "Daisy", "Damson", "Deer", "Dove", "Drake", "Dry", "Duck", "Eagle", "Elder", "Elm", "Fair", "Falcon", "Fallow",
    "Farthing", "Fen", "Fern", "Fiddle", "Finch", "Flax", "Flint", "Fox", "Frost", "Furze", "Gander", "Gate", "Glen", "Goat", "Gold",
    "Goose", "Gorse", "Grain", "Grass", "Green", "Grey", "Gull", "Hare", "Harp", "Hart", "Harvest", "Haw", "Hawk", "Hay", "Hazel",
    "Heath", "Heather", "Hedge", "Hemp", "Heron", "High", "Hind", "Holly", "Honey", "Hop", "Horn", "Iron", "Ivy", "Jasmine", "Jay",
    "Juniper", "Kestrel", "Kettle", "King", "Kite", "Knight", "Ladder", "Lady", "Lamb", "Lantern", "Larch", "Lark", "Laurel", "Lime",
    "Linden", "Linnet", "Long", "Mallard", "Maple", "Marl", "Marsh", "Martin", "May", "Meadow", "Merlin", "Merry", "Mill", "Mint", "Monk",
    "Moon", "Moor", "Moss", "Mulberry", "Myrtle", "Needle", "Nettle", "Nut", "Oak", "Oat", "Orchard", "Osier", "Otter", "Owl", "Park",
    "Pear", "Pebble", "Penny", "Pepper", "Pike", "Pine", "Pippin", "Plover", "Plum", "Pool", "Poplar", "Poppy", "Quarry", "Quill",
    "Quince", "Ram", "Raven", "Reed", "Ring", "River", "Robin", "Rook", "Rope", "Rose", "Rowan", "Rush", "Russet", "Rye", "Saddle",
    "Saffron", "Salt", "Sand", "Sedge", "Shell", "Shepherd", "Silver", "Sky", "Sloe", "Snow", "Sorrel", "Sparrow", "Spindle", "Spring",
    "Stag", "Star", "Stone", "Stork", "Straw", "Summer", "Sun", "Swallow", "Swan", "Sweet", "Tallow", "Tansy", "Teal", "Thistle", "Thorn",
    "Thrush", "Thyme", "Timber", "Trout", "Velvet", "Vine", "Wagon", "Walnut", "Warbler", "Water", "Wax", "Weaver", "Wheat", "Wheel",
    "Whin", "White", "Wicker", "Wild", "Willow", "Wind", "Winter", "Wood", "Wool", "Wren", "Yarrow", "Yew",
)  # fmt: skip
SECOND_ELEMENTS = (
    "acre", "bank", "barrow", "beck", "borough", "bourne", "bridge", "brook", "bury", "by", "cliffe", "combe", "cote", "croft", "dale",
    "dean", "den", "down", "field", "fold", "ford", "garth", "gate", "ham", "haven", "hay", "hill", "holme", "holt", "hope", "hurst",
    "hythe", "knoll", "land", "leigh", "ley", "low", "marsh", "mead", "mere", "minster", "moor", "mount", "pool", "ridge", "rigg", "shaw",
    "side", "slade", "stead", "stock", "stoke", "stone", "stow", "thorpe", "thwaite", "tree", "ton", "vale", "water", "well", "wick",
    "wold", "wood", "worth",
)  # fmt: skip
LONGEST_NAME = 11
"""Letters of both elements together."""
STREET_TYPES = (
    "Street", "Street", "Street", "Road", "Road", "Road", "Avenue", "Avenue", "Lane", "Gardens", "Terrace", "Grove", "Close", "Close",
    "Square", "Place", "Crescent", "Mews", "Walk", "Way", "Row", "Hill", "Drive", "Park", "Villas", "Rise", "Passage",
)  # fmt: skip
QUALIFIERS = ("Upper", "Lower", "Great", "Little", "Old", "New", "North", "South", "East", "West")
BLOCK_TYPES = ("House", "Court", "House", "Point", "Mansions", "Lodge", "Heights", "Tower", "Apartments", "Buildings")
FORMER_USES = (
    "Bakery", "Boathouse", "Bindery", "Brewery", "Chapel", "Coach House", "Cooperage", "Dairy", "Fire Station", "Forge", "Foundry",
    "Gatehouse", "Granary", "Laundry", "Library", "Malthouse", "Observatory", "Police Station", "Printworks", "Pumphouse", "Ropewalk",
    "Schoolhouse", "Smithy", "Stables", "Studio", "Tannery", "Tram Depot", "Vicarage", "Warehouse", "Wharf",
)  # fmt: skip
SHOP_TRADES = (
    "Bakers", "Bicycles", "Books", "Chemist", "Clocks", "Cobblers", "Dry Cleaners", "Fishmongers", "Florist", "Grocers", "Haberdashery",
    "Hardware", "Laundrette", "Music", "Newsagents", "Opticians", "Tailors", "Vintage", "Food & Wine", "Phones", "Hair & Beauty", "Barbers",
)  # fmt: skip
EATING_TRADES = ("Cafe", "Kebabs", "Noodles", "Pizza", "Fried Chicken", "Fish Bar", "Kitchen", "Coffee")
OFFICE_TRADES = ("Accountants", "Architects", "Solicitors", "Lettings", "Design", "Translations", "& Sons Ltd", "Surveyors")
FLOORS = ("Basement Flat", "Ground Floor Flat", "First Floor Flat", "Second Floor Flat", "Top Floor Flat")
GARDEN_FLOORS = ("Garden Flat", "Upper Ground Floor Flat", "First Floor Flat", "Second Floor Flat", "Top Floor Flat")


def _joins(first: str, second: str) -> bool:
    """Tells whether two elements read as one English name: short, without a doubled letter or an unpronounceable join."""
    if len(first) + len(second) > LONGEST_NAME or first.lower() in second or second in first.lower():
        return False
    last, begins = first[-1], second[0]
    if last == begins or (first.endswith("le") and begins == "l"):
        return False
    if begins in "aeiou":
        return last not in "aeiouwy"
    hisses = first.endswith(("ch", "sh", "th", "s", "x", "ce", "se", "ze"))
    return not (hisses and begins in "st" and second != "ton") and not (last == "t" and second.startswith("th"))


_SECOND = {first: tuple(second for second in SECOND_ELEMENTS if _joins(first, second)) for first in FIRST_ELEMENTS}


def word(dice: Dice) -> str:
    """Draws one of about 13,000 names, in capitals as in address data."""
    first = dice.one_of(FIRST_ELEMENTS)
    return (first + dice.one_of(_SECOND[first])).upper()


def street(dice: Dice) -> str:
    """Draws a street name in capitals: `KESTRELFORD STREET`, `UPPER KESTRELFORD ROAD`."""
    name = f"{word(dice)} {dice.one_of(STREET_TYPES).upper()}"
    return f"{dice.one_of(QUALIFIERS).upper()} {name}" if dice.chance(0.06) else name


def block(dice: Dice) -> str:
    """Draws the name of a block of flats in capitals: `KESTRELFORD HOUSE`."""
    return f"{word(dice)} {dice.one_of(BLOCK_TYPES).upper()}"
