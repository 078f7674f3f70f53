//! Receipts: what a top-up was, as a document among the user's invoices (contract, chapter 11).

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Account;
use crate::{
    document::{Buyer, Seller, Snapshot},
    event::EventData,
    ids::{CreditNoteId, InvoiceId},
    invoice::{Bill, CreditNote, Invoice, InvoiceStatus, Item, ItemKind},
    money::Money,
    month::Month,
    payment::{Effect, Observation, Transaction, TransactionKind, net_part},
    refusal::Refusal,
};

impl Account {
    /// Whether what was observed of a transaction calls for a receipt.
    #[must_use]
    pub fn owes_receipt(transaction: &Transaction, observed: &Observation) -> bool {
        let arrived = |effect: &Effect| matches!(effect, Effect::Credit | Effect::LateSuccess);
        transaction.kind == TransactionKind::Topup && observed.effects.iter().any(arrived)
    }

    /// The receipt of a payment of which what was observed of a refund calls for a credit note.
    #[must_use]
    pub fn refunded_receipt(payment: &Transaction, observed: &Observation) -> Option<InvoiceId> {
        let is_refunded = observed.effects.contains(&Effect::Refunded);
        let id = InvoiceId::new(payment.id.uuid());
        (is_refunded && payment.kind == TransactionKind::Topup).then_some(id)
    }

    /// Makes the credit note over what a refund has given back of a receipt, whose notes were loaded, as
    /// far as it was not credited: the note over a refund that failed later stands for the next one.
    /// All notes over the whole receipt come to its amount and its tax. `parties` are who sells and
    /// who buys.
    ///
    /// # Errors
    /// When an amount does not fit.
    pub fn refund_note(
        &mut self,
        receipt: &mut Invoice,
        refund: &Transaction,
        parties: (Seller, Buyer),
        now: DateTime<Utc>,
    ) -> Result<Option<CreditNote>, Refusal> {
        let (mut net, mut total) = (Money::ZERO, Money::ZERO);
        for note in &receipt.credit_notes {
            net = net.plus(note.amount)?;
            total = total.plus(note.total()?)?;
        }
        let left = receipt.bill.final_amount.minus(total)?;
        let given_back = refund.amount.min(left);
        if given_back <= Money::ZERO {
            return Ok(None);
        }
        let so_far = net_part(total.plus(given_back)?, receipt.bill.tax_rate)?;
        let amount = so_far.minus(net)?;
        let amounts = [amount, given_back.minus(amount)?];
        let id = CreditNoteId::new(refund.id.uuid());
        let note = receipt.refund(id, amounts, parties, now)?;
        self.tell(EventData::CreditNote(Arc::new(note.clone())));
        Ok(Some(note))
    }

    /// Issues the receipt of a top-up whose money has arrived, when the user has `earlier` of the
    /// same month. `parties` are who sells and who buys. The tax in it is at the user's rate of now.
    ///
    /// # Errors
    /// When an amount does not fit.
    pub fn receipt(
        &mut self,
        transaction: &Transaction,
        earlier: i64,
        (seller, buyer): (Seller, Buyer),
        now: DateTime<Utc>,
    ) -> Result<Invoice, Refusal> {
        let tax_rate = self.state.tax.charged();
        let amount = net_part(transaction.amount, tax_rate)?;
        let bill = Bill {
            items: vec![Item {
                kind: ItemKind::Topup,
                model: None,
                quantity: 1,
                unit_price: amount,
                amount,
                description: format!("Top-up of {} tokens", transaction.tokens),
                period_start: None,
                period_end: None,
                breakdown: Vec::new(),
            }],
            amount,
            discounts: Vec::new(),
            discount_amount: Money::ZERO,
            tax_rate,
            tax_amount: transaction.amount.minus(amount)?,
            final_amount: transaction.amount,
            credited: Money::ZERO,
            credited_tax: Money::ZERO,
        };
        let month = Month::of(now);
        let id = InvoiceId::new(transaction.id.uuid());
        let number = earlier.saturating_add(1);
        let draft = Invoice::draft(Some(id), self.id().clone(), month, bill, now);
        let receipt = Invoice {
            status: InvoiceStatus::Paid,
            is_receipt: true,
            number: format!("INV-{}-{month}-T{number}", self.id()),
            billing_address: buyer.address.clone(),
            snapshot: Some(Snapshot::new(seller, buyer, self.state.tax.exemption)),
            issued_at: Some(now),
            paid_at: Some(now),
            payment_method: Some(transaction.provider.name().to_owned()),
            transaction_id: Some(transaction.id.to_string()),
            ..draft
        };
        self.tell_of_issue(&receipt);
        Ok(receipt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        account::AccountState,
        ids::{TransactionId, UserId},
        payment::{NewTransaction, Provider},
        testing::{day, money, rate, uuid},
    };

    /// A top-up of 100 USD, tax at 10 % included, and its receipt.
    fn topped_up() -> (Transaction, Invoice) {
        let user = UserId::trusted("user-1".into());
        let mut account = Account::new(AccountState::new(user.clone()));
        account.state.tax.rate = rate("0.1");
        let topup = Transaction::new(order("t", TransactionKind::Topup, "100"), day("2024-11-20"));
        let buyer = Buyer {
            address: "1 High Street".into(),
            ..Buyer::default()
        };
        let parties = (Seller::default(), buyer);
        let receipt = account.receipt(&topup, 2, parties, day("2024-12-01"));
        (topup, receipt.unwrap())
    }

    fn order(id: &str, kind: TransactionKind, amount: &str) -> NewTransaction {
        NewTransaction {
            id: TransactionId::new(uuid(id)),
            user_id: UserId::trusted("user-1".into()),
            kind,
            provider: Provider::Stripe,
            amount: money(amount),
            payment_method_id: None,
            allocations: Vec::new(),
            tokens: 673_407,
            is_automatic: true,
            refund_of: None,
            request: None,
            is_live: false,
        }
    }

    #[test]
    fn a_receipt_shows_the_tax_in_what_was_paid() {
        let (_, receipt) = topped_up();
        let bill = &receipt.bill;
        let amounts = [bill.amount, bill.tax_amount, bill.final_amount];
        assert_eq!(amounts, ["90.91", "9.09", "100"].map(money));
        assert_eq!(receipt.number, "INV-user-1-2024-12-T3");
        assert_eq!(receipt.amount_due(), Ok(Money::ZERO));
        assert_eq!(receipt.billing_address, "1 High Street");
        assert_eq!((receipt.due_date, receipt.service_period()), (None, None));
        assert_eq!(bill.items[0].description, "Top-up of 673407 tokens");
    }

    /// What is credited of a receipt by one refund after another: number, amount, tax.
    fn credited(refunds: &[&str]) -> (Invoice, Vec<(String, Money, Money)>) {
        let (topup, mut receipt) = topped_up();
        let mut account = Account::new(AccountState::new(topup.user_id.clone()));
        let mut notes = Vec::new();
        for (number, amount) in refunds.iter().enumerate() {
            let refund = order(&format!("r{number}"), TransactionKind::Refund, amount);
            let refund = Transaction::new(refund, day("2024-12-02"));
            let parties = Default::default();
            let note = account.refund_note(&mut receipt, &refund, parties, day("2024-12-02"));
            if let Some(note) = note.unwrap() {
                assert_eq!(note.to_balance(), Ok(Money::ZERO));
                assert_eq!(note.invoice_id.uuid(), topup.id.uuid());
                notes.push((note.number, note.amount, note.tax_amount));
            }
        }
        (receipt, notes)
    }

    #[test]
    fn refunds_give_back_a_receipts_amount_and_tax_however_they_are_cut() {
        let (receipt, notes) = credited(&["33.33", "33.33", "33.34"]);
        let expected = [
            ("CN-INV-user-1-2024-12-T3-1", "30.3", "3.03"),
            ("CN-INV-user-1-2024-12-T3-2", "30.3", "3.03"),
            ("CN-INV-user-1-2024-12-T3-3", "30.31", "3.03"),
        ];
        let expected = expected.map(|(number, net, tax)| (number.into(), money(net), money(tax)));
        assert_eq!(notes, expected);
        assert_eq!(receipt.credit_noted, receipt.bill.final_amount);
    }

    #[test]
    fn a_receipt_is_credited_once_though_a_refund_failed_and_was_made_again() {
        let (receipt, notes) = credited(&["60", "100", "100"]);
        let amounts = notes.into_iter().map(|(_, net, tax)| [net, tax]);
        let expected = [["54.55", "5.45"], ["36.36", "3.64"]].map(|note| note.map(money));
        assert_eq!(amounts.collect::<Vec<_>>(), expected);
        assert_eq!(receipt.credit_noted, receipt.bill.final_amount);
    }
}
