//! Invoices as callers see them, from the contract's chapter 9.

mod breakdown;
mod callers;
mod command_line;
mod coupons;
mod credit;
mod export;
mod generate;
mod given_back;
mod lifecycle;
mod month_end;
mod plan_changes;
mod plans;
mod world;
