"""What templates can load: ``{% load coatcheck %}``."""
