"""Server-rendered pages in GOV.UK Design System patterns, with the platform's own name, colours and typeface.

A service imports from here alone: `from shared.pages import FormErrors, Pages`. See README.md beside this file.
"""

from .assets import AssetsMissing, mount
from .csrf import FIELD as FORM_TOKEN
from .csrf import ForgeryError
from .forms import FormErrors
from .renderer import Pages
from .times import LONDON

__all__ = ["FORM_TOKEN", "LONDON", "AssetsMissing", "ForgeryError", "FormErrors", "Pages", "mount"]
