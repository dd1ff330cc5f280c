"""The steps that build ``coatcheck.stores.sql.schema``."""
