"""The exercises of the course. Each is an app of its own in path style (views.py and urls.py), and
the same once more in one file, route_style.py; both show the same templates."""
