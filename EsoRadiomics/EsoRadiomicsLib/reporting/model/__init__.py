"""A fit or a validation as a folder: page, tables, figures, checklists."""
