//! Reducing an invoice that was issued: by credit notes, by voiding what it charged for, and by
//! upgrading what it charged the fee of. None gives back what another has given, and all together
//! never more than was charged.

use chrono::{DateTime, Utc};

use super::{CreditNote, Invoice, InvoiceLine, InvoiceStatus, PAID_BY_NOTE, Payment, sum, tax};
use crate::{
    document::{Buyer, Seller, Snapshot},
    ids::{CreditNoteId, InvoiceId, RequestId, UserId},
    money::{CENTS, Money, NumberError},
    refusal::Refusal,
    usage::Charge,
};

/// Why there is a credit note of a top-up that was given back.
const REFUND_REASON: &str = "Refund of the top-up";
/// Why there is a credit note that nobody asked for.
const CREDIT_REASON: &str = "Corrections exceed the month's charges";

/// A credit note to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreditNoteOrder {
    /// Whose invoice.
    pub user_id: UserId,
    /// The invoice.
    pub invoice_id: InvoiceId,
    /// The id of the note, if one is made.
    pub id: CreditNoteId,
    /// How much before tax, in USD and whole cents, above 0.
    pub amount: Money,
    /// Why.
    pub reason: String,
    /// The caller's id of the call.
    pub request_id: Option<RequestId>,
}

impl CreditNoteOrder {
    /// Compares the order with the note that a call with the same request id has made.
    ///
    /// # Errors
    /// [`Refusal::CreditNoteConflict`] when the order asks for another one.
    pub fn check_repeat(&self, earlier: &CreditNote) -> Result<(), Refusal> {
        let same = earlier.invoice_id == self.invoice_id
            && earlier.amount == self.amount
            && earlier.reason == self.reason;
        if same {
            Ok(())
        } else {
            Err(Refusal::CreditNoteConflict(self.invoice_id))
        }
    }
}

/// A month that was invoiced, and of which a record is taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoicedMonth {
    /// The month's invoice, with its credit notes.
    pub invoice: Invoice,
    /// What the month's records owed before coupons, in USD.
    pub net: Money,
    /// What coupons took at once of records that were there before them, in USD.
    pub taken_at_apply: Money,
}

impl InvoicedMonth {
    /// What a charge has really added to the invoice, in USD: its final cost, less its share by
    /// cost of what coupons took at once.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when an amount does not fit.
    pub(crate) fn added_by(&self, charge: &Charge) -> Result<Money, NumberError> {
        let share = self.taken_at_apply.portion(charge.net()?, self.net)?;
        Ok(charge.final_cost.minus(share)?.max(Money::ZERO))
    }
}

/// The line that charged a subscription's running fee, and its invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChargedFee {
    /// The line.
    pub line: InvoiceLine,
    /// The invoice that carries it; `None` while it waits for one.
    pub invoiced: Option<InvoicedFee>,
}

/// An invoice that carries a fee, and what coupons took there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvoicedFee {
    /// The invoice, with its credit notes.
    pub invoice: Invoice,
    /// What all lines of its month come to, in USD.
    pub lines: Money,
    /// What coupons took of its month's records, at once and as they came, in USD.
    pub taken_of_records: Money,
}

impl InvoicedFee {
    /// What an unused share of a fee has really cost, in USD and whole cents: the share without its
    /// part of what coupons took of the month's fees.
    fn paid_for(&self, unused: Money, fee: Money) -> Result<Money, NumberError> {
        let taken = self.invoice.bill.taken_by_coupons()?;
        let taken_of_fees = taken.minus(self.taken_of_records)?;
        if taken_of_fees <= Money::ZERO {
            return Ok(unused);
        }
        let taken = taken_of_fees.portion(fee.min(self.lines), self.lines)?;
        let unpaid = taken.min(fee).portion(unused.min(fee), fee)?;
        unused.minus(unpaid)?.rounded(CENTS)
    }

    /// Takes back an unused share of a fee, in USD, as far as it was paid for and is left of the
    /// invoice.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`] when an amount does not fit.
    pub(crate) fn take_back(
        &mut self,
        unused: Money,
        fee: Money,
    ) -> Result<Reduction, NumberError> {
        let left = self.invoice.left_to_take_back()?;
        let paid_for = self.paid_for(unused, fee)?;
        self.invoice.reduce(paid_for.min(left))
    }
}

/// By how much an invoice is reduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reduction {
    /// Before tax, exactly, in USD.
    pub exact: Money,
    /// Before tax, in USD and whole cents.
    pub amount: Money,
    /// The tax on it, in USD and whole cents.
    pub tax_amount: Money,
}

/// What was given back of an invoice, in USD and whole cents.
#[derive(Clone, Copy)]
struct GivenBack {
    net: Money,
    tax: Money,
}

impl Invoice {
    /// What exceeds the month's charges, as a credit note.
    pub(super) fn own_credit(&self, snapshot: &Snapshot, now: DateTime<Utc>) -> Option<CreditNote> {
        let (amount, tax_amount) = (self.bill.credited, self.bill.credited_tax);
        let credits = amount != Money::ZERO || tax_amount != Money::ZERO;
        let invoice_id = self.id.filter(|_| credits)?;
        Some(CreditNote {
            // An invoice makes at most one such note.
            id: own_credit_id(invoice_id),
            number: self.next_note_number(),
            document_number: String::new(),
            snapshot: snapshot.clone(),
            user_id: self.user_id.clone(),
            invoice_id,
            amount,
            tax_amount,
            applied: Money::ZERO,
            reason: CREDIT_REASON.to_owned(),
            request_id: None,
            created_at: now,
        })
    }

    /// Reduces the invoice by a credit note: what it still asks for, which may pay it. The note's
    /// tax is the tax on all that was given back, less what was given back of it before, so that
    /// notes over the whole invoice come to its total however they are cut. `parties` are who sells
    /// and who buys as of now.
    ///
    /// # Errors
    /// When the invoice was not issued, is void or given up, or its reductions would exceed its
    /// charges.
    pub fn credit(
        &mut self,
        order: CreditNoteOrder,
        parties: (Seller, Buyer),
        now: DateTime<Utc>,
    ) -> Result<CreditNote, Refusal> {
        if !self.status.is_issued() || self.status == InvoiceStatus::Uncollectible {
            return Err(self.refused());
        }
        if self.is_receipt {
            let description = "is the receipt of a top-up: refund its transaction";
            return Err(Refusal::field("invoice_id", description));
        }
        let before = self.given_back()?;
        let left = self.bill.net()?.minus(before.net)?.max(Money::ZERO);
        if order.amount > left {
            return Err(Refusal::credit_too_high(left));
        }
        let tax_amount = self.next_tax(before, order.amount)?;
        let due = self.amount_due()?;
        let applied = order.amount.plus(tax_amount)?.min(due);
        self.credit_noted = self.credit_noted.plus(applied)?;
        self.updated_at = now;
        if due != Money::ZERO && applied == due {
            self.pay(Payment::by(PAID_BY_NOTE), now)?;
        }
        let note = CreditNote {
            id: order.id,
            number: self.next_note_number(),
            document_number: String::new(),
            snapshot: self.note_snapshot(parties),
            user_id: order.user_id,
            invoice_id: order.invoice_id,
            amount: order.amount,
            tax_amount,
            applied,
            reason: order.reason,
            request_id: order.request_id,
            created_at: now,
        };
        self.credit_notes.push(note.clone());
        Ok(note)
    }

    /// Reduces the receipt of a top-up of which an amount before tax and the tax on it were given
    /// back: by a credit note of which nothing goes to the credit balance.
    ///
    /// # Errors
    /// When it is not stored, or an amount does not fit.
    pub(crate) fn refund(
        &mut self,
        id: CreditNoteId,
        [amount, tax_amount]: [Money; 2],
        parties: (Seller, Buyer),
        now: DateTime<Utc>,
    ) -> Result<CreditNote, Refusal> {
        let Some(invoice_id) = self.id else {
            return Err(self.refused());
        };
        let applied = amount.plus(tax_amount)?;
        self.credit_noted = self.credit_noted.plus(applied)?;
        self.updated_at = now;
        let note = CreditNote {
            id,
            number: self.next_note_number(),
            document_number: String::new(),
            snapshot: self.note_snapshot(parties),
            user_id: self.user_id.clone(),
            invoice_id,
            amount,
            tax_amount,
            applied,
            reason: REFUND_REASON.to_owned(),
            request_id: None,
            created_at: now,
        };
        self.credit_notes.push(note.clone());
        Ok(note)
    }

    /// Takes back what a record has added to the invoice, `added` USD, as far as it is left.
    ///
    /// # Errors
    /// [`Refusal::UsageCredited`] when credit notes have left less, or an amount does not fit.
    pub(crate) fn take_back(&mut self, added: Money) -> Result<Reduction, Refusal> {
        let left = self.left_to_take_back()?;
        if self.notes().next().is_some() && added.rounded(CENTS)? > left {
            return Err(Refusal::UsageCredited {
                number: self.number.clone(),
                left,
            });
        }
        Ok(self.reduce(added.min(left))?)
    }

    /// Reduces it by what is taken back, which is left of it.
    fn reduce(&mut self, exact: Money) -> Result<Reduction, NumberError> {
        let before = self.given_back()?;
        let in_cents = self.corrected.rounded(CENTS)?;
        self.corrected = self.corrected.plus(exact)?;
        let amount = self.corrected.rounded(CENTS)?.minus(in_cents)?;
        let tax_amount = self.next_tax(before, amount)?;
        self.corrected_tax = self.corrected_tax.plus(tax_amount)?;
        Ok(Reduction {
            exact,
            amount,
            tax_amount,
        })
    }

    /// Whether nothing was taken back of the invoice.
    ///
    /// # Errors
    /// [`Refusal::InvoiceCorrected`].
    pub(crate) fn check_nothing_taken_back(&self) -> Result<(), Refusal> {
        match self.id {
            Some(id) if self.corrected != Money::ZERO => Err(Refusal::InvoiceCorrected(id)),
            _ => Ok(()),
        }
    }

    /// What can be taken back of it before tax, in USD: nothing of what was given up.
    fn left_to_take_back(&self) -> Result<Money, NumberError> {
        if self.status == InvoiceStatus::Uncollectible {
            return Ok(Money::ZERO);
        }
        let noted = sum(self.notes().map(|note| Ok(note.amount)))?;
        let left = self.bill.net()?.minus(noted)?.minus(self.corrected)?;
        Ok(left.max(Money::ZERO))
    }

    /// What credit notes and voided records have given back of it.
    fn given_back(&self) -> Result<GivenBack, NumberError> {
        let net = sum(self.notes().map(|note| Ok(note.amount)))?;
        let tax = sum(self.notes().map(|note| Ok(note.tax_amount)))?;
        Ok(GivenBack {
            net: net.plus(self.corrected.rounded(CENTS)?)?,
            tax: tax.plus(self.corrected_tax)?,
        })
    }

    /// The tax that is given back with a further amount.
    fn next_tax(&self, before: GivenBack, amount: Money) -> Result<Money, NumberError> {
        let on_all = tax(before.net.plus(amount)?, self.bill.tax_rate)?;
        let next = on_all.min(self.bill.tax_amount).minus(before.tax)?;
        Ok(next.max(Money::ZERO))
    }

    /// The credit notes that reduce it. Its own one is over what it took back of others.
    fn notes(&self) -> impl Iterator<Item = &CreditNote> {
        let own = self.id.map(own_credit_id);
        let notes = self.credit_notes.iter();
        notes.filter(move |note| Some(note.id) != own)
    }

    /// What a credit note says of its parties, and of tax as the invoice does.
    fn note_snapshot(&self, (seller, buyer): (Seller, Buyer)) -> Snapshot {
        let issued = self.snapshot.as_ref();
        Snapshot::new(seller, buyer, issued.and_then(|issued| issued.exemption))
    }

    fn next_note_number(&self) -> String {
        let earlier = self.credit_notes.len();
        format!("CN-{}-{}", self.number, earlier.saturating_add(1))
    }
}

const fn own_credit_id(invoice_id: InvoiceId) -> CreditNoteId {
    CreditNoteId::new(invoice_id.uuid())
}
