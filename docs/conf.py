"""How Sphinx builds the book, from build/book-sources, where helpers/course/book.py lays out its pages."""

import base64
import hashlib
import re
from pathlib import Path

import nbformat
from docutils import nodes
from sphinx.application import Sphinx

from helpers import __version__
from helpers.course import publishing

project = "Normalization and regularization in PyTorch"
html_title = project
author = ""
release = __version__
language = "en"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",  # after what it sets
]
exclude_patterns = ["_*.md", "originals", ".profile", ".doctrees"]
smartquotes = False

nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["amsmath", "dollarmath"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the signature is short, and the words say what is what
add_module_names = False
default_role = "code"

html_theme = "sphinx_book_theme"
html_static_path = ["book.css"]
html_css_files = ["book.css"]
html_domain_indices = html_use_index = False  # the search finds more
html_show_copyright = False
html_show_sphinx = False
html_theme_options = {
    "repository_url": publishing.address(),
    "use_repository_button": True,
    "use_issues_button": True,
    "use_download_button": False,
    "use_fullscreen_button": False,
    "navbar_persistent": [],  # with anything in that bar the buttons that open the sidebars do nothing
    "collapse_navbar": True,
    "show_toc_level": 2,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}


def _alt_texts(app: Sphinx, doctree: nodes.document) -> None:
    """Hands on the alt texts of figures, which myst-nb drops: it names a figure by the hash of its bytes."""
    path = Path(app.env.doc2path(app.env.docname))
    if path.suffix != ".ipynb":
        return
    alts = {}
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            if png := output.get("data", {}).get("image/png"):
                name = hashlib.sha256(base64.b64decode(png)).hexdigest()
                alts[name] = output.metadata["image/png"]["alt"]
    for image in doctree.findall(nodes.image):
        image["alt"] = alts[Path(image["uri"]).stem]


def _docstring(app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Makes of a docstring what Sphinx reads: formulas keep their signs, "name: text" becomes a list."""
    parts = re.split(r"(`[^`]*`)", "\n".join(lines))
    parts[::2] = [re.sub(r"[|*]|(?<=\w)_(?!\w)", r"\\\g<0>", part) for part in parts[::2]]
    blocks = "".join(parts).split("\n\n")
    for i, block in enumerate(blocks):
        begins = [line for line in block.split("\n") if line[:1].strip()]
        if begins and all(re.match(r"[a-z]\w*(, \w+)*: \S", line) for line in begins):
            blocks[i] = re.sub(r"^(?=\S)", "*   ", block, flags=re.M)
    lines[:] = "\n\n".join(blocks).split("\n")


def setup(app: Sphinx) -> None:
    app.connect("doctree-read", _alt_texts)
    app.connect("autodoc-process-docstring", _docstring, priority=100)  # before napoleon
