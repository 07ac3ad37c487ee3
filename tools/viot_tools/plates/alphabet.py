"""The characters of plates. Owns the alphabet and its order, which readers and patterns share; imports nothing."""

from __future__ import annotations

PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
"""First characters of plates of the People's Republic of China."""
SUFFIXES = "学警港澳挂使领"
"""Characters that may end (or begin) special Chinese plates."""
DIGITS = "0123456789"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ALPHABET = DIGITS + LETTERS + PROVINCES + SUFFIXES
