"""Tables of the page as text."""


def texts(table):
    """Rows of strings: the name, then each cell with its interval."""
    return [[row.name, *(f"{cell.text} {cell.interval}".strip() for cell in row.cells)] for row in table.rows]
