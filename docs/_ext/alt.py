"""Sphinx extension: a figure's sentence, stored with a notebook's output, becomes the `alt` of its `img`.

myst-nb reads an alternative text from the metadata of a cell, of which there is one for all figures of the cell.
"""

import base64
import hashlib
from pathlib import Path

import nbformat
from docutils import nodes


def setup(app):
    app.connect("doctree-resolved", describe)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def describe(app, doctree, docname):
    """Give every image of a notebook's outputs its sentence."""
    path = Path(app.env.doc2path(docname))
    if path.suffix != ".ipynb":
        return
    texts = sentences(nbformat.read(path, as_version=4))
    for image in doctree.findall(nodes.image):
        image["alt"] = texts.get(Path(image["uri"]).stem, image.get("alt", ""))


def sentences(nb):
    """{SHA-256 of a PNG: its sentence}, for all figures in the outputs; the hash is the name that myst-nb gives it."""
    found = {}
    for output in (output for cell in nb.cells for output in cell.get("outputs", ())):
        png = output.get("data", {}).get("image/png")
        if png:
            text = output.metadata.get("image/png", {}).get("alt", "")
            found[hashlib.sha256(base64.b64decode(png)).hexdigest()] = " ".join(text.split())
    return found
