"""The commands: ``coatcheck`` anywhere, ``manage.py`` in a project.

A command imports what it needs when it runs. Wrong use gets one clear sentence on standard error
and a non-zero exit; see ``failures``.
"""
