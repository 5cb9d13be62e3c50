"""How Sphinx makes the web site. `build.py` lays this folder and the notebooks together and calls it."""

import sys
from importlib.metadata import version as version_of
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "Batch Normalization"
author = "the bnbook authors"
release = version_of("bnbook")
language = "en"

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.viewcode", "sphinx-mathjax-offline", "alt", "docstrings"]
exclude_patterns = [".cache", "_ext", "_parts", "_static"]
nitpicky = True
nitpick_ignore_regex = [("py:class", r"(?!bnbook).*|.*\._.*")]  # base classes of other packages, and private ones

# The stored outputs are those that `make test` compares with a fresh run: what is shown is what was checked.
nb_execution_mode = "off"
nb_merge_streams = True
nb_ipywidgets_js = {}  # from a server elsewhere; the sliders here are frames drawn beforehand
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3
myst_heading_slug_func = "github"

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # what a type hint says, the docstring's table of shapes says better
viewcode_follow_imported_members = False  # it links back to names that are nowhere
autodoc_mock_imports = [] if find_spec("triton") else ["triton"]

html_theme = "sphinx_book_theme"
html_title = "Batch Normalization"
html_context = {"default_mode": "auto"}
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_domain_indices = False  # the list of modules is a page of ours, api/index
html_copy_source = False  # they are notebooks with the answers laid in; the course's own are better
html_show_sourcelink = False
html_theme_options = {
    "use_download_button": False,
    "home_page_in_toc": True,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "navbar_persistent": [],
    # Readable in both themes by WCAG AA; the theme's own choice is not.
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
