"""Invented names for streets, buildings and shops. None is copied from a gazetteer; chance likeness to a real name means nothing."""

from .dice import Dice

NAME_STARTS = (
    "Aldersp", "Amberl", "Appleg", "Ardw", "Asterw", "Balsam", "Bannerm", "Barrowm", "Beckw", "Bellow", "Birchm", "Blackth", "Bramwell",
    "Brindlew", "Brookm", "Burnishl", "Cadm", "Calder", "Candlew", "Carrow", "Cawdr", "Chaffinchl", "Cindr", "Clovern", "Cobalt", "Corvin",
    "Cowslipl", "Crackw", "Cresp", "Crossb", "Damsonw", "Dapper", "Darrow", "Dovet", "Dragonm", "Drumm", "Duskw", "Eddow", "Elderq",
    "Emberl", "Everm", "Fallowm", "Farthingl", "Fennim", "Fernh", "Fiddler", "Finchl", "Flaxm", "Foxgl", "Galloon", "Gantr", "Gimlet",
    "Gladew", "Goldcr", "Gossam", "Grebel", "Gullm", "Hallowm", "Harrierl", "Hartw", "Hazelm", "Heronl", "Hobnail", "Hollin", "Honeyw",
    "Hornb", "Inkw", "Ironm", "Ivern", "Jackdawl", "Jasperl", "Juniper", "Kempl", "Kestrel", "Kettlew", "Kingcupl", "Kitem", "Lacew",
    "Lanternm", "Lapw", "Larkm", "Laurelm", "Lintel", "Linnetw", "Lodest", "Lorim", "Mallardl", "Maplew", "Marrow", "Martinl", "Meadm",
    "Merlinw", "Millw", "Mistl", "Mosswin", "Mulberrym", "Nettle", "Nightj", "Nimbl", "Oakm", "Oatm", "Orchardl", "Orrery", "Osterl",
    "Otterw", "Palisad", "Partridgel", "Pennywh", "Pepperm", "Pikel", "Pippinw", "Plovern", "Plumbl", "Poppyl", "Quarr", "Quillf",
    "Quincew", "Rambl", "Ravenl", "Redw", "Rookm", "Rowanl", "Rushl", "Saffr", "Sandpip", "Sedgem", "Shrikew", "Silverl", "Skylar",
    "Sorrelw", "Sparrowm", "Spindlew", "Starlingw", "Swallowm", "Tallowm", "Tansyw", "Tealw", "Thimbl", "Thistlew", "Thrushm", "Tinderl",
    "Umberl", "Vellum", "Vervainl", "Wainscr", "Warblerm", "Waxw", "Weatherm", "Whistlew", "Wickerl", "Willowm", "Wintergr", "Woodl",
    "Wrenw", "Yarrow", "Yewm", "Zephyrm", "Zinnial",
)  # fmt: skip
NAME_ENDS = (
    "acre", "ance", "and", "arch", "ard", "arth", "bane", "beck", "bourne", "brook", "bury", "by", "cliff", "combe", "cote", "croft",
    "dale", "den", "down", "ell", "en", "ence", "ent", "ern", "ery", "eth", "ett", "ey", "field", "firth", "ford", "garth", "gate",
    "grave", "ham", "head", "holme", "hope", "hurst", "ick", "ing", "inger", "ish", "land", "leigh", "ley", "lock", "low", "mere", "mond",
    "mont", "more", "ness", "oak", "ock", "ory", "over", "ridge", "sett", "shaw", "side", "sley", "stead", "ster", "stoke", "stow",
    "thorpe", "thwaite", "ton", "vale", "wade", "wall", "ward", "way", "well", "wick", "wold", "wood", "worth", "yard",
)  # fmt: skip
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


def word(dice: Dice) -> str:
    """A name in capitals, as address data writes it: one of about 13,000."""
    return (dice.one_of(NAME_STARTS) + dice.one_of(NAME_ENDS)).upper()


def street(dice: Dice) -> str:
    """A street's name in capitals: `QUILLFEN STREET`, `UPPER QUILLFEN ROAD`."""
    name = f"{word(dice)} {dice.one_of(STREET_TYPES).upper()}"
    return f"{dice.one_of(QUALIFIERS).upper()} {name}" if dice.chance(0.06) else name


def block(dice: Dice) -> str:
    """The name of a block of flats in capitals: `KESTRELFORD HOUSE`."""
    return f"{word(dice)} {dice.one_of(BLOCK_TYPES).upper()}"
