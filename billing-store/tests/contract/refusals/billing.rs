//! Invoices and credit notes that are refused.

use billing_core::{
    ids::{InvoiceId, PriceId},
    invoice::Payment,
    refusal::Refusal,
};
use billing_store::{InvoiceChange, InvoiceOrder};

use super::{
    Case, NOBODY, case,
    world::{World, credit_note},
};
use crate::support::{month, unique, user};

pub(super) fn cases(world: &World) -> Vec<Case<'_>> {
    let mut cases = Vec::new();
    for name in [NOBODY, "known"] {
        for of in ["2026-10", "2026-11"] {
            let nothing = Refusal::NothingToBill(month(of));
            cases.extend(invoices_of(world, name, of, nothing));
        }
        cases.extend(of_no_invoice(world, name, InvoiceId::new(unique())));
        // It is frank's.
        cases.extend(of_no_invoice(world, name, world.paid));
    }
    for name in [NOBODY, "known", "frank"] {
        let to_come = Refusal::month_in_future();
        cases.extend(invoices_of(world, name, "2026-12", to_come));
    }
    cases.extend(of_no_invoice(world, "frank", InvoiceId::new(unique())));
    cases.extend(of_franks(world));
    let unknown = Refusal::PriceUnknown(PriceId::new(999));
    cases.extend(invoices_of(world, "heidi", "2026-10", unknown));
    cases
}

/// A month's invoice and its preview.
fn invoices_of<'a>(world: &'a World, name: &str, of: &str, refusal: Refusal) -> [Case<'a>; 3] {
    let invoices = world.store.store.as_ref();
    let order = |keep_draft| InvoiceOrder {
        user_id: user(name),
        month: month(of),
        id: InvoiceId::new(unique()),
        keep_draft,
    };
    let preview = invoices.preview_invoice(user(name), month(of));
    let issued = invoices.generate_invoice(order(false));
    let kept = invoices.generate_invoice(order(true));
    let title = |what| format!("{what} of {name} for {of}");
    [
        case(title("a preview"), preview, refusal.clone()),
        case(title("an invoice"), issued, refusal.clone()),
        case(title("a draft"), kept, refusal),
    ]
}

fn changes() -> [(&'static str, InvoiceChange); 3] {
    let payment = Payment {
        method: "bank transfer".to_owned(),
        transaction_id: None,
    };
    [
        ("issuing", InvoiceChange::Finalise),
        (
            "voiding",
            InvoiceChange::Void {
                reason: "a mistake".to_owned(),
                write_off: false,
            },
        ),
        ("paying", InvoiceChange::Pay(payment)),
    ]
}

/// Everything that needs an invoice, where the user has none of this id.
fn of_no_invoice<'a>(world: &'a World, name: &str, id: InvoiceId) -> Vec<Case<'a>> {
    let invoices = world.store.store.as_ref();
    let not_found = || Refusal::InvoiceNotFound(id.to_string());
    let note = credit_note(name, id, "0.01", None);
    let found = invoices.invoice(user(name), id);
    let credited = invoices.create_credit_note(note);
    let mut cases = vec![
        case(format!("{id} of {name}"), found, not_found()),
        case(format!("crediting {id} of {name}"), credited, not_found()),
    ];
    for (what, change) in changes() {
        let changed = invoices.change_invoice(user(name), id, change);
        let title = format!("{what} {id} of {name}");
        cases.push(case(title, changed, not_found()));
    }
    cases
}

/// What an invoice's status and its credit notes do not allow.
fn of_franks(world: &World) -> Vec<Case<'_>> {
    let invoices = world.store.store.as_ref();
    let transition = |id, status| Refusal::InvoiceTransition { id, status };
    let mut cases = Vec::new();
    for (id, status) in [(world.paid, "paid"), (world.void, "void")] {
        for (what, change) in changes() {
            let changed = invoices.change_invoice(user("frank"), id, change);
            let title = format!("{what} what is {status}");
            cases.push(case(title, changed, transition(id, status)));
        }
    }
    let credit = |id, amount, request_id| {
        invoices.create_credit_note(credit_note("frank", id, amount, request_id))
    };
    let left = Refusal::credit_too_high("2.99".parse().unwrap());
    let conflict = Refusal::CreditNoteConflict(world.paid);
    cases.extend([
        case(
            "crediting what is void",
            credit(world.void, "0.01", None),
            transition(world.void, "void"),
        ),
        case(
            "crediting more than is left",
            credit(world.paid, "3", None),
            left,
        ),
        case(
            "another credit note with a request id",
            credit(world.paid, "0.02", Some("credit-1")),
            conflict,
        ),
    ]);
    cases
}
