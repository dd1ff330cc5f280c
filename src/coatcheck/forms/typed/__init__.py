"""A form as a class with annotations: what it asks, what it says when it is wrong, how it looks.

``form`` is the class that sites write, ``bound`` one form that was sent or is to be shown. On the
way there: ``field`` and ``types`` (what is declared), ``shapes`` (the same, read once), ``names``
and ``reading`` (what was sent), ``words`` (what is said about it), ``html`` (how it is shown).
``coatcheck.forms`` gives out the public names; only this folder imports Pydantic.
"""
