"""Files of tensors, in torch's own formats, so that what one engine saved the other can load.

names.py      what the classes and functions of this engine are called in a file
rebuilding.py  the functions that a file names to make tensors again
pickled.py    the pickle in a file: what it writes in place of tensors, what it may load
archives.py   the file around it: a zip archive, or the older sequence of pickles
"""
