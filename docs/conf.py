"""Settings of Sphinx, for C{make docs}."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

project = "txsmtpx"
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "press.epytext",
    "press.interfaces",
    "press.references",
    "press.picture",
    "press.rfcs",
    "press.root",
    "press.source",
]
exclude_patterns = ["_build"]
nitpicky = True

html_theme = "furo"
html_title = "txsmtpx"
html_copy_source = False
html_show_copyright = False

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
add_module_names = False
python_display_short_literal_types = True
python_use_unqualified_type_names = True
