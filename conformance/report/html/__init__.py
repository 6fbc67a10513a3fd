"""Pages: each is one self-contained file that opens offline."""

from conformance.report.html.report import render_report

__all__ = ["render_report"]
