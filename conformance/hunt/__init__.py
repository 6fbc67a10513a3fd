"""The hunt: hours of search for defects, steered by what was seen, ending in a page for each cause.

steering.py   which families of steps to draw more often: those that lately led to something new
search.py     the search itself: chunks of programs in worker processes, folded into a state
state.py      what a hunt knows, in a folder, so that it can be stopped and goes on
causes.py     findings of one cause as one, and which are graver
versions.py   the same finding on other releases, each by an interpreter of its own;  recheck.py runs there
pages.py      a page for each cause, and the index
"""
