"""A patient's result: as rows of text, as one JSON document, as a page, as a folder."""
