//! Usage that is refused, and records that cannot be voided.

use billing_core::{
    account::VoidOrder,
    ids::{ModelId, RecordId},
    refusal::Refusal,
    usage::Usage,
};

use super::{Case, NOBODY, case, refused, world::World};
use crate::support::{batch, of_model, unique, usage, user};

/// Who asks in vain for what nobody gets.
const BOTH: [&str; 3] = [NOBODY, "known", "alice"];

pub(super) fn cases(world: &World) -> Vec<Case<'_>> {
    let mut cases = vec![commit(
        world,
        "a repeat with other content",
        usage("alice", "call-1", 7, 0),
        Refusal::UsageConflict,
    )];
    for name in BOTH {
        let unpriced = || of_model(usage(name, "new", 1, 1), "unheard-of");
        let too_large = || of_model(usage(name, "new", 1_000_000_000, 0), "gold");
        let model = ModelId::parse("unheard-of").unwrap();
        for (what, call, refusal) in [
            ("unpriced", unpriced(), Refusal::ModelUnpriced(model)),
            ("too large", too_large(), Refusal::UsageTooLarge),
        ] {
            let title = format!("usage of {name} that is {what}");
            cases.push(commit(world, &title, call.clone(), refusal.clone()));
            let quote = world.store.store.quote(call);
            cases.push(case(format!("a quote for {title}"), quote, refusal));
        }
        let id = RecordId::new(unique());
        let unknown = || Refusal::UsageNotFound(id.to_string());
        let found = world.store.store.record(user(name), id);
        cases.push(case(format!("no record of {name}"), found, unknown()));
        let title = format!("voiding no record of {name}");
        cases.push(void(world, &title, name, id, unknown()));
    }
    let others = Refusal::UsageNotFound(world.voided.to_string());
    cases.extend([
        void(
            world,
            "a voided record",
            "alice",
            world.voided,
            Refusal::UsageVoided,
        ),
        void(
            world,
            "a correction",
            "alice",
            world.correction,
            Refusal::UsageIsCorrection,
        ),
        void(
            world,
            "a record of somebody else",
            "known",
            world.voided,
            others,
        ),
    ]);
    cases
}

fn commit<'a>(world: &'a World, name: &str, call: Usage, expected: Refusal) -> Case<'a> {
    Case {
        name: name.to_owned(),
        call: Box::pin(async move { refused(&world.store.commit(&batch([call])).await) }),
        expected,
    }
}

fn void<'a>(
    world: &'a World,
    name: &str,
    user_id: &str,
    id: RecordId,
    expected: Refusal,
) -> Case<'a> {
    let order = VoidOrder {
        user_id: user(user_id),
        id,
        correction_id: RecordId::new(unique()),
        reason: None,
    };
    case(name, world.store.store.void_usage(order), expected)
}
