-- One release of the gazetteer. Written once, then read only.
CREATE TABLE boroughs (code TEXT PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE wards (id INTEGER PRIMARY KEY, code TEXT NOT NULL, name TEXT NOT NULL, borough TEXT NOT NULL);

-- Keyed by the spaced form, so that a range of the key is a district, a sector, or what has been typed of one.
CREATE TABLE postcodes (
    postcode TEXT PRIMARY KEY, quality INTEGER NOT NULL, easting INTEGER NOT NULL, northing INTEGER NOT NULL,
    lng REAL NOT NULL, lat REAL NOT NULL, ward INTEGER NOT NULL, introduced TEXT NOT NULL, lsoa_2011 TEXT NOT NULL, msoa_2011 TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE terminated (postcode TEXT PRIMARY KEY, terminated TEXT NOT NULL, lng REAL NOT NULL, lat REAL NOT NULL) WITHOUT ROWID;

-- Streets and premises share one sequence of ids, streets first: it is the row id of `search`.
CREATE TABLE streets (id INTEGER PRIMARY KEY, name TEXT NOT NULL, borough TEXT NOT NULL, lng REAL NOT NULL, lat REAL NOT NULL);
CREATE TABLE premises (
    id INTEGER PRIMARY KEY, uprn INTEGER NOT NULL, parent INTEGER, kind TEXT NOT NULL, classification TEXT NOT NULL,
    organisation TEXT NOT NULL, sub_building TEXT NOT NULL, building_name TEXT NOT NULL, building_number TEXT NOT NULL,
    street INTEGER NOT NULL, postcode TEXT NOT NULL, easting INTEGER NOT NULL, northing INTEGER NOT NULL, lng REAL NOT NULL, lat REAL NOT NULL
);

-- `words`: what is typed to find it. `area`: borough, district and sector (NW1, NW1_1), by which a search is narrowed.
CREATE VIRTUAL TABLE search USING fts5 (
    words, area, content = '', columnsize = 0, detail = column, prefix = '1 2 3', tokenize = "ascii tokenchars '_'"
);
CREATE VIRTUAL TABLE vocabulary USING fts5vocab (search, col);
