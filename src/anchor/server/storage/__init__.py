"""The database: schema, migrations, and the transactions the rest needs, in the domain's words."""
