"""Rules of the gazetteer: postcodes, premises, coordinates, and how a typed address is understood. No I/O."""
