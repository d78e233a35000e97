-- The postcodes of one release. Written once, then read only.
CREATE TABLE boroughs (code TEXT PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE wards (id INTEGER PRIMARY KEY, code TEXT NOT NULL, name TEXT NOT NULL, borough TEXT NOT NULL);

-- In the order of the spaced form, so that a range of the key is a district, a sector, or what has been typed of one. `id` counts from 0: it
-- is the row of the columns of coordinates.
CREATE TABLE postcodes (
    id INTEGER PRIMARY KEY, postcode TEXT NOT NULL, quality INTEGER NOT NULL, easting INTEGER NOT NULL, northing INTEGER NOT NULL,
    lng REAL NOT NULL, lat REAL NOT NULL, ward INTEGER NOT NULL, introduced TEXT NOT NULL, lsoa_2011 TEXT NOT NULL, msoa_2011 TEXT NOT NULL
);
CREATE TABLE terminated (postcode TEXT PRIMARY KEY, terminated TEXT NOT NULL, lng REAL NOT NULL, lat REAL NOT NULL) WITHOUT ROWID;

-- The means of their postcodes; `boroughs` and `wards` are JSON lists of names. `id` counts from 0, as above.
CREATE TABLE outcodes (
    id INTEGER PRIMARY KEY, outcode TEXT NOT NULL UNIQUE, easting INTEGER NOT NULL, northing INTEGER NOT NULL,
    lng REAL NOT NULL, lat REAL NOT NULL, boroughs TEXT NOT NULL, wards TEXT NOT NULL, first INTEGER NOT NULL, postcodes INTEGER NOT NULL
);
