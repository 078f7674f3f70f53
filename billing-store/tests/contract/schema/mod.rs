//! The schema that the migrations make is the one that is declared, and can be sharded by user.

mod declared;
mod migrations;
mod postgres;
mod sqlite;
