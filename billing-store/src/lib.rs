//! Durable storage of the billing service on SQLite and PostgreSQL.
