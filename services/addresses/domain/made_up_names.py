"""Invented names for streets, buildings and shops. None is copied from a gazetteer; chance likeness to a real name means nothing."""

STREET_STARTS = (
    "Amberl", "Asterw", "Bellow", "Birchm", "Bramwell", "Calder", "Cindr", "Corvin", "Cresp", "Dapper", "Dovet", "Drumm", "Elderq",
    "Emberl", "Fennim", "Fernh", "Fiddler", "Galloon", "Gimlet", "Gossam", "Hartw", "Hazelm", "Hollin", "Inkw", "Ivern", "Juniper",
    "Kestrel", "Kettlew", "Larkm", "Lintel", "Lodest", "Marrow", "Mistl", "Mosswin", "Nettle", "Nimbl", "Oatm", "Orrery", "Osterl",
    "Pennywh", "Pepperm", "Plumbl", "Quillf", "Quincew", "Rookm", "Rushl", "Saffr", "Skylar", "Sorrelw", "Sparrowm", "Tallowm", "Tansyw",
    "Thimbl", "Thrushm", "Umberl", "Vellum", "Wainscr", "Weatherm", "Whistlew", "Wickerl", "Wintergr", "Yarrow", "Zephyrm", "Zinnial",
)  # fmt: skip
STREET_ENDS = (
    "acre", "ance", "arth", "bane", "bourne", "by", "combe", "dale", "den", "ell", "en", "ery", "ett", "field", "ford", "garth", "ham",
    "hurst", "ick", "ing", "ley", "low", "mere", "mont", "ock", "oak", "ory", "over", "ridge", "sett", "stead", "ster", "thorpe", "ton",
    "wade", "ward", "wick", "wood", "worth", "yard",
)  # fmt: skip
STREET_TYPES = (
    "Street", "Road", "Road", "Street", "Avenue", "Lane", "Gardens", "Terrace", "Grove", "Close", "Square", "Place", "Crescent", "Mews",
    "Walk", "Way", "Row", "Hill",
)  # fmt: skip
BLOCK_TYPES = ("House", "Court", "House", "Point", "Mansions", "Lodge", "Heights", "Tower")
FORMER_USES = (
    "Bakery", "Boathouse", "Bindery", "Chapel", "Coach House", "Cooperage", "Dairy", "Forge", "Foundry", "Gatehouse", "Granary",
    "Laundry", "Observatory", "Printworks", "Ropewalk", "Schoolhouse", "Stables", "Studio", "Tannery", "Vicarage",
)  # fmt: skip
SHOP_TRADES = (
    "Bakers", "Bicycles", "Books", "Cafe", "Chemist", "Clocks", "Cobblers", "Dry Cleaners", "Fishmongers", "Florist", "Grocers",
    "Haberdashery", "Hardware", "Kebabs", "Laundrette", "Music", "Newsagents", "Noodles", "Opticians", "Pizza", "Tailors", "Vintage",
)  # fmt: skip
FLOORS = ("Basement Flat", "Ground Floor Flat", "First Floor Flat", "Top Floor Flat")
