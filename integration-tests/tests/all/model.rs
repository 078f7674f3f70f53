//! Random sequences of calls on the real server, compared step by step with an independent
//! reference of what the contract says about one user's billing.
//!
//! `BILLING_MODEL_SEQUENCES` and `BILLING_MODEL_SEED` choose how many sequences run and which,
//! `BILLING_MODEL_CLOCK` when the first begins. A failure prints the sequence, and what to set to
//! see it again.

mod calendar;
mod check;
mod choices;
mod compare;
mod compare_invoices;
mod coupons;
mod driver;
mod given_back;
mod invoices;
mod invoicing;
mod items;
mod look;
mod money;
mod operation;
mod plans;
mod reference;
mod script;
mod setup;
mod subscriptions;

use std::{env, str::FromStr};

use integration_tests::{Backend, TestServer, on_both_databases};

use self::driver::Driver;
use crate::wire::Wire;

on_both_databases!(random_sequences_cost_what_the_contract_says);

const BEGIN: &str = "2024-01-10T09:00:00Z";
const SEQUENCES: u64 = 12;
const SEED: u64 = 20_241_121;

fn setting<T: FromStr>(name: &str, default: T) -> T {
    let set = env::var(name).ok();
    set.map_or(default, |set| {
        set.parse()
            .unwrap_or_else(|_| panic!("{name} is not valid"))
    })
}

async fn random_sequences_cost_what_the_contract_says(backend: Backend) {
    let clock = setting("BILLING_MODEL_CLOCK", BEGIN.to_owned());
    let server = TestServer::builder(backend).clock(&clock).start().await;
    let wire = Wire::operator(&server).await;
    let mut now = calendar::micros(clock.parse().expect("the time is RFC 3339"));
    let first = setting("BILLING_MODEL_SEED", SEED);
    for seed in first..first + setting("BILLING_MODEL_SEQUENCES", SEQUENCES) {
        now = Driver::run(wire.clone(), seed, now).await;
    }
}
