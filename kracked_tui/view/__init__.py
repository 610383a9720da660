"""The words of the screen as plain data: book and settings in, frozen lines out.

Nothing here knows Textual, a clock or a colour. A `Line` names roles (`bid`, `dim`,
`large`); `themes.py` and the style sheet decide how a role looks.
"""
