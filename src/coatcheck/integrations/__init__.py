"""Glue for frameworks, one file or folder each: translate, call the lifecycle, translate back.

Importing one integration never imports another framework.
"""
