"""What vendors say about themselves: their status pages, read without any trust in them."""

from surecast.vendor.fetching import read_page
from surecast.vendor.parsing import parse
from surecast.vendor.view import View, Word

__all__ = ["View", "Word", "parse", "read_page"]
