"""What visitors send, read strictly and judged once.

Import from the file that has the subject: ``data`` (what was sent), ``urlencoded`` and ``parser``
(bytes to data), ``uploads``, ``limits``, ``csrf``, ``flash``, ``redirects``. Only ``parser`` needs
the ``multipart`` library; hosts with a parser of their own never import it.
"""
