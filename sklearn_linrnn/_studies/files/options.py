"""What the user says about a file, where the file does not say it."""

from __future__ import annotations

from dataclasses import dataclass

NONE = "none"  # the answer to --time and --missing that there is none
SEPARATORS = {"tab": "\t", "\\t": "\t", "space": " ", "comma": ",", "semicolon": ";", "pipe": "|"}


@dataclass(frozen=True)
class FileOptions:
    """The file options of the command line; ``None`` and ``()`` leave it to the file.

    Attributes
    ----------
    time : tuple of str
        Column of times, or several whose cells are joined by spaces; ``("none",)`` for rows that
        follow each other without times.
    time_format : str or None
        Form of the times, as for `datetime.datetime.strptime`.
    zone : str or None
        Time zone whose clocks the times are.
    freq : str or None
        Time from one row to the next, as in pandas.
    id : str or None
        ``"column=value"``, or ``"column"`` for all of its series.
    missing : tuple of str
        Cells that mean that a value is missing, besides the usual words; ``("none",)`` if all
        numbers are values.
    sep : str or None
        Separator of the cells.
    decimal : str or None
        Decimal sign.
    encoding : str or None
        Encoding of the text.
    header : int or None
        Line of the names, 0 for none.
    sheet : str or None
        Sheet of an Excel file.
    """

    time: tuple[str, ...] = ()
    time_format: str | None = None
    zone: str | None = None
    freq: str | None = None
    id: str | None = None
    missing: tuple[str, ...] = ()
    sep: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    header: int | None = None
    sheet: str | None = None

    @property
    def separator(self) -> str | None:
        """The separator as a character."""
        return self.sep if self.sep is None else SEPARATORS.get(self.sep, self.sep)

    @property
    def id_column(self) -> str | None:
        """Column of the names of stacked series."""
        return None if self.id is None else self.id.partition("=")[0]

    @property
    def id_value(self) -> str | None:
        """Name of the one series to read, or None for all."""
        return None if self.id is None or "=" not in self.id else self.id.partition("=")[2]
