//! Issuing, paying and voiding an invoice, and what that changes of the user.

use chrono::{DateTime, Utc};

use super::{
    Bill, Charges, CreditNote, DUE_AFTER, Discount, DiscountSource, Draft, Invoice, InvoiceMove,
    InvoiceRefusal, InvoiceStatus, PAID_BY_CREDIT, PAID_BY_NOTHING, UsageSum,
};
use crate::{
    coupon::Redemption,
    ids::{CreditNoteId, InvoiceId, RedemptionId, UserId},
    money::{Money, NumberError, Rate},
    month::Month,
    pricing::Catalog,
    user::User,
};

/// Why there is a credit note that nobody asked for.
const CREDIT_REASON: &str = "Corrections exceed the month's charges";

/// What an invoice takes from its user's account and settings beside the charges.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Payer {
    /// The rate of the tax; 0 for the exempt.
    pub tax_rate: Rate,
    /// What is left of credit notes, in USD.
    pub credit_balance: Money,
    /// Where to send the invoice.
    pub billing_address: String,
}

/// How an invoice was paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// The means, such as "bank transfer".
    pub method: String,
    /// The payment's id.
    pub transaction_id: Option<String>,
}

impl Invoice {
    /// A draft of a bill.
    #[must_use]
    pub fn draft(
        id: Option<InvoiceId>,
        user_id: UserId,
        month: Month,
        bill: Bill,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            id,
            user_id,
            month,
            status: InvoiceStatus::Draft,
            number: String::new(),
            bill,
            credit_applied: Money::ZERO,
            billing_address: String::new(),
            issued_at: None,
            due_date: None,
            paid_at: None,
            payment_method: None,
            transaction_id: None,
            notes: String::new(),
            credit_notes: Vec::new(),
            created_at: now,
            updated_at: now,
        }
    }

    /// Makes a move.
    ///
    /// # Errors
    /// [`InvoiceRefusal::MoveNotAllowed`].
    pub fn step(&mut self, step: InvoiceMove, now: DateTime<Utc>) -> Result<(), InvoiceRefusal> {
        let next = self.status.after(step);
        self.status = next.ok_or(InvoiceRefusal::MoveNotAllowed(self.status.name()))?;
        self.updated_at = now;
        Ok(())
    }

    /// Records a payment.
    ///
    /// # Errors
    /// [`InvoiceRefusal::MoveNotAllowed`] when nothing is to be paid.
    pub fn pay(&mut self, payment: Payment, now: DateTime<Utc>) -> Result<(), InvoiceRefusal> {
        self.step(InvoiceMove::Pay, now)?;
        self.paid_at = Some(now);
        self.payment_method = Some(payment.method);
        self.transaction_id = payment.transaction_id;
        Ok(())
    }

    /// What exceeds the month's charges, as a credit note.
    fn own_credit(&self, now: DateTime<Utc>) -> Result<Option<CreditNote>, NumberError> {
        let amount = self.bill.credited;
        let Some(invoice_id) = self.id.clone().filter(|_| amount != Money::ZERO) else {
            return Ok(None);
        };
        Ok(Some(CreditNote {
            id: CreditNoteId::trusted(format!("credit-{invoice_id}")),
            user_id: self.user_id.clone(),
            tax_amount: super::tax(amount, self.bill.tax_rate)?,
            invoice_id,
            amount,
            reason: CREDIT_REASON.to_owned(),
            request_id: None,
            created_at: now,
        }))
    }
}

impl User {
    /// What a month is invoiced at; `None` when there is nothing to bill.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when an amount does not fit.
    pub fn bill(
        &self,
        month: Month,
        charges: &Charges,
        catalog: &Catalog,
        tax_rate: Rate,
    ) -> Result<Option<Bill>, NumberError> {
        let Some(draft) = Draft::new(month, charges, catalog)? else {
            return Ok(None);
        };
        let coupons = draft.coupons(month, &self.redemptions)?;
        draft.bill(coupons, tax_rate).map(Some)
    }

    /// Issues a draft under a number: closes its month for the user's usage, fixes in cents what
    /// redemptions took, and pays what the credit balance can. What is left of the balance is left
    /// in `payer`; credit for more than the month charges goes there.
    ///
    /// # Errors
    /// When the draft was issued before or an amount does not fit.
    pub fn issue(
        &mut self,
        mut draft: Invoice,
        number: String,
        payer: &mut Payer,
        now: DateTime<Utc>,
    ) -> Result<Invoice, InvoiceRefusal> {
        draft.step(InvoiceMove::Issue, now)?;
        draft.number = number;
        draft.billing_address.clone_from(&payer.billing_address);
        draft.issued_at = Some(now);
        draft.due_date = now.checked_add_signed(DUE_AFTER);
        let total = draft.bill.final_amount;
        draft.credit_applied = total.min(payer.credit_balance).max(Money::ZERO);
        payer.credit_balance = payer.credit_balance.minus(draft.credit_applied)?;
        if draft.credit_applied == total {
            let method = match total {
                Money::ZERO => PAID_BY_NOTHING,
                _ => PAID_BY_CREDIT,
            };
            let payment = Payment {
                method: method.to_owned(),
                transaction_id: None,
            };
            draft.pay(payment, now)?;
        }
        draft.credit_notes.extend(draft.own_credit(now)?);
        for note in &draft.credit_notes {
            payer.credit_balance = payer.credit_balance.plus(note.total()?)?;
        }
        self.settle(draft.month, &draft.bill)?;
        Ok(draft)
    }

    /// Closes a month for the user's usage and fixes in cents what redemptions took of it.
    fn settle(&mut self, month: Month, bill: &Bill) -> Result<(), NumberError> {
        self.close(month);
        for redemption in &mut self.redemptions {
            redemption.settle(month, bill.taken_by(&redemption.id))?;
        }
        Ok(())
    }

    /// Has usage of a month that comes from now on join a later invoice.
    pub fn close(&mut self, month: Month) {
        self.account.uninvoiced.remove(&month);
        self.account.open_month = self.account.open_month.max(month.next());
    }

    /// Takes back an unpaid invoice. Its charges, which are given, are uninvoiced again, and what
    /// it had of the credit balance and of coupons is given back.
    ///
    /// # Errors
    /// When the invoice is not unpaid or an amount does not fit.
    pub fn void_invoice(
        &mut self,
        invoice: &mut Invoice,
        charges: &Charges,
        reason: String,
        payer: &mut Payer,
        now: DateTime<Utc>,
    ) -> Result<(), InvoiceRefusal> {
        let was_issued = invoice.status != InvoiceStatus::Draft;
        invoice.step(InvoiceMove::Void, now)?;
        invoice.notes = reason;
        if !was_issued {
            return Ok(());
        }
        payer.credit_balance = payer.credit_balance.plus(invoice.credit_applied)?;
        let month = invoice.month;
        let owed = charges.owed_by_records()?;
        self.account.uninvoiced.insert(month, owed);
        for redemption in &mut self.redemptions {
            if let Some(discount) = invoice.bill.discount_of(&redemption.id) {
                redemption.reopen(month, discount)?;
            }
        }
        Ok(())
    }
}

impl Charges {
    /// What records owe before coupons, exactly, in USD.
    fn owed_by_records(&self) -> Result<Money, NumberError> {
        let records = self.usage.iter().filter(|sum| !sum.is_correction());
        super::sum(records.map(UsageSum::net))
    }
}

impl Bill {
    /// What a redemption took, in USD and whole cents.
    #[must_use]
    pub fn taken_by(&self, id: &RedemptionId) -> Money {
        self.discount_of(id)
            .map_or(Money::ZERO, |discount| discount.amount)
    }

    fn discount_of(&self, id: &RedemptionId) -> Option<&Discount> {
        self.discounts.iter().find(|discount| {
            matches!(
                &discount.source,
                DiscountSource::Coupon { redemption_id, .. } if redemption_id == id
            )
        })
    }
}

impl Redemption {
    /// Fixes what was taken of a month.
    fn settle(&mut self, month: Month, amount: Money) -> Result<(), NumberError> {
        let open = self.open.remove(&month);
        if open.is_some() || amount != Money::ZERO {
            let before = open.unwrap_or(Money::ZERO);
            self.saved = self.saved.minus(before)?.plus(amount)?;
            self.changed = true;
        }
        Ok(())
    }

    /// Undoes what was fixed for a month: the exact part is kept for its next invoice.
    fn reopen(&mut self, month: Month, discount: &Discount) -> Result<(), NumberError> {
        let (exact, in_cents) = (discount.exact, discount.amount);
        self.saved = self.saved.minus(in_cents)?.plus(exact)?;
        self.open.insert(month, exact);
        self.changed = true;
        Ok(())
    }
}
