//! Receipts: what a top-up was, as a document among the user's invoices (contract, chapter 11).

use chrono::{DateTime, Utc};

use super::Account;
use crate::{
    document::{Buyer, Seller, Snapshot},
    ids::InvoiceId,
    invoice::{Bill, Invoice, InvoiceStatus, Item, ItemKind},
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

    /// The receipt of a top-up whose money has arrived, when the user has `earlier` of the same
    /// month. `parties` are who sells and who buys. The tax in it is at the user's rate of now.
    ///
    /// # Errors
    /// When an amount does not fit.
    pub fn receipt(
        &self,
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
        Ok(Invoice {
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
        })
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

    #[test]
    fn a_receipt_shows_the_tax_in_what_was_paid() {
        let user = UserId::trusted("user-1".into());
        let mut account = Account::new(AccountState::new(user.clone()));
        account.state.tax.rate = rate("0.1");
        let order = NewTransaction {
            id: TransactionId::new(uuid("t")),
            user_id: user,
            kind: TransactionKind::Topup,
            provider: Provider::Stripe,
            amount: money("100"),
            payment_method_id: None,
            allocations: Vec::new(),
            tokens: 673_407,
            is_automatic: true,
            refund_of: None,
            request: None,
            is_live: false,
        };
        let topup = Transaction::new(order, day("2024-11-20"));
        let buyer = Buyer {
            address: "1 High Street".into(),
            ..Buyer::default()
        };
        let receipt = account.receipt(&topup, 2, (Seller::default(), buyer), day("2024-12-01"));
        let receipt = receipt.unwrap();
        let bill = &receipt.bill;
        let amounts = [bill.amount, bill.tax_amount, bill.final_amount];
        assert_eq!(amounts, ["90.91", "9.09", "100"].map(money));
        assert_eq!(receipt.number, "INV-user-1-2024-12-T3");
        assert_eq!(receipt.amount_due(), Ok(Money::ZERO));
        assert_eq!(receipt.billing_address, "1 High Street");
        assert_eq!((receipt.due_date, receipt.service_period()), (None, None));
        assert_eq!(bill.items[0].description, "Top-up of 673407 tokens");
    }
}
