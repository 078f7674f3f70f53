//! The `billing-server` binary.

fn main() {}
