"""Data sharing: signed agreements between boroughs, shares made under them, and the record of both."""
