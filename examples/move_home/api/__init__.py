"""The app's surfaces: the citizen's pages, the boroughs' pages, and the API for programs."""
