//! Folding moves sums from records to rollups, and changes nothing that a reader can see.
//!
//! Random sequences of calls fold at random points; after each step every reader's answer is
//! compared with the records. `BILLING_FOLDING_SEED` and `BILLING_FOLDING_SEQUENCES` choose which
//! sequences run and how many. A failure prints the seed and the steps.

mod due;
mod expected;
mod reading;
mod steps;
mod together;
mod world;

use std::{env, str::FromStr};

use test_postgres::{Backend, on_both_databases};

use self::world::World;

on_both_databases!(readers_answer_what_records_add_up_to_whenever_they_are_folded);

const SEED: u64 = 20_261_126;
const SEQUENCES: u64 = 2;
const STEPS: usize = 40;

fn setting<T: FromStr>(name: &str, default: T) -> T {
    let set = env::var(name).ok();
    set.map_or(default, |set| {
        set.parse()
            .unwrap_or_else(|_| panic!("{name} is not valid"))
    })
}

async fn readers_answer_what_records_add_up_to_whenever_they_are_folded(backend: Backend) {
    let first = setting("BILLING_FOLDING_SEED", SEED);
    for seed in first..first + setting("BILLING_FOLDING_SEQUENCES", SEQUENCES) {
        println!("BILLING_FOLDING_SEED={seed} BILLING_FOLDING_SEQUENCES=1");
        let mut world = World::new(backend, seed).await;
        for _ in 0..STEPS {
            world.step().await;
        }
        world.close_everything().await;
    }
}
